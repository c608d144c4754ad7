/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_RESULTS_H
#define BROOD_POOL_RESULTS_H

#include "pool/batch.h"

/* Where to look for an item by its bytes: numbers of items by the hash of their bytes, made when first asked for. */
struct finder {
	size_t *table;
	size_t capacity, known;
};

struct brood_results {
	struct region *region;
	struct batch *batches;
	size_t batch_count, batch_capacity, count;
	struct records records;
	struct finder finder;
	void *values; /* of all batches one behind another, where there are several */
};

int results_new(brood_results **out, struct region *);

/* Room for one batch more, to be filled by the caller; it counts once it is added. */
struct batch *results_room(brood_results *);
void results_add(brood_results *);

#endif
