/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"
#include "base/lineage.h"
#include "base/stream.h"
#include "value/object.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 65536 };

/* What has been read and not been given out lies in buffer from start on. */
struct brood_reader {
	int fd;
	unsigned generation;
	struct brood_buffer buffer;
	size_t start;
};

BROOD_API int brood_reader_new(brood_reader **out, int fd)
{
	if (!out)
		return -EINVAL;
	if (fcntl(fd, F_GETFD) < 0)
		return -errno;
	brood_reader *reader = calloc(1, sizeof *reader);
	if (!reader)
		return -ENOMEM;
	reader->fd = fd;
	reader->generation = lineage_join();
	*out = reader;
	return 0;
}

BROOD_API void brood_reader_free(brood_reader *reader)
{
	if (!reader)
		return;
	brood_buffer_free(&reader->buffer);
	free(reader);
}

static int usable(const brood_reader *reader, const void *out)
{
	if (!reader || !out)
		return -EINVAL;
	return reader->generation == lineage_generation() ? 0 : -EPERM;
}

static size_t available(const brood_reader *reader)
{
	return reader->buffer.size - reader->start;
}

static unsigned char *front(const brood_reader *reader)
{
	return reader->buffer.data + reader->start;
}

static void take(brood_reader *reader, size_t size)
{
	reader->start += size;
	if (reader->start == reader->buffer.size)
		reader->start = reader->buffer.size = 0;
}

/* Reads more behind what there is: 1, 0 where the descriptor has ended, or -errno. What there is stays in each case. */
static int fill(brood_reader *reader)
{
	struct brood_buffer *buffer = &reader->buffer;
	/* Moving down is worth its while only where it moves less than it frees. */
	if (buffer->size == buffer->capacity && reader->start >= available(reader) && reader->start) {
		memmove(buffer->data, front(reader), available(reader));
		buffer->size -= reader->start;
		reader->start = 0;
	}
	if (buffer->size == buffer->capacity) {
		int error = buffer_reserve(buffer, CHUNK);
		if (error)
			return error;
	}
	ssize_t count = stream_read_some(reader->fd, buffer->data + buffer->size, buffer->capacity - buffer->size);
	if (count < 0)
		return (int)count;
	buffer->size += (size_t)count;
	return count > 0;
}

BROOD_API ssize_t brood_reader_read(brood_reader *reader, void *data, size_t size)
{
	int error = usable(reader, size ? data : reader);
	if (error)
		return error;
	if (size > SSIZE_MAX)
		size = SSIZE_MAX;
	/* Not straight into data: what came before an error would be lost, and data be touched. */
	while (available(reader) < size) {
		int more = fill(reader);
		if (more < 0)
			return more;
		if (!more) {
			size = available(reader);
			break;
		}
	}
	if (size) {
		memcpy(data, front(reader), size);
		take(reader, size);
	}
	return (ssize_t)size;
}

BROOD_API int brood_reader_readline(brood_reader *reader, struct brood_bytes *line)
{
	int error = usable(reader, line);
	if (error)
		return error;
	size_t seen = 0, size = 0;
	while (!size) {
		size_t have = available(reader);
		const unsigned char *found = have > seen ? memchr(front(reader) + seen, '\n', have - seen) : NULL;
		if (found) {
			size = (size_t)(found - front(reader)) + 1;
			break;
		}
		seen = have;
		int more = fill(reader);
		if (more < 0)
			return more;
		if (!more && !have)
			return 0;
		if (!more)
			size = have;
	}
	*line = (struct brood_bytes){front(reader), size};
	take(reader, size);
	return 1;
}

BROOD_API int brood_reader_load(brood_reader *reader, struct brood_buffer *out)
{
	int error = usable(reader, out);
	if (error)
		return error;
	while (available(reader) < OBJECT_HEAD) {
		if (available(reader) && !object_head_begins(front(reader), available(reader)))
			return -EBADMSG;
		int more = fill(reader);
		if (more < 0)
			return more;
		if (!more)
			return available(reader) ? -EBADMSG : 0;
	}
	if (!object_head_begins(front(reader), OBJECT_HEAD))
		return -EBADMSG;
	uint64_t length = object_head_length(front(reader));
	take(reader, OBJECT_HEAD);
	size_t already = available(reader);
	if (already > length)
		already = (size_t)length;
	error = object_body_read(reader->fd, (struct brood_bytes){already ? front(reader) : NULL, already}, length, out);
	take(reader, already);
	return error ? error : 1;
}
