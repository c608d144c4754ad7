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
	/* A part of the region where the values of all batches are one array, as far as it goes; and a copy of them, where it does
	   not go so far. */
	uint64_t array;
	size_t array_size;
	void *joined;
};

int results_new(brood_results **out, struct region *);

/* Where the array of values of a batch goes that is to follow, of count items with that stride; 0: there is no room for it
   behind the others. */
uint64_t results_array(brood_results *, size_t count, size_t stride);

/* Room for one batch more, to be filled by the caller; it counts once it is added. */
struct batch *results_room(brood_results *);
void results_add(brood_results *);

#endif
