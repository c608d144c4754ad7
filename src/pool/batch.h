/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_BATCH_H
#define BROOD_POOL_BATCH_H

#include "pool/board.h"
#include "pool/cost.h"
#include "pool/record.h"
#include "pool/region.h"

#include <brood.h>

/*
 * The host's own copy of what it has put on the board, so that it never has to believe the board about it, and the reading
 * of what workers wrote: each word is read once, checked, and then used.
 */
struct batch {
	struct board_batch board;
	struct region *region;
	double began;
	uint32_t workers; /* no worker has this number, or a higher one */
	bool over;        /* each item has got its outcome */
	struct cost_copy *costs; /* one for each slot; NULL: nobody asks for them */
};

/* What a batch is to be; count items, of which at most slots at a time. array is where its array of values goes, or 0. */
struct batch_plan {
	size_t first;
	uint32_t base, count, slots;
	size_t value_size;
	uint64_t array;
	bool costs;
};

/* The largest number of items in a batch. */
#define BATCH_LIMIT ((size_t)1 << 30)

/* 0 or -ENOMEM. The items are still to be set. */
int batch_new(struct batch *, struct region *, const struct batch_plan *);

/* Makes memory for so many slots, but not for more than a few MiB: of a batch, while workers are being made, who see to the rest
   themselves. See region_prefault. */
void batch_prefault(struct batch *, size_t slots);

/* Makes it as it was when it was new, where it has so many slots, of which the first ones have been used. */
void batch_clear(struct batch *, size_t slots, size_t used);

/* Frees what it has outside of the region. */
void batch_free(struct batch *);

static inline uint32_t batch_state(const struct batch *batch, uint32_t slot)
{
	const _Atomic uint16_t *states = region_at(batch->region, batch->board.states);
	return atomic_load_explicit(&states[slot], memory_order_acquire);
}

/* The short value of a slot, or where the longer one is. */
static inline _Atomic uint64_t *batch_value(const struct batch *batch, uint32_t slot)
{
	return (_Atomic uint64_t *)region_at(batch->region, batch->board.values) + slot;
}

void batch_set_state(struct batch *, uint32_t slot, uint32_t state);

/* The first slot from one on, before end, of which the item has no outcome; end where each has one. */
uint32_t batch_first_pending(const struct batch *, uint32_t slot, uint32_t end);

/* A bit for each of 64 slots, the first of which is a multiple of 64, whose item has an outcome; beyond the last slot
   they say nothing. */
uint64_t batch_done(const struct batch *, uint32_t slot);

/* The worker that wrote the state, or -1 where there is none of that number. */
static inline int batch_worker(const struct batch *batch, uint32_t state)
{
	return state / STATE_LINE < batch->workers ? (int)(state / STATE_LINE) : -1;
}

/* Makes the item canceled, unless it has got an outcome. */
void batch_cancel(struct batch *, uint32_t slot);

/* The number of an earlier attempt at the slot's item, for brood_attempt. */
void batch_set_attempts(struct batch *, uint32_t slot, unsigned attempts);

/* What was read of the cost of the slot's item is of an attempt, or an item, before the one to come. */
void batch_forget_cost(struct batch *, uint32_t slot);

/* When the slot's item was begun, and how long it took. */
void batch_read_times(const struct batch *, uint32_t slot, struct brood_result *out);

/* What it used; batch->costs is there. */
const struct brood_cost *batch_cost(const struct batch *, uint32_t slot);

/* Whether a state says that the slot's item has a short value and no times, as most have where the host's time is the pool's. */
static inline bool batch_is_brief(uint32_t state)
{
	return (state & STATE_KIND) >= STATE_VALUE && (state & STATE_KIND) < STATE_ARENA && !(state & STATE_TIMED);
}

/*
 * The result of such an item, without its index, item and cost, where it has no record. Member by member: a whole struct that is
 * made and then copied took four times as long, since the copying waits for the making.
 */
static inline void batch_brief(const struct batch *batch, uint32_t slot, uint32_t state, struct brood_result *out)
{
	out->outcome = BROOD_SUCCESS;
	out->value.data = batch_value(batch, slot);
	out->value.size = (state & STATE_KIND) - STATE_VALUE;
	out->failure = NULL;
	out->status = NULL;
	out->attempts = 1;
	out->started = batch->began;
	out->seconds = 0;
	out->worker = batch_worker(batch, state);
	out->cost = NULL;
}

/* The result of the item in the slot; what it points to is in the region, or in its record, which is made where it is
   needed. 0 or -ENOMEM. */
int batch_result(const struct batch *, struct records *, uint32_t slot, size_t index, struct brood_result *out);

/* The same of an item that has got its outcome: where a worker has taken that back, it is an abort. */
int batch_outcome(const struct batch *, struct records *, uint32_t slot, size_t index, struct brood_result *out);

/* How many bytes each item takes in the array of values, and where that is. */
size_t batch_stride(size_t value_size);
uint64_t batch_array(const struct batch *);

/* All values as one array of values of size bytes; NULL, they are not. */
const void *batch_values(struct batch *, struct records *, size_t size);

#endif
