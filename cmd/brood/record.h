/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_RECORD_H
#define BROOD_COMMAND_RECORD_H

#include <brood.h>

/* One input: its values, one for each source or column, as bytes with a NUL behind each. In one block of memory. */
struct record {
	unsigned references;
	size_t count;
	struct brood_bytes values[];
};

struct record *record_new(const struct brood_bytes *values, size_t count);
struct record *record_hold(struct record *);
void record_free(struct record *);

/* The values of several records behind one another. */
struct brood_bytes record_value(struct record *const *records, size_t count, size_t position);
size_t record_values(struct record *const *records, size_t count);

#endif
