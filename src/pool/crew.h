/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_CREW_H
#define BROOD_POOL_CREW_H

#include "pool/pool.h"

/* The workers of a pool, and their supervision: they are started, given items, killed when their time is up, and replaced when
   they have gone. */

/* Makes the board, for so many workers, which may be given items before hire_nursery makes them: 0 or -ENOMEM. */
int crew_new(brood_pool *, int workers);

/* Waits until every worker has started, or has failed to: how many there are, or -errno where there are none. */
int crew_gather(brood_pool *);

/* Ends the workers and all that crew_new made. */
void crew_free(brood_pool *);

/* In a process that the host has forked: frees the memory alone. */
void crew_forget(brood_pool *);

/* Puts the round's batch on the board. No worker may have an item. */
void crew_post(brood_pool *);

/* Gives out items, spread over the workers, now or as soon as there is one to take them. */
int crew_give(brood_pool *, struct board_range);

/* What has been done was looked at just now: how fast that is. */
void crew_measure(brood_pool *, double now);

/* Whether items are done so fast that each is not worth a ring. */
bool crew_is_fast(const brood_pool *);

/* Does what there is to do about the workers: 0, or why the pool cannot go on. */
int crew_tend(brood_pool *, double now);

/*
 * Does that, and then sleeps until something happens or the deadline is over, but not where
 * awake says that it is not worth to. 0, or why the pool cannot go on.
 */
int crew_step(brood_pool *, double deadline, bool (*awake)(brood_pool *));

/* Does that, and then has the pool's descriptor tell when something happens, in place of sleeping: 0; 1: there is something now;
   or -errno as above. */
int crew_watch(brood_pool *, bool (*awake)(brood_pool *));

#endif
