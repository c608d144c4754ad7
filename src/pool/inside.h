/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_INSIDE_H
#define BROOD_POOL_INSIDE_H

#include "pool/pool.h"

/* A pool without processes: the host is its own worker. */
int inside_begin(brood_pool *);
void inside_end(brood_pool *);

/* Runs one item of the round that has not been run yet, if there is one. */
int inside_step(brood_pool *, double deadline);

/* As crew_watch. */
int inside_watch(brood_pool *, bool (*awake)(brood_pool *));

#endif
