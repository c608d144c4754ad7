/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_ROUND_H
#define BROOD_POOL_ROUND_H

#include "pool/pool.h"

/* The place of an item by its number; false: it is none that is under way. */
bool round_place(const brood_pool *, uint32_t number, uint64_t *place);

static inline uint32_t round_number(const brood_pool *pool, uint64_t place)
{
	return pool->round.batch->board.base + (uint32_t)place;
}

static inline uint32_t round_slot(const brood_pool *pool, uint64_t place)
{
	return (uint32_t)place & pool->round.batch->board.mask;
}

static inline size_t round_index(const brood_pool *pool, uint64_t place)
{
	return pool->round.batch->board.first + place;
}

/* Whether there are items of which no outcome has been seen. */
static inline bool round_unfinished(const brood_pool *pool)
{
	const struct round *round = &pool->round;
	return round->batch && (round->seen ? round->done < round->high : round->low < round->high);
}

/* Whether the item at the place has no outcome yet. */
bool round_pending(const brood_pool *, uint64_t place);

/* How an attempt at an item ended, other than by its function: with its worker. */
struct verdict {
	enum brood_outcome outcome;
	const struct brood_status *status;
	int worker;
	double started, ended;
	const struct blackbox *box; /* what its worker left behind; NULL: nothing */
	const struct brood_cost *cost; /* NULL: not known */
	bool orphaned; /* it was the nursery that ended */
	bool last;     /* it was canceled: where there would be another attempt, it has that outcome */
};

/* Tries the item again, or makes that its outcome: 0 or -ENOMEM. */
int round_judge(brood_pool *, uint64_t place, const struct verdict *);

/* Sees what has been done since: 0 or -ENOMEM. With BROOD_INSIDE that is known of each item, by the second, which else took as
   long for each as the window is large; but for what has been canceled. */
int round_look(brood_pool *);
int round_see(brood_pool *, uint64_t place);

/* Gives out again what is neither done, nor in the backlog, nor in a line of the still board: 0 or -ENOMEM. */
int round_seek(brood_pool *);

/* The reporter is told that an attempt has begun, as far as it has not been. */
void round_begun(brood_pool *, uint64_t place, int worker, double when);

#endif
