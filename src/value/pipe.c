/* SPDX-License-Identifier: MIT */
#include "base/stream.h"
#include "value/object.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

BROOD_API int brood_pipedump(int fd, struct brood_bytes object)
{
	if (object.size && !object.data)
		return -EINVAL;
	/* One write for what fits: a pipe takes as much whole, also when several processes write to it. */
	unsigned char first[PIPE_BUF];
	object_head_write(first, object.size);
	size_t part = sizeof first - OBJECT_HEAD;
	if (part > object.size)
		part = object.size;
	if (part)
		memcpy(first + OBJECT_HEAD, object.data, part);
	int error = stream_write_full(fd, first, OBJECT_HEAD + part);
	if (error || part == object.size)
		return error;
	return stream_write_full(fd, (const unsigned char *)object.data + part, object.size - part);
}

BROOD_API int brood_pipeload(int fd, struct brood_buffer *out)
{
	if (!out)
		return -EINVAL;
	unsigned char head[OBJECT_HEAD];
	for (size_t have = 0; have < sizeof head;) {
		ssize_t count = stream_read_some(fd, head + have, sizeof head - have);
		if (count < 0)
			return (int)count;
		if (!count)
			return have ? -EBADMSG : 0;
		have += (size_t)count;
		/* At once, and not when the head is complete, which what is no head may never be. */
		if (!object_head_begins(head, have))
			return -EBADMSG;
	}
	int error = object_body_read(fd, (struct brood_bytes){0}, object_head_length(head), out);
	return error ? error : 1;
}
