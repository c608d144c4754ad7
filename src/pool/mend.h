/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_MEND_H
#define BROOD_POOL_MEND_H

#include "pool/pool.h"

/*
 * A worker with a bug may write over the board, on which the others depend: over what they are to do, so that none does it, or
 * over who sleeps, so that nobody is woken. While there is work, the host puts that right from time to time: 0 or -ENOMEM.
 */
int mend_board(brood_pool *, double now);

/* The batch alone, at once: before a worker begins by it. */
void mend_batch(brood_pool *);

#endif
