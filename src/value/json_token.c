/* SPDX-License-Identifier: MIT */
#include "value/json_token.h"

#include "base/buffer.h"
#include "value/number.h"
#include "value/utf8.h"

#include <errno.h>
#include <string.h>

static int hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The four digits after \u: their value, or -1. */
static int hex_unit(struct text *text)
{
	if (text->end - text->at < 4)
		return -1;
	int unit = 0;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(*text->at++);
		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

static int unicode_escape(struct text *text, unsigned *code)
{
	int unit = hex_unit(text);
	if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff))
		return -EBADMSG;
	*code = (unsigned)unit;
	if (unit < 0xd800 || unit > 0xdbff)
		return 0;
	if (text->end - text->at < 2 || text->at[0] != '\\' || text->at[1] != 'u')
		return -EBADMSG;
	text->at += 2;
	int low = hex_unit(text);
	if (low < 0xdc00 || low > 0xdfff)
		return -EBADMSG;
	*code = 0x10000 + ((*code - 0xd800) << 10 | ((unsigned)low - 0xdc00));
	return 0;
}

/* What is behind a backslash, as UTF-8. */
static int unescape(struct text *text, unsigned char **to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	unsigned char c = *text->at++;
	if (c == 'u') {
		unsigned code;
		int error = unicode_escape(text, &code);
		if (error)
			return error;
		*to += utf8_put(*to, code);
		return 0;
	}
	const char *found = memchr(from, c, sizeof from - 1);
	if (!found)
		return -EBADMSG;
	*(*to)++ = (unsigned char)into[found - from];
	return 0;
}

/* Where the closing quote is, or NULL; and whether there is anything to unescape before it. */
static const unsigned char *closing_quote(const struct text *text, bool *escaped)
{
	*escaped = false;
	for (const unsigned char *at = text->at; at < text->end; at++) {
		if (*at == '"')
			return at;
		if (*at < 0x20)
			return NULL;
		if (*at == '\\') {
			*escaped = true;
			at++;
		}
	}
	return NULL;
}

int json_string(struct text *text, struct brood_buffer *out)
{
	text->at++;
	bool escaped;
	const unsigned char *quote = closing_quote(text, &escaped);
	if (!quote)
		return -EBADMSG;
	const unsigned char *data = text->at;
	size_t size = (size_t)(quote - data);
	struct brood_buffer plain = {0};
	if (escaped) {
		/* No escape is shorter than what it stands for. */
		int error = buffer_reserve(&plain, size);
		if (error)
			return error;
		unsigned char *to = plain.data;
		struct text inside = {data, quote};
		while (!error && inside.at < quote) {
			unsigned char c = *inside.at++;
			if (c == '\\')
				error = unescape(&inside, &to);
			else
				*to++ = c;
		}
		if (error) {
			brood_buffer_free(&plain);
			return error;
		}
		data = plain.data;
		size = (size_t)(to - plain.data);
	}
	int error = -EBADMSG;
	if (utf8_valid(data, size))
		error = brood_pack_str(out, (const char *)data, size);
	brood_buffer_free(&plain);
	text->at = quote + 1;
	return error;
}

static bool digits(struct text *text)
{
	const unsigned char *from = text->at;
	while (text->at < text->end && *text->at >= '0' && *text->at <= '9')
		text->at++;
	return text->at > from;
}

static bool next_is(const struct text *text, unsigned char c)
{
	return text->at < text->end && *text->at == c;
}

static int out_of_range(struct brood_buffer *out)
{
	int error = brood_pack_nil(out);
	return error ? error : -ERANGE;
}

static int put_integer(const unsigned char *at, const unsigned char *end, struct brood_buffer *out)
{
	bool negative = *at == '-';
	uint64_t value = 0;
	for (at += negative; at < end; at++)
		if (__builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, *at - (unsigned)'0', &value))
			return out_of_range(out);
	if (!negative)
		return brood_pack_uint(out, value);
	if (value > (uint64_t)INT64_MAX + 1)
		return out_of_range(out);
	return brood_pack_int(out, (int64_t)(0 - value));
}

static int put_double(const unsigned char *from, size_t size, struct brood_buffer *out)
{
	/* The room behind what the buffer holds serves for the NUL that the text is without. */
	int error = buffer_reserve(out, size + 1);
	if (error)
		return error;
	char *copy = (char *)out->data + out->size;
	memcpy(copy, from, size);
	copy[size] = '\0';
	double value;
	error = number_read(copy, &value);
	if (error)
		return error == -ERANGE ? out_of_range(out) : error;
	return brood_pack_double(out, value);
}

int json_number(struct text *text, struct brood_buffer *out)
{
	const unsigned char *from = text->at;
	bool integer = true;
	if (next_is(text, '-'))
		text->at++;
	if (next_is(text, '0'))
		text->at++;
	else if (!digits(text))
		return -EBADMSG;
	if (next_is(text, '.')) {
		integer = false;
		text->at++;
		if (!digits(text))
			return -EBADMSG;
	}
	if (next_is(text, 'e') || next_is(text, 'E')) {
		integer = false;
		text->at++;
		if (next_is(text, '+') || next_is(text, '-'))
			text->at++;
		if (!digits(text))
			return -EBADMSG;
	}
	if (integer)
		return put_integer(from, text->at, out);
	return put_double(from, (size_t)(text->at - from), out);
}
