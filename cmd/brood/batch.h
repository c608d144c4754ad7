/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_BATCH_H
#define BROOD_COMMAND_BATCH_H

#include "input.h"
#include "template.h"

/* Inputs packed into jobs, as -n, -N, -L, -X, -m and -s say. */
struct batch {
	const struct options *options;
	const struct template *template;
	struct input *input;
	struct record *next; /* read, and did not fit */
	size_t most, limit;  /* records for a job, bytes for its command */
	bool ended, distributed;
	size_t read;
	/* What was read beyond the last job's share when the input ended. */
	struct record **rest;
	size_t rest_count, rest_next, share;
};

void batch_begin(struct batch *, const struct options *, const struct template *, struct input *);
void batch_end(struct batch *);

/* The records of the next job, in an array that the caller frees, as it does the records; 0: there are no more. */
size_t batch_next(struct batch *, struct record ***records);

/* How many jobs there will be in all; 0: not known. */
size_t batch_total(const struct batch *);

#endif
