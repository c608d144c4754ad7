/* SPDX-License-Identifier: MIT */
#include "spool.h"

#include "directory.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A tail smaller than SPILL_LEAST stays in memory: it is not what fills it. */
enum { PEEK_MOST = 64 << 10, SPILL_LEAST = 4096 };

static const char *directory;
static int file = -1;
static int failure;      /* why the file did not take the last that it was given */
static uint64_t end, held; /* of the file: its end, and how many bytes in it are still wanted */
static size_t memory;

void spool_directory(const char *path)
{
	directory = path;
}

static int open_file(void)
{
	const char *where = directory_temporary(directory);
	file = open(where, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (file < 0) {
		char path[4096];
		snprintf(path, sizeof path, "%s/brood-XXXXXX", where);
		file = mkostemp(path, O_CLOEXEC);
		if (file >= 0)
			unlink(path);
	}
	return file < 0 ? -errno : 0;
}

/* Moves a capture's tail to the file. */
static int spill(struct capture *capture)
{
	const unsigned char *data = capture->tail.data + capture->skipped;
	size_t size = capture->tail.size - capture->skipped, done = 0;
	int error = file < 0 ? open_file() : 0;
	while (!error && done < size) {
		ssize_t wrote = pwrite(file, data + done, size - done, (off_t)(end + done));
		if (wrote > 0)
			done += (size_t)wrote;
		else if (wrote < 0 && errno != EINTR)
			error = -errno;
	}
	failure = error;
	if (error)
		return error;
	capture->extents = need_more(capture->extents, (capture->extent_count + 1) * sizeof *capture->extents);
	capture->extents[capture->extent_count++] = (struct extent){end, size};
	end += size;
	held += size;
	memory -= capture->tail.capacity;
	brood_buffer_free(&capture->tail);
	capture->skipped = 0;
	return 0;
}

bool spool_is_full(void)
{
	return memory > SPOOL_MEMORY && (failure || memory > 2 * SPOOL_MEMORY);
}

int capture_add(struct capture *capture, const void *data, size_t size)
{
	const size_t before = capture->tail.capacity;
	if (!size)
		return 0;
	text_add(&capture->tail, data, size);
	memory += capture->tail.capacity - before;
	const char *line = memrchr(data, '\n', size);
	if (line)
		capture->lines_end = capture->total + (uint64_t)(line - (const char *)data) + 1;
	capture->total += size;

	if (memory > SPOOL_MEMORY && capture->tail.size - capture->skipped >= SPILL_LEAST)
		return spill(capture);
	return 0;
}

void capture_count(struct capture *capture, size_t size)
{
	capture->total += size;
	capture->taken += size;
}

ssize_t capture_peek(struct capture *capture, uint64_t before, const void **data)
{
	static char buffer[PEEK_MOST];
	const uint64_t most = before - capture->taken;
	if (!most)
		return 0;
	if (capture->extent_next < capture->extent_count) {
		const struct extent *extent = &capture->extents[capture->extent_next];
		size_t size = extent->size < sizeof buffer ? extent->size : sizeof buffer;
		size = most < size ? most : size;
		ssize_t got = pread(file, buffer, size, (off_t)extent->at);
		*data = buffer;
		return got < 0 ? -errno : got ? got : -EIO;
	}
	const size_t left = capture->tail.size - capture->skipped;
	*data = capture->tail.data + capture->skipped;
	return (ssize_t)(most < left ? most : left);
}

void capture_take(struct capture *capture, size_t size)
{
	capture->taken += size;
	if (capture->extent_next < capture->extent_count) {
		struct extent *extent = &capture->extents[capture->extent_next];
		/* What has been taken leaves the disk, where the file system knows how. */
		if (fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)extent->at, (off_t)size))
			errno = 0;
		extent->at += size;
		extent->size -= size;
		held -= size;
		capture->extent_next += !extent->size;
		failure = 0;
		if (!held) {
			end = 0;
			if (ftruncate(file, 0))
				errno = 0;
		}
		return;
	}
	capture->skipped += size;
	if (capture->skipped < capture->tail.size)
		return;
	capture->skipped = capture->tail.size = 0;
	if (capture->tail.capacity > PEEK_MOST) {
		memory -= capture->tail.capacity;
		brood_buffer_free(&capture->tail);
	}
}

void capture_free(struct capture *capture)
{
	for (size_t i = capture->extent_next; i < capture->extent_count; i++)
		held -= capture->extents[i].size;
	memory -= capture->tail.capacity;
	brood_buffer_free(&capture->tail);
	free(capture->extents);
	*capture = (struct capture){0};
}
