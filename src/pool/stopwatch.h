/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_STOPWATCH_H
#define BROOD_POOL_STOPWATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * How long items take, at a price that an item of some nanoseconds can pay: to look at the clock takes 25, and to count the
 * processor's ticks 10. So the clock is asked only for what a tick is, and that the less often, the longer it has been counted;
 * and after a run of short items, the ticks are counted for 32 at a time. In between, what tells an item that is long after all is the host's
 * tick, a word that it changes about every millisecond while somebody wants it to: an item that sees it change gets
 * the time since the last look; else it is shared by the items since then.
 */
struct stopwatch {
	struct moment {
		uint64_t ticks, nanoseconds;
	} first, last;       /* between which the rate was taken */
	double rate;         /* nanoseconds for each tick */
	uint64_t last_ticks; /* of the last look */
	const _Atomic uint32_t *host_tick;
	uint32_t seen_tick, credit, since, shorts;
	bool exact;
};

/* Times in nanoseconds on CLOCK_MONOTONIC, of each of the last so many items: the first began at began, and each took span. */
struct lap {
	uint64_t began, span;
	uint32_t items;
};

/* exact: every item is to be timed. */
void stopwatch_init(struct stopwatch *, const _Atomic uint32_t *host_tick, bool exact);

/* The next item begins now. Where credit is more than 1 after that, the host's tick is wanted. */
void stopwatch_start(struct stopwatch *);

/* An item has ended: whether it is time for stopwatch_look. */
static inline bool stopwatch_due(struct stopwatch *watch)
{
	watch->since++;
	return watch->since >= watch->credit || atomic_load_explicit(watch->host_tick, memory_order_relaxed) != watch->seen_tick;
}

/* Whether there are times to note. */
bool stopwatch_look(struct stopwatch *, struct lap *);

#endif
