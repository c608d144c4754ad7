/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_PAGE_H
#define BROOD_PROCESS_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The text of a traceback, written line by line into memory that holds so much. A line that does not fit is the first of those
   that are left out. Names come from files of the program, so control characters in them become question marks. */
struct page {
	char *text;
	size_t size, used;
	size_t number; /* of the next call */
	bool full;
};

void page_begin(struct page *, char *text, size_t size);

/* A call whose place in the source is known; folder is what a relative file lies in, and may be NULL. */
void page_source(struct page *, const char *name, const char *folder, const char *file, int line);

/* A call at offset in a module; name is NULL where no symbol is known, and further says how far behind it the call is. */
void page_symbol(struct page *, const char *name, uint64_t further, const char *module, uint64_t offset);

/* A call that lies in no module. */
void page_address(struct page *, uint64_t address);

/* A line that is no call. */
void page_note(struct page *, const char *format, ...) __attribute__((__format__(__printf__, 2, 3)));

#endif
