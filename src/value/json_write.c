/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"
#include "value/base64.h"
#include "value/escape.h"
#include "value/number.h"
#include "value/utf8.h"
#include "value/walk.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The first error stays, and nothing is appended after it. */
struct writing {
	struct brood_buffer text;
	int error;
};

static void put(struct writing *out, const void *data, size_t size)
{
	if (!out->error)
		out->error = buffer_append(&out->text, data, size);
}

static void put_word(struct writing *out, const char *word)
{
	put(out, word, strlen(word));
}

static void put_base64(struct writing *out, const struct head *head)
{
	size_t size = base64_length(head->body);
	put_word(out, "\"");
	if (!out->error)
		out->error = buffer_reserve(&out->text, size);
	if (!out->error) {
		base64_encode(out->text.data + out->text.size, head->data, head->body);
		out->text.size += size;
	}
	put_word(out, "\"");
}

/* How a character is written in a string, where it is not as it is. */
static const char *escaped(unsigned char c, char room[8])
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\b':
		return "\\b";
	case '\f':
		return "\\f";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	default:
		if (c >= 0x20)
			return NULL;
		snprintf(room, 8, "\\u%04x", (unsigned)c);
		return room;
	}
}

static void put_string(struct writing *out, const struct head *head)
{
	if (!utf8_valid(head->data, head->body)) {
		put_word(out, "{\"$str\":");
		put_base64(out, head);
		put_word(out, "}");
		return;
	}
	put_word(out, "\"");
	size_t from = 0;
	for (size_t at = 0; at < head->body; at++) {
		char room[8];
		const char *word = escaped(head->data[at], room);
		if (!word)
			continue;
		put(out, head->data + from, at - from);
		put_word(out, word);
		from = at + 1;
	}
	put(out, head->data + from, head->body - from);
	put_word(out, "\"");
}

static void put_double(struct writing *out, double value)
{
	if (isnan(value)) {
		put_word(out, "{\"$double\":\"nan\"}");
	} else if (isinf(value)) {
		put_word(out, value > 0 ? "{\"$double\":\"inf\"}" : "{\"$double\":\"-inf\"}");
	} else {
		char text[NUMBER_MAX];
		int size = number_write(text, value);
		if (size < 0)
			out->error = out->error ? out->error : size;
		else
			put(out, text, (size_t)size);
	}
}

static void put_integer(struct writing *out, uint64_t size, bool negative)
{
	char text[24];
	char *at = text + sizeof text;
	do
		*--at = (char)('0' + size % 10);
	while (size /= 10);
	if (negative)
		*--at = '-';
	put(out, at, (size_t)(text + sizeof text - at));
}

static void put_scalar(struct writing *out, const struct head *head)
{
	switch (head->type) {
	case BROOD_NIL:
		put_word(out, "null");
		break;
	case BROOD_BOOL:
		put_word(out, head->of.boolean ? "true" : "false");
		break;
	case BROOD_UINT:
		put_integer(out, head->of.natural, false);
		break;
	case BROOD_INT:
		put_integer(out, 0 - (uint64_t)head->of.negative, true);
		break;
	case BROOD_DOUBLE:
		put_double(out, head->of.real);
		break;
	case BROOD_STR:
		put_string(out, head);
		break;
	case BROOD_BIN:
		put_word(out, "{\"$bin\":");
		put_base64(out, head);
		put_word(out, "}");
		break;
	case BROOD_EXT:
		put_word(out, "{\"$ext\":[");
		put_integer(out, (uint64_t)(head->of.extension < 0 ? -head->of.extension : head->of.extension),
			head->of.extension < 0);
		put_word(out, ",");
		put_base64(out, head);
		put_word(out, "]}");
		break;
	case BROOD_ARRAY:
	case BROOD_MAP:
		break;
	}
}

/*
 * Whether a map can be a JSON object shows only when all its keys have been seen, so they are looked at first: one byte
 * for each map, in the order in which they begin, that says whether it needs to be written as pairs. It also finds out
 * whether the value is a whole one.
 */
struct survey {
	struct walk walk;
	struct brood_buffer maps;
	size_t map[BROOD_VALUE_DEPTH]; /* of each open map, its place in maps; SIZE_MAX for an array */
};

static int look(struct survey *survey)
{
	struct head head;
	size_t single = SIZE_MAX; /* the map of one pair whose key comes next */
	int what;
	while ((what = walk_next(&survey->walk, &head)) > 0) {
		if (what == WALK_CLOSE)
			continue;
		size_t depth = survey->walk.depth;
		bool opens = head.type == BROOD_ARRAY || head.type == BROOD_MAP;
		size_t outer = depth - opens;
		if (outer && survey->map[outer - 1] != SIZE_MAX && survey->walk.left[outer - 1] % 2) {
			bool plain = head.type == BROOD_STR && utf8_valid(head.data, head.body) &&
				(survey->map[outer - 1] != single || !escape_named(head.data, head.body));
			if (!plain)
				survey->maps.data[survey->map[outer - 1]] = true;
		}
		single = SIZE_MAX;
		if (!opens)
			continue;
		survey->map[depth - 1] = SIZE_MAX;
		if (head.type == BROOD_MAP) {
			const unsigned char object = false;
			survey->map[depth - 1] = survey->maps.size;
			if (head.count == 1)
				single = survey->maps.size;
			int error = buffer_append(&survey->maps, &object, 1);
			if (error)
				return error;
		}
	}
	if (what < 0)
		return what;
	return survey->walk.rest.size ? -EBADMSG : 0;
}

enum kind { ARRAY, OBJECT, PAIRS };

struct opened {
	enum kind kind;
	size_t seen; /* values so far, keys counted */
};

/* What stands before the next value in an array or a map. */
static void put_before(struct writing *out, const struct opened *outer)
{
	bool key = outer->kind != ARRAY && outer->seen % 2 == 0;
	if (outer->kind == OBJECT && !key)
		put_word(out, ":");
	else if (outer->seen)
		put_word(out, ",");
	if (outer->kind == PAIRS && key)
		put_word(out, "[");
}

static void put_after(struct writing *out, struct opened *outer)
{
	outer->seen++;
	if (outer->kind == PAIRS && outer->seen % 2 == 0)
		put_word(out, "]");
}

static void write_value(struct writing *out, struct brood_bytes value, const unsigned char *maps)
{
	static const char *const begin[] = {"[", "{", "{\"$map\":["}, *const end[] = {"]", "}", "]}"};
	struct walk walk;
	walk.rest = value;
	walk.begun = false;
	walk.depth = 0;
	struct opened opened[BROOD_VALUE_DEPTH + 1];
	opened[0] = (struct opened){.kind = ARRAY};
	struct head head;
	int what;
	while (!out->error && (what = walk_next(&walk, &head)) > 0) {
		if (what == WALK_CLOSE) {
			put_word(out, end[opened[walk.depth + 1].kind]);
			put_after(out, &opened[walk.depth]);
			continue;
		}
		if (head.type != BROOD_ARRAY && head.type != BROOD_MAP) {
			put_before(out, &opened[walk.depth]);
			put_scalar(out, &head);
			put_after(out, &opened[walk.depth]);
			continue;
		}
		put_before(out, &opened[walk.depth - 1]);
		enum kind kind = head.type == BROOD_ARRAY ? ARRAY : *maps++ ? PAIRS : OBJECT;
		put_word(out, begin[kind]);
		opened[walk.depth] = (struct opened){.kind = kind};
	}
}

BROOD_API int brood_value_to_json(struct brood_bytes value, struct brood_buffer *out)
{
	if (!out)
		return -EINVAL;
	struct survey survey;
	survey.walk.rest = value;
	survey.walk.begun = false;
	survey.walk.depth = 0;
	survey.maps = (struct brood_buffer){0};
	int error = look(&survey);
	if (!error) {
		struct writing writing = {0};
		write_value(&writing, value, survey.maps.data);
		error = writing.error;
		if (!error)
			error = buffer_append(out, writing.text.data, writing.text.size);
		brood_buffer_free(&writing.text);
	}
	brood_buffer_free(&survey.maps);
	return error;
}
