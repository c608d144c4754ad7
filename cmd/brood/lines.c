/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_LEAST = 16 << 10 };

void lines_begin(struct lines *lines, int fd)
{
	*lines = (struct lines){.fd = fd};
}

void lines_end(struct lines *lines)
{
	free(lines->data);
	*lines = (struct lines){.fd = -1};
}

void lines_seek(struct lines *lines, uint64_t place)
{
	lines->searched = 0;
	if (place >= lines->at && place - lines->at < lines->size) {
		lines->next = (size_t)(place - lines->at);
		return;
	}
	lines->at = place;
	lines->size = lines->next = 0;
}

static void drop_read(struct lines *lines)
{
	lines->at += lines->next;
	lines->size -= lines->next;
	if (lines->size)
		memmove(lines->data, lines->data + lines->next, lines->size);
	lines->next = 0;
}

/* Reads more behind what is there: 1; 0 at the end, or a negative errno. */
static int fill(struct lines *lines)
{
	drop_read(lines);
	if (lines->capacity - lines->size < READ_LEAST) {
		lines->capacity = lines->capacity ? lines->capacity * 2 : (size_t)READ_LEAST * 2;
		lines->data = need_more(lines->data, lines->capacity);
	}
	ssize_t got;
	do
		got = pread(lines->fd, lines->data + lines->size, READ_LEAST, (off_t)(lines->at + lines->size));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	lines->size += (size_t)got;
	return got > 0;
}

int lines_next(struct lines *lines, struct brood_bytes *line, uint64_t *place)
{
	bool passing = false;
	for (;;) {
		const char *begin = lines->data + lines->next;
		size_t size = lines->size - lines->next;
		const char *end = size > lines->searched ? memchr(begin + lines->searched, '\n', size - lines->searched) : NULL;
		lines->searched = size;
		if (!end && size > LINE_MOST) {
			passing = true;
			lines->next = lines->size;
			lines->searched = 0;
			continue;
		}
		if (!end) {
			const int got = fill(lines);
			if (got < 0)
				return got;
			if (got)
				continue;
			begin = lines->data;
			/* The last line may have no end. */
			if (!lines->size || passing) {
				lines->overlong += passing;
				lines->next = lines->size;
				return 0;
			}
			end = begin + lines->size;
		}
		size = (size_t)(end - begin);
		*line = (struct brood_bytes){begin, size};
		if (place)
			*place = lines->at + lines->next;
		lines->next += size + (end < lines->data + lines->size);
		lines->searched = 0;
		if (!passing)
			return 1;
		passing = false;
		lines->overlong++;
	}
}
