/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_HANDOUT_H
#define BROOD_POOL_HANDOUT_H

#include "pool/pool.h"

/* Lets some workers rest while items are tiny and those that wait on the board are few, and ends that; more are about to be given. */
void handout_balance(brood_pool *, uint32_t more, double now);

/* Gives what is due in the backlog to workers that take it. */
void handout_give(brood_pool *, double now);

/* Wakes a line's owner, if it sleeps. */
void handout_wake(brood_pool *, uint32_t line);

/* The same, whatever its line says of sleep. */
void handout_shake(brood_pool *, uint32_t line);

/* Whether every worker has nothing to do, and sleeps. */
bool handout_idle(brood_pool *);

/* Whether a worker sleeps that could be given something, which one that rests could not. */
bool handout_starved(const brood_pool *);

/* Wakes workers that sleep while others have what they might take. */
void handout_rouse(brood_pool *);

/* What of the range is the round's; a worker may have written what it likes. */
struct board_range handout_clip(const brood_pool *, struct board_range);

/* Takes back what a line holds and nobody has begun, into the backlog: 0 or -ENOMEM. */
int handout_recall(brood_pool *, uint32_t line);

#endif
