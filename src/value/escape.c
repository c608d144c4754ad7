/* SPDX-License-Identifier: MIT */
#include "value/escape.h"

#include "value/base64.h"
#include "value/head.h"

#include <errno.h>
#include <math.h>
#include <msgpuck.h>

static const char *const names[] = {
	[ESCAPE_BIN] = "$bin", [ESCAPE_STR] = "$str", [ESCAPE_EXT] = "$ext", [ESCAPE_DOUBLE] = "$double",
	[ESCAPE_MAP] = "$map",
};

static bool is(const unsigned char *data, size_t size, const char *word)
{
	return size == strlen(word) && !memcmp(data, word, size);
}

enum escape escape_named(const unsigned char *name, size_t size)
{
	for (enum escape escape = ESCAPE_BIN; escape <= ESCAPE_MAP; escape++)
		if (is(name, size, names[escape]))
			return escape;
	return ESCAPE_NONE;
}

/* Everything below is written over the longer text that it comes from, front to back, and never overtakes it. */

static void fold_base64(struct brood_buffer *buffer, size_t start, const struct head *text, char *head(char *, uint32_t))
{
	ssize_t size = base64_decode(NULL, text->data, text->body);
	if (size < 0)
		return;
	const unsigned char *from = text->data;
	size_t length = text->body;
	unsigned char *to = (unsigned char *)head((char *)buffer->data + start, (uint32_t)size);
	base64_decode(to, from, length);
	buffer->size = (size_t)(to - buffer->data) + (size_t)size;
}

static void fold_double(struct brood_buffer *buffer, size_t start, const struct head *text)
{
	double value;
	if (is(text->data, text->body, "nan"))
		value = (double)NAN;
	else if (is(text->data, text->body, "inf"))
		value = (double)INFINITY;
	else if (is(text->data, text->body, "-inf"))
		value = -(double)INFINITY;
	else
		return;
	char *end = mp_encode_double((char *)buffer->data + start, value);
	buffer->size = (size_t)(end - (char *)buffer->data);
}

/* msgpuck writes no extensions. */
static char *put_extension(char *at, int type, uint32_t size)
{
	if (size && size <= 16 && !(size & (size - 1))) {
		unsigned power = 0;
		while (size >> power != 1)
			power++;
		at = mp_store_u8(at, (uint8_t)(0xd4 + power));
	} else if (size <= UINT8_MAX) {
		at = mp_store_u8(at, 0xc7);
		at = mp_store_u8(at, (uint8_t)size);
	} else if (size <= UINT16_MAX) {
		at = mp_store_u8(at, 0xc8);
		at = mp_store_u16(at, (uint16_t)size);
	} else {
		at = mp_store_u8(at, 0xc9);
		at = mp_store_u32(at, size);
	}
	return mp_store_u8(at, (uint8_t)type);
}

static void fold_extension(struct brood_buffer *buffer, size_t start, struct brood_bytes rest)
{
	int64_t type;
	struct head text;
	if (brood_unpack_int(&rest, &type) || type < INT8_MIN || type > INT8_MAX)
		return;
	if (head_read(rest, &text) || text.type != BROOD_STR)
		return;
	ssize_t size = base64_decode(NULL, text.data, text.body);
	if (size < 0)
		return;
	unsigned char *to = (unsigned char *)put_extension((char *)buffer->data + start, (int)type, (uint32_t)size);
	base64_decode(to, text.data, text.body);
	buffer->size = (size_t)(to - buffer->data) + (size_t)size;
}

void escape_fold(struct brood_buffer *buffer, size_t start, bool pairs)
{
	struct brood_bytes rest = {buffer->data + start + WIDE, buffer->size - start - WIDE};
	struct brood_bytes key;
	struct head value;
	if (brood_unpack_str(&rest, &key))
		return;
	enum escape escape = escape_named(key.data, key.size);
	/* What has been folded already may begin with the mark, which is no value's head. */
	if (escape == ESCAPE_NONE || head_read(rest, &value))
		return;
	if (value.type == BROOD_STR) {
		if (escape == ESCAPE_BIN)
			fold_base64(buffer, start, &value, mp_encode_binl);
		else if (escape == ESCAPE_STR)
			fold_base64(buffer, start, &value, mp_encode_strl);
		else if (escape == ESCAPE_DOUBLE)
			fold_double(buffer, start, &value);
	} else if (value.type == BROOD_ARRAY) {
		if (escape == ESCAPE_EXT && value.count == 2)
			fold_extension(buffer, start, bytes_after(rest, value.size));
		else if (escape == ESCAPE_MAP && pairs)
			buffer->data[start] = WIDE_PAIRS;
	}
}

struct level {
	size_t left;
	bool pairs;
};

int escape_narrow(struct brood_buffer *buffer)
{
	struct level levels[BROOD_VALUE_DEPTH];
	size_t depth = 0;
	struct brood_bytes rest = {buffer->data, buffer->size};
	char *to = (char *)buffer->data;
	while (rest.size) {
		while (depth && !levels[depth - 1].left)
			depth--;
		if (depth && levels[depth - 1].pairs && levels[depth - 1].left % 2 == 0)
			rest = bytes_after(rest, WIDE);
		if (depth)
			levels[depth - 1].left--;
		const unsigned char *from = rest.data;
		bool pairs = *from == WIDE_PAIRS;
		if (pairs) {
			rest = bytes_after(rest, WIDE);
			struct brood_bytes key;
			int error = brood_unpack_str(&rest, &key);
			if (error)
				return error;
		}
		struct head head;
		int error = head_read(rest, &head);
		if (error)
			return error;
		rest = bytes_after(rest, head.size + head.body);
		if (head.type != BROOD_ARRAY && head.type != BROOD_MAP) {
			memmove(to, from, head.size + head.body);
			to += head.size + head.body;
			continue;
		}
		if (depth == BROOD_VALUE_DEPTH)
			return -EBADMSG;
		bool map = pairs || head.type == BROOD_MAP;
		levels[depth++] = (struct level){map ? head.count * 2 : head.count, pairs};
		uint32_t count = (uint32_t)head.count;
		to = map ? mp_encode_map(to, count) : mp_encode_array(to, count);
	}
	buffer->size = (size_t)(to - (char *)buffer->data);
	return 0;
}
