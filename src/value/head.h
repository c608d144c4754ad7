/* SPDX-License-Identifier: MIT */
#ifndef BROOD_VALUE_HEAD_H
#define BROOD_VALUE_HEAD_H

#include <brood.h>

/*
 * The head of one MessagePack value, read and checked: size bytes, and after them the body bytes of a string, of bytes
 * or of an extension, all of which are there. count is of an array's values or a map's pairs, and never larger than the
 * bytes that are left can hold.
 */
struct head {
	enum brood_type type;
	size_t size, body, count;
	const unsigned char *data; /* the body */
	union {
		bool boolean;
		uint64_t natural; /* BROOD_UINT */
		int64_t negative; /* BROOD_INT */
		double real;
		int extension;
	} of;
};

/* Reads the head at the front of the bytes, and nothing behind them. 0, or -EBADMSG and then *out is undefined. */
int head_read(struct brood_bytes rest, struct head *out);

/* How many values follow that belong to this one. */
static inline size_t head_parts(const struct head *head)
{
	return head->type == BROOD_MAP ? head->count * 2 : head->count;
}

static inline struct brood_bytes bytes_after(struct brood_bytes rest, size_t size)
{
	return (struct brood_bytes){(const unsigned char *)rest.data + size, rest.size - size};
}

#endif
