/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_COST_H
#define BROOD_POOL_COST_H

#include "pool/board.h"
#include "pool/region.h"
#include "process/usage.h"

#include <brood.h>

struct worker;

/*
 * What an item's worker had used when it began the item and when it had done it, in shared memory. The difference is made
 * by the host, since of a worker that died it alone knows the end. Whose beginning it is say owner, a pid, and running, as
 * in the worker's line: a worker may die before it has written its own.
 */
struct cost_place {
	_Atomic uint64_t begin[USAGE_WORDS], end[USAGE_WORDS];
	_Atomic uint64_t owner, running;
};

/* The host's own copy, made once, which nobody changes while the caller looks at it. */
struct cost_copy {
	struct brood_cost cost;
	bool known;
};

/* The end of a worker: which attempt it was running, and all that it had used. */
struct cost_death {
	uint64_t owner, running;
	struct usage usage;
};

/* For a worker: it begins the item in the slot, or has ended it and has not said so yet. */
void cost_begin(struct worker *, uint32_t item, uint32_t slot);
void cost_end(struct worker *, uint32_t slot);

/* For the host: what the worker says. */
struct brood_cost cost_read(const struct region *, const struct board_batch *, uint32_t slot);

/* For the host, of an item whose worker died: false, its beginning is not known. */
bool cost_of_dead(const struct region *, const struct board_batch *, uint32_t slot, const struct cost_death *,
		  struct brood_cost *out);

#endif
