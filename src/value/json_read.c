/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"
#include "value/escape.h"
#include "value/json_token.h"

#include <errno.h>
#include <string.h>

/*
 * An array or a map takes one level of text, or three where it is {"$map":[[key,value],…]}, and an extension at the
 * bottom takes two. Whether the value itself nests too deep shows once the escapes are folded.
 */
enum { TEXT_DEPTH = 3 * BROOD_VALUE_DEPTH + 2 };

struct open {
	size_t start;
	uint32_t count, pairs; /* members, or elements, and those of them that are arrays of two */
	bool object, holds_pairs; /* the last member is an array of arrays of two */
};

struct reading {
	struct text text;
	struct brood_buffer out;
	size_t depth;
	bool out_of_range;
	struct open open[TEXT_DEPTH];
};

static int skip_blanks(struct text *text)
{
	while (text->at < text->end && memchr(" \t\n\r", *text->at, 4))
		text->at++;
	return text->at < text->end ? *text->at : -1;
}

static int literal(struct reading *in, const char *word, int (*pack)(struct brood_buffer *), bool value)
{
	size_t size = strlen(word);
	if ((size_t)(in->text.end - in->text.at) < size || memcmp(in->text.at, word, size))
		return -EBADMSG;
	in->text.at += size;
	return pack ? pack(&in->out) : brood_pack_bool(&in->out, value);
}

static int number(struct reading *in)
{
	int error = json_number(&in->text, &in->out);
	if (error != -ERANGE)
		return error;
	/* Goes on: text that is broken further on is -EBADMSG. */
	in->out_of_range = true;
	return 0;
}

static int begin(struct reading *in, bool object)
{
	if (in->depth == TEXT_DEPTH)
		return -EBADMSG;
	in->text.at++;
	in->open[in->depth++] = (struct open){.start = in->out.size, .object = object};
	const unsigned char head[WIDE] = {object ? WIDE_MAP : WIDE_ARRAY};
	return buffer_append(&in->out, head, sizeof head);
}

static void end(struct reading *in)
{
	in->text.at++;
	struct open *open = &in->open[--in->depth];
	unsigned char *head = in->out.data + open->start;
	for (unsigned i = 1; i < WIDE; i++)
		head[i] = (unsigned char)(open->count >> (8 * (WIDE - 1 - i)));
	if (open->object && open->count == 1)
		escape_fold(&in->out, open->start, open->holds_pairs);
	if (!in->depth)
		return;
	struct open *outer = &in->open[in->depth - 1];
	if (outer->object)
		outer->holds_pairs = !open->object && open->pairs == open->count;
	else if (!open->object && open->count == 2)
		outer->pairs++;
}

static int name(struct reading *in)
{
	if (skip_blanks(&in->text) != '"')
		return -EBADMSG;
	int error = json_string(&in->text, &in->out);
	if (error)
		return error;
	if (skip_blanks(&in->text) != ':')
		return -EBADMSG;
	in->text.at++;
	return 0;
}

/* Takes what comes where a value must be. 1: it is whole; 0: an array or an object has begun, with a value to come. */
static int value(struct reading *in)
{
	int error;
	int c = skip_blanks(&in->text);
	switch (c) {
	case '[':
	case '{':
		error = begin(in, c == '{');
		if (error)
			return error;
		if (skip_blanks(&in->text) == (c == '{' ? '}' : ']')) {
			end(in);
			return 1;
		}
		return c == '{' ? name(in) : 0;
	case '"':
		error = json_string(&in->text, &in->out);
		break;
	case 'n':
		error = literal(in, "null", brood_pack_nil, false);
		break;
	case 't':
		error = literal(in, "true", NULL, true);
		break;
	case 'f':
		error = literal(in, "false", NULL, false);
		break;
	default:
		error = c < 0 ? -EBADMSG : number(in);
	}
	return error ? error : 1;
}

/* After a whole value, ends what ends with it. 1: all of it has ended; 0: another value is to come. */
static int after(struct reading *in)
{
	while (in->depth) {
		struct open *open = &in->open[in->depth - 1];
		if (open->count == UINT32_MAX)
			return -EINVAL;
		open->count++;
		int c = skip_blanks(&in->text);
		if (c == ',') {
			in->text.at++;
			return open->object ? name(in) : 0;
		}
		if (c != (open->object ? '}' : ']'))
			return -EBADMSG;
		end(in);
	}
	return 1;
}

static int whole(struct reading *in)
{
	int state = 0;
	while (!state) {
		state = value(in);
		if (state == 1)
			state = after(in);
	}
	if (state < 0)
		return state;
	if (skip_blanks(&in->text) >= 0)
		return -EBADMSG;
	int error = escape_narrow(&in->out);
	if (error)
		return error;
	return in->out_of_range ? -ERANGE : 0;
}

BROOD_API int brood_value_from_json(struct brood_bytes text, struct brood_buffer *out)
{
	if (!out || (text.size && !text.data))
		return -EINVAL;
	const unsigned char *data = text.data;
	/* Not an initialiser, which would clear every level. */
	struct reading in;
	in.text = (struct text){data, text.size ? data + text.size : data};
	in.out = (struct brood_buffer){0};
	in.depth = 0;
	in.out_of_range = false;
	int error = whole(&in);
	if (!error)
		error = buffer_append(out, in.out.data, in.out.size);
	brood_buffer_free(&in.out);
	return error;
}
