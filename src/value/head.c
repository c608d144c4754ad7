/* SPDX-License-Identifier: MIT */
#include "value/head.h"

#include <errno.h>
#include <msgpuck.h>

/*
 * mp_check is not used: it counts in an int what is left to see, and takes an array or a map of 2^31 parts and more,
 * whose parts are not there, for a whole value; it also accepts the reserved byte 0xc1. Only single heads are checked
 * with msgpuck.
 */
enum { RESERVED = 0xc1 };

static int read_integer(const char *from, const char *end, struct head *out)
{
	const char *at = from;
	if (mp_typeof(*from) == MP_UINT) {
		if (mp_check_uint(from, end) > 0)
			return -EBADMSG;
		out->type = BROOD_UINT;
		out->of.natural = mp_decode_uint(&at);
	} else {
		if (mp_check_int(from, end) > 0)
			return -EBADMSG;
		int64_t value = mp_decode_int(&at);
		/* A signed format may hold what is not negative. */
		if (value >= 0) {
			out->type = BROOD_UINT;
			out->of.natural = (uint64_t)value;
		} else {
			out->type = BROOD_INT;
			out->of.negative = value;
		}
	}
	out->size = (size_t)(at - from);
	return 0;
}

static int read_float(const char *from, const char *end, struct head *out)
{
	const char *at = from;
	out->type = BROOD_DOUBLE;
	if (mp_typeof(*from) == MP_FLOAT) {
		if (mp_check_float(from, end) > 0)
			return -EBADMSG;
		out->of.real = (double)mp_decode_float(&at);
	} else {
		if (mp_check_double(from, end) > 0)
			return -EBADMSG;
		out->of.real = mp_decode_double(&at);
	}
	out->size = (size_t)(at - from);
	return 0;
}

/* msgpuck knows extensions only to step over them. */
static int read_extension(const char *from, const char *end, struct head *out)
{
	const char *at = from;
	unsigned byte = mp_load_u8(&at);
	size_t left = (size_t)(end - at), length = 0, width = 0;
	if (byte >= 0xd4 && byte <= 0xd8)
		length = (size_t)1 << (byte - 0xd4);
	else
		width = (size_t)1 << (byte - 0xc7);
	if (left < width + 1)
		return -EBADMSG;
	if (width == 1)
		length = mp_load_u8(&at);
	else if (width == 2)
		length = mp_load_u16(&at);
	else if (width == 4)
		length = mp_load_u32(&at);
	out->type = BROOD_EXT;
	out->of.extension = (int8_t)mp_load_u8(&at);
	out->size = (size_t)(at - from);
	out->body = length;
	return 0;
}

static int read_head(const char *from, const char *end, struct head *out)
{
	const char *at = from;
	if ((unsigned char)*from == RESERVED)
		return -EBADMSG;
	switch (mp_typeof(*from)) {
	case MP_NIL:
		out->type = BROOD_NIL;
		out->size = 1;
		return 0;
	case MP_BOOL:
		out->type = BROOD_BOOL;
		out->of.boolean = mp_decode_bool(&at);
		out->size = 1;
		return 0;
	case MP_UINT:
	case MP_INT:
		return read_integer(from, end, out);
	case MP_FLOAT:
	case MP_DOUBLE:
		return read_float(from, end, out);
	case MP_STR:
		if (mp_check_strl(from, end) > 0)
			return -EBADMSG;
		out->type = BROOD_STR;
		out->body = mp_decode_strl(&at);
		break;
	case MP_BIN:
		/* Where nothing follows the first byte, mp_check_binl ends the process. */
		if (end - from < 2 || mp_check_binl(from, end) > 0)
			return -EBADMSG;
		out->type = BROOD_BIN;
		out->body = mp_decode_binl(&at);
		break;
	case MP_ARRAY:
		if (mp_check_array(from, end) > 0)
			return -EBADMSG;
		out->type = BROOD_ARRAY;
		out->count = mp_decode_array(&at);
		break;
	case MP_MAP:
		if (mp_check_map(from, end) > 0)
			return -EBADMSG;
		out->type = BROOD_MAP;
		out->count = mp_decode_map(&at);
		break;
	case MP_EXT:
		return read_extension(from, end, out);
	default:
		return -EBADMSG;
	}
	out->size = (size_t)(at - from);
	return 0;
}

int head_read(struct brood_bytes rest, struct head *out)
{
	if (!rest.size || !rest.data)
		return -EBADMSG;
	const char *from = rest.data;
	*out = (struct head){0};
	int error = read_head(from, from + rest.size, out);
	if (error)
		return error;
	size_t left = rest.size - out->size;
	size_t most = out->type == BROOD_MAP ? left / 2 : left;
	if (out->body > left || out->count > most)
		return -EBADMSG;
	out->data = (const unsigned char *)from + out->size;
	return 0;
}
