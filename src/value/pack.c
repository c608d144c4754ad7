/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"

#include <errno.h>
#include <math.h>
#include <msgpuck.h>

enum { HEAD_MAX = 9 };

/* Room for a head and what follows it, so that a value is appended whole or not at all. */
static int room(struct brood_buffer *buffer, size_t body, char **out)
{
	if (!buffer)
		return -EINVAL;
	if (body > SIZE_MAX - HEAD_MAX)
		return -ENOMEM;
	int error = buffer_reserve(buffer, HEAD_MAX + body);
	if (error)
		return error;
	*out = (char *)buffer->data + buffer->size;
	return 0;
}

static void keep(struct brood_buffer *buffer, const char *end)
{
	buffer->size = (size_t)(end - (const char *)buffer->data);
}

BROOD_API int brood_pack_nil(struct brood_buffer *buffer)
{
	char *at;
	int error = room(buffer, 0, &at);
	if (error)
		return error;
	keep(buffer, mp_encode_nil(at));
	return 0;
}

BROOD_API int brood_pack_bool(struct brood_buffer *buffer, bool value)
{
	char *at;
	int error = room(buffer, 0, &at);
	if (error)
		return error;
	keep(buffer, mp_encode_bool(at, value));
	return 0;
}

BROOD_API int brood_pack_uint(struct brood_buffer *buffer, uint64_t value)
{
	char *at;
	int error = room(buffer, 0, &at);
	if (error)
		return error;
	keep(buffer, mp_encode_uint(at, value));
	return 0;
}

BROOD_API int brood_pack_int(struct brood_buffer *buffer, int64_t value)
{
	/* mp_encode_int is for negative numbers only. */
	if (value >= 0)
		return brood_pack_uint(buffer, (uint64_t)value);
	char *at;
	int error = room(buffer, 0, &at);
	if (error)
		return error;
	keep(buffer, mp_encode_int(at, value));
	return 0;
}

BROOD_API int brood_pack_double(struct brood_buffer *buffer, double value)
{
	char *at;
	int error = room(buffer, 0, &at);
	if (error)
		return error;
	/* There is one NaN, so that what went through JSON has the same bytes again: the sign of 0.0 / 0.0 is the machine's. */
	keep(buffer, mp_encode_double(at, isnan(value) ? (double)NAN : value));
	return 0;
}

static int pack_body(struct brood_buffer *buffer, const void *data, size_t size, char *head(char *, uint32_t))
{
	if (size > UINT32_MAX || (size && !data))
		return -EINVAL;
	char *at;
	int error = room(buffer, size, &at);
	if (error)
		return error;
	at = head(at, (uint32_t)size);
	if (size)
		memcpy(at, data, size);
	keep(buffer, at + size);
	return 0;
}

BROOD_API int brood_pack_str(struct brood_buffer *buffer, const char *data, size_t size)
{
	return pack_body(buffer, data, size, mp_encode_strl);
}

BROOD_API int brood_pack_bin(struct brood_buffer *buffer, const void *data, size_t size)
{
	return pack_body(buffer, data, size, mp_encode_binl);
}

static int pack_count(struct brood_buffer *buffer, size_t count, char *head(char *, uint32_t))
{
	if (count > UINT32_MAX)
		return -EINVAL;
	char *at;
	int error = room(buffer, 0, &at);
	if (error)
		return error;
	keep(buffer, head(at, (uint32_t)count));
	return 0;
}

BROOD_API int brood_pack_array(struct brood_buffer *buffer, size_t count)
{
	return pack_count(buffer, count, mp_encode_array);
}

BROOD_API int brood_pack_map(struct brood_buffer *buffer, size_t count)
{
	return pack_count(buffer, count, mp_encode_map);
}
