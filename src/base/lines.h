/* SPDX-License-Identifier: MIT */
#ifndef BROOD_BASE_LINES_H
#define BROOD_BASE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The lines of a file of the kernel's, read without memory of the C library's, so that any process of brood's can. */
struct lines {
	int fd;
	size_t begin, end;
	char text[1024]; /* so small since it may be on the stack of any thread */
};

/* false: there is no such file, and nothing to close. */
bool lines_open(struct lines *, const char *path);

/* The next line, without its end, which the caller may write on until the next call; NULL: there is none. A line that is
   longer than the text has room for is left out. */
char *lines_next(struct lines *);

void lines_close(struct lines *);

/* The number behind that word and a space, in a file of such lines; with no word, "", the number on its first line.
   false: there is none. */
bool lines_number(const char *path, const char *word, uint64_t *out);

#endif
