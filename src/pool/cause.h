/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_CAUSE_H
#define BROOD_POOL_CAUSE_H

#include "pool/round.h"

/* Why an attempt at an item came to nothing, in words; of what the worker left behind, as much as makes sense. */
struct cause {
	char type[32], message[384], traceback[BLACKBOX_TEXT + 1];
	/* The last that was written to stderr, where a worker may still write to it. */
	const char *output;
	size_t output_size;
};

/* memory_limit: of the worker, or 0. */
void cause_find(struct cause *, const struct verdict *, size_t memory_limit);

#endif
