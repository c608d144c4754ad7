/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_SEPARATOR_H
#define BROOD_COMMAND_SEPARATOR_H

#include "options.h"

#include <regex.h>

/* Where one record of --pipe ends and the next one starts: behind what --recend says, before what --recstart says. */
struct separator {
	const char *end, *start;
	size_t end_size, start_size;
	bool by_pattern;
	regex_t pattern; /* the one behind the other, each in brackets */
};

void separator_begin(struct separator *, const struct options *);
void separator_end(struct separator *);

/*
 * The first boundary behind from, or the last one that is not behind most; 0: there is none in these bytes. whole: nothing
 * follows them, so that what could go on does not. The boundary may be at their end only where nothing has to follow it.
 */
size_t separator_next(const struct separator *, const char *data, size_t size, size_t from, bool whole);
size_t separator_last(const struct separator *, const char *data, size_t size, size_t most, bool whole);

/* Adds records without what separates them. */
void separator_remove(const struct separator *, const char *data, size_t size, struct brood_buffer *out);

#endif
