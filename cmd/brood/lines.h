/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_LINES_H
#define BROOD_COMMAND_LINES_H

#include <brood.h>

/* The longest line that is given: a longer one is passed over, and never held in memory whole. */
enum { LINE_MOST = 16 << 20 };

/* The lines of a file that may be gone to and fro in; the descriptor is the caller's. */
struct lines {
	int fd;
	char *data;
	uint64_t at; /* where in the file the data begin */
	size_t size, capacity, next, searched;
	size_t overlong; /* how many have been passed over */
};

void lines_begin(struct lines *, int fd);
void lines_end(struct lines *);

/* What comes next is the line that begins there. */
void lines_seek(struct lines *, uint64_t place);

/* The next line without its end, valid until the next call, and where it begins. 1; 0 at the end, or a negative errno. */
int lines_next(struct lines *, struct brood_bytes *line, uint64_t *place);

#endif
