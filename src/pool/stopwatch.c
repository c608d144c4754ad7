/* SPDX-License-Identifier: MIT */
#include "pool/stopwatch.h"

#include "base/clock.h"

/* Items of so many ticks, about a microsecond, are not worth to be timed; after so many of them in a row, so many of them are
   looked at together. */
enum { NOTABLE = 2500, RUN = 64, TOGETHER = 32 };

/* Ticks between two looks that enclose one at the clock, which take about 100; and how often that is tried. */
enum { CLOSE = 1000, TRIES = 8 };

/* The same moment in both, the first try being from before on: where the processor was taken away in between it is another's,
   and by such a pair all later times would be wrong. */
static struct moment moment(uint64_t before)
{
	struct moment best = {0};
	for (uint64_t least = UINT64_MAX, try = 0; try < TRIES && least > CLOSE; try++, before = clock_ticks()) {
		const uint64_t nanoseconds = clock_nanoseconds(), after = clock_ticks();
		if (after - before < least) {
			least = after - before;
			best = (struct moment){after - least / 2, nanoseconds};
		}
	}
	return best;
}

/* Ticks, some milliseconds of them: for so long the clock may be adjusted by little enough, and an error of 50 ns in a pair makes
   the rate wrong by no more than that again. */
enum { CALIBRATED = 20000000 };

/* Before that, whenever there is twice as long to look back on. */
static bool is_stale(const struct stopwatch *watch, uint64_t now)
{
	const uint64_t since = now - watch->last.ticks;
	return since > CALIBRATED || since >= watch->last.ticks - watch->first.ticks;
}

static void calibrate(struct stopwatch *watch, uint64_t now)
{
	if (now - watch->last.ticks > CALIBRATED)
		watch->first = watch->last;
	watch->last = moment(now);
	const uint64_t ticked = watch->last.ticks - watch->first.ticks;
	watch->rate = ticked ? (double)(watch->last.nanoseconds - watch->first.nanoseconds) / (double)ticked : 0;
}

/* Of ticks that are not long ago, which may be before the last look at the clock. */
static uint64_t nanoseconds_at(const struct stopwatch *watch, uint64_t ticks)
{
	const int64_t since = (int64_t)(ticks - watch->last.ticks);
	return watch->last.nanoseconds + (uint64_t)(int64_t)((double)since * watch->rate);
}

void stopwatch_init(struct stopwatch *watch, const _Atomic uint32_t *host_tick, bool exact)
{
	*watch = (struct stopwatch){.first = moment(clock_ticks()), .host_tick = host_tick, .exact = exact, .credit = 1};
	watch->last = watch->first;
	stopwatch_start(watch);
}

void stopwatch_start(struct stopwatch *watch)
{
	watch->since = 0;
	watch->credit = watch->shorts >= RUN ? TOGETHER : 1;
	watch->seen_tick = atomic_load_explicit(watch->host_tick, memory_order_relaxed);
	watch->last_ticks = clock_ticks();
}

bool stopwatch_look(struct stopwatch *watch, struct lap *lap)
{
	const uint64_t now_ticks = clock_ticks(), passed = now_ticks - watch->last_ticks;
	const uint32_t tick = atomic_load_explicit(watch->host_tick, memory_order_relaxed), items = watch->since;
	const bool changed = tick != watch->seen_tick;
	watch->since = 0;
	watch->seen_tick = tick;
	watch->last_ticks = now_ticks;
	/* Of those that are looked at together one may have met a page fault, or the end of a time slice. */
	if (passed <= (uint64_t)NOTABLE * (watch->credit > 1 ? TOGETHER : 1) && !watch->exact) {
		watch->shorts += watch->shorts < RUN ? items : 0;
		return false;
	}
	watch->shorts = 0;
	watch->credit = 1;
	if (is_stale(watch, now_ticks))
		calibrate(watch, now_ticks);
	const uint64_t span = (uint64_t)((double)passed * watch->rate);
	const uint64_t began = nanoseconds_at(watch, now_ticks) - span;
	/* The others were short, as those before them; and if several were long, they are together. */
	*lap = changed ? (struct lap){began, span, 1} : (struct lap){began, span / items, items};
	return true;
}
