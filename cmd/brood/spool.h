/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_SPOOL_H
#define BROOD_COMMAND_SPOOL_H

#include <brood.h>

/*
 * Output that waits for its turn: bytes in, the same bytes out, in order. All captures together keep so much in memory; what is
 * more goes to one file that has no name, and what has been taken leaves it again.
 */
enum { SPOOL_MEMORY = 8 << 20 };

struct extent {
	uint64_t at, size;
};

struct capture {
	struct brood_buffer tail;
	size_t skipped; /* of the tail, taken already */
	struct extent *extents; /* in the file, before the tail */
	size_t extent_count, extent_next;
	uint64_t total, taken;
	uint64_t lines_end; /* behind the last line that is whole */
};

/* Where the file is made; before anything is captured. */
void spool_directory(const char *);

/* 0, or -errno when there was no room in memory and the file could not take it: it is kept all the same, and no more should be
   added until something has been taken. */
int capture_add(struct capture *, const void *data, size_t size);

/* So many bytes have gone elsewhere, and only count. */
void capture_count(struct capture *, size_t size);

/* The next bytes that have not been taken, before an offset of all; no more than some 64 KiB at once. A negative errno where
   the file cannot be read. They are valid until the next call. */
ssize_t capture_peek(struct capture *, uint64_t before, const void **data);
void capture_take(struct capture *, size_t size);

void capture_free(struct capture *);

/* Whether memory is used up, and the file refuses more, or does not take it fast enough. */
bool spool_is_full(void);

#endif
