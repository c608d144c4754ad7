/* SPDX-License-Identifier: MIT */
#include "value/object.h"

#include "base/buffer.h"
#include "base/stream.h"

#include <errno.h>
#include <string.h>

/* The first byte is in no text, be it ASCII or UTF-8. */
static const unsigned char mark[OBJECT_MARK] = {0xfe, 'b', 'r', 1};

void object_head_write(unsigned char head[OBJECT_HEAD], uint64_t length)
{
	memcpy(head, mark, OBJECT_MARK);
	for (unsigned i = OBJECT_HEAD; i-- > OBJECT_MARK; length >>= 8)
		head[i] = (unsigned char)length;
}

bool object_head_begins(const unsigned char *head, size_t size)
{
	return !memcmp(head, mark, size < OBJECT_MARK ? size : OBJECT_MARK);
}

uint64_t object_head_length(const unsigned char head[OBJECT_HEAD])
{
	uint64_t length = 0;
	for (unsigned i = OBJECT_MARK; i < OBJECT_HEAD; i++)
		length = length << 8 | head[i];
	return length;
}

int object_body_read(int fd, struct brood_bytes already, uint64_t length, struct brood_buffer *out)
{
	enum { FIRST = 65536 };
	struct brood_buffer body = {0};
	int error = buffer_append(&body, already.data, already.size);
	while (!error && body.size < length) {
		uint64_t left = length - body.size;
		size_t more = body.size > FIRST ? body.size : FIRST;
		if (more > left)
			more = (size_t)left;
		error = buffer_reserve(&body, more);
		if (error)
			break;
		ssize_t count = stream_read_full(fd, body.data + body.size, more);
		if (count < 0)
			error = (int)count;
		else if ((size_t)count < more)
			error = -EBADMSG;
		else
			body.size += more;
	}
	if (error) {
		brood_buffer_free(&body);
		return error;
	}
	brood_buffer_free(out);
	*out = body;
	return 0;
}
