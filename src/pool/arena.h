/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_ARENA_H
#define BROOD_POOL_ARENA_H

#include "pool/pool.h"

/*
 * The memory that workers write values to, from the host's side: each has a part of the region of its own. In a batch it goes
 * on in that, and gets a larger one when it is full; of a stream the parts come back, see stream_chunk.
 */

/* Grants each line its part for a new round. */
void arena_open(brood_pool *);

/* What the lines have left of their parts is kept over a cleanup, for the lines of the next spawn. Else a pool that is spawned again
   and again would run out of addresses. */
void arena_keep(brood_pool *);
void arena_resume(brood_pool *);

/* Whether a worker waits for a grant. */
bool arena_wanted(const brood_pool *);

/* Grants what workers wait for, or refuses it. */
void arena_answer(brood_pool *);

/* The owner of a line has gone: the next goes on where it stopped. */
void arena_close(brood_pool *, uint32_t line);

#endif
