/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_WATCH_H
#define BROOD_POOL_WATCH_H

#include "pool/pool.h"

/*
 * The descriptor of a pool, for a host that sleeps in a loop of its own: an epoll set of what brood_pool_next sleeps at, and
 * of a timer. While it is hot it is readable, since the host may call brood_pool_next with success. It cools when that call has
 * nothing to give and nothing more to do; from then on it is readable when a worker rings, the nursery says something, or it is
 * time to look.
 *
 *     hot ---- brood_pool_next gives 0 or -ETIMEDOUT ----> cold
 *     hot <-- brood_pool_next gives 1, or an item is submitted -- cold
 */

/* -1: there is none, as nobody has asked. */
static inline bool watch_is_open(const brood_pool *pool)
{
	return pool->watch.fd >= 0;
}

/* There is a new nursery. */
void watch_nursery(brood_pool *);

/* Becomes hot, and is so until watch_cool. */
void watch_heat(brood_pool *);

/* Is readable from now on when something happens, or when that time has come. */
void watch_cool(brood_pool *, double due);

/* There are no workers any more. */
void watch_rest(brood_pool *);

void watch_close(brood_pool *);

#endif
