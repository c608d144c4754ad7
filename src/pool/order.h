/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_ORDER_H
#define BROOD_POOL_ORDER_H

#include "pool/pool.h"

/* For what workers have to stand, that is, to move no items for a moment: a cancel, and the search for what is in nobody's line. */

/* Takes away what nobody has begun. */
void order_strip(brood_pool *);

/* Kills whoever has begun something. */
void order_condemn(brood_pool *, double now);

/* Where there has been a cancel: it is about what there is now, and is carried out by order_settle or inside_step. */
void order_heed_cancel(brood_pool *);

/* Cancels, or searches, as far as it has come to that; workers go on that stood for what there is no more need for. 0, or why the pool
   cannot go on. */
int order_settle(brood_pool *, double now);

#endif
