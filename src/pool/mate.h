/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_MATE_H
#define BROOD_POOL_MATE_H

#include "pool/pool.h"

/* Makes the line ready for a new owner, and sets down that it is being started; the nursery is told by the caller. */
void mate_expect(brood_pool *, uint32_t line, bool spare);

/* A worker that leaves in good order may take so long, in seconds, to run its end function. */
enum { MATE_LEAVE_TIME = 10 };

/* Takes a report of the nursery's: 0 or -ENOMEM. */
int mate_report(brood_pool *, const struct nursery_report *);

/* The nursery has gone, and its workers with it: 0 or -ENOMEM. */
int mates_orphaned(brood_pool *);

/* Looks what each runs and since when; kills those whose time is up. */
void mates_watch(brood_pool *, double now);

/* When mates_watch should be called again; busy: there are items to be done. */
double mates_due(const brood_pool *, double now, bool busy);

/* Kills what the line's owner is running, and makes that its outcome. */
void mate_condemn(brood_pool *, uint32_t line, enum brood_outcome, double now);

/* The place of what the line's owner has begun and not done. */
bool mate_running(brood_pool *, uint32_t line, uint64_t *place);

/* The line's owner is done with the item, which is to be tried again: that it has begun it says nothing more. */
void mate_failed(brood_pool *, uint32_t line, uint32_t item);

/* Whether the line's owner was to end because of that item's cancel: that it failed is then no reason to try it again. */
bool mate_is_canceled(const brood_pool *, uint32_t line, uint32_t item);

/* Whether one of them has begun the item at the place. */
bool mates_run(brood_pool *, uint64_t place);

/* Starts workers where there are fewer than there should be: 0, or why there will be none. */
int mates_replace(brood_pool *, double now);

#endif
