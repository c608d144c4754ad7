/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_RECORD_H
#define BROOD_POOL_RECORD_H

#include <brood.h>

/*
 * What the host alone knows of an item: that it was tried more than once, or how its worker died, or its failure's strings, copied
 * from where a worker could change them. Most items have none.
 */
struct record {
	struct record *next;
	size_t index;
	enum brood_outcome outcome; /* PENDING: the board's state says it */
	unsigned attempts;          /* that have ended without an outcome, or with the outcome */
	unsigned orphaned;          /* attempts that ended with the nursery */
	bool queued, has_status, has_failure, has_cost, begun;
	int worker;
	double started, ended;
	struct brood_failure failure;
	struct brood_status status;
	struct brood_cost cost;
};

struct records {
	struct record **buckets;
	size_t capacity, count;
};

struct record *record_find(const struct records *, size_t index);

/* The item's record, made where there is none; NULL without memory. */
struct record *record_make(struct records *, size_t index);

/* Sets the failure, with copies of the strings of these sizes, in the order type, message, traceback, output: 0 or -ENOMEM.
   They need not end in a NUL, and each NUL within the output becomes '?'. */
enum { RECORD_STRINGS = 4 };
int record_fail(struct record *, const struct brood_failure *, const size_t sizes[RECORD_STRINGS]);

/* The same with the host's own words. */
int record_say(struct record *, const char *type, const char *message);

void record_drop(struct records *, size_t index);
void records_free(struct records *);

#endif
