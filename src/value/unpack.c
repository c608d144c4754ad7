/* SPDX-License-Identifier: MIT */
#include "value/head.h"

#include <errno.h>

BROOD_API int brood_value_type(struct brood_bytes rest)
{
	if (!rest.size)
		return 0;
	struct head head;
	int error = head_read(rest, &head);
	return error ? error : (int)head.type;
}

static int expect(const struct brood_bytes *rest, const void *out, enum brood_type type, struct head *head)
{
	if (!rest || !out)
		return -EINVAL;
	int error = head_read(*rest, head);
	if (error)
		return error;
	return head->type == type ? 0 : -EPROTOTYPE;
}

static int expect_integer(const struct brood_bytes *rest, const void *out, struct head *head)
{
	int error = expect(rest, out, BROOD_UINT, head);
	return error == -EPROTOTYPE && head->type == BROOD_INT ? 0 : error;
}

static void take(struct brood_bytes *rest, const struct head *head)
{
	*rest = bytes_after(*rest, head->size + head->body);
}

BROOD_API int brood_unpack_nil(struct brood_bytes *rest)
{
	struct head head;
	int error = expect(rest, rest, BROOD_NIL, &head);
	if (error)
		return error;
	take(rest, &head);
	return 0;
}

BROOD_API int brood_unpack_bool(struct brood_bytes *rest, bool *out)
{
	struct head head;
	int error = expect(rest, out, BROOD_BOOL, &head);
	if (error)
		return error;
	*out = head.of.boolean;
	take(rest, &head);
	return 0;
}

BROOD_API int brood_unpack_int(struct brood_bytes *rest, int64_t *out)
{
	struct head head;
	int error = expect_integer(rest, out, &head);
	if (error)
		return error;
	if (head.type == BROOD_UINT && head.of.natural > INT64_MAX)
		return -ERANGE;
	*out = head.type == BROOD_UINT ? (int64_t)head.of.natural : head.of.negative;
	take(rest, &head);
	return 0;
}

BROOD_API int brood_unpack_uint(struct brood_bytes *rest, uint64_t *out)
{
	struct head head;
	int error = expect_integer(rest, out, &head);
	if (error)
		return error;
	if (head.type == BROOD_INT)
		return -ERANGE;
	*out = head.of.natural;
	take(rest, &head);
	return 0;
}

BROOD_API int brood_unpack_double(struct brood_bytes *rest, double *out)
{
	struct head head;
	int error = expect(rest, out, BROOD_DOUBLE, &head);
	if (error)
		return error;
	*out = head.of.real;
	take(rest, &head);
	return 0;
}

static int unpack_body(struct brood_bytes *rest, struct brood_bytes *out, enum brood_type type)
{
	struct head head;
	int error = expect(rest, out, type, &head);
	if (error)
		return error;
	take(rest, &head);
	*out = (struct brood_bytes){head.data, head.body};
	return 0;
}

BROOD_API int brood_unpack_str(struct brood_bytes *rest, struct brood_bytes *out)
{
	return unpack_body(rest, out, BROOD_STR);
}

BROOD_API int brood_unpack_bin(struct brood_bytes *rest, struct brood_bytes *out)
{
	return unpack_body(rest, out, BROOD_BIN);
}

static int unpack_count(struct brood_bytes *rest, size_t *out, enum brood_type type)
{
	struct head head;
	int error = expect(rest, out, type, &head);
	if (error)
		return error;
	*out = head.count;
	take(rest, &head);
	return 0;
}

BROOD_API int brood_unpack_array(struct brood_bytes *rest, size_t *out)
{
	return unpack_count(rest, out, BROOD_ARRAY);
}

BROOD_API int brood_unpack_map(struct brood_bytes *rest, size_t *out)
{
	return unpack_count(rest, out, BROOD_MAP);
}
