/* SPDX-License-Identifier: MIT */
#include "pool/events.h"

#include "base/clock.h"

#include <math.h>

/* Half of what is promised, since the host may be busy when it is due. */
#define TICK 0.05

void events_fire(brood_pool *pool, brood_report_fn *function, struct brood_event event)
{
	if (!function)
		return;
	/* Of one whose place has been taken the end may still be to be told, since its traceback is being made. */
	event.children = pool->crew.present < pool->crew.wanted ? pool->crew.present : pool->crew.wanted;
	event.total = pool->total;
	if (event.time <= 0)
		event.time = clock_now();
	bool calling = pool->calling;
	pool->calling = true;
	function(pool->reporter.context, &event);
	pool->calling = calling;
}

double events_tick(brood_pool *pool, double now)
{
	if (!pool->reporter.tick)
		return INFINITY;
	if (now - pool->ticked >= TICK) {
		pool->ticked = now;
		events_fire(pool, pool->reporter.tick, (struct brood_event){.worker = -1, .time = now});
	}
	return pool->ticked + TICK;
}

static void tell_output(void *context, int number, pid_t pid, struct brood_bytes output)
{
	brood_pool *pool = context;
	events_fire(pool, pool->reporter.output, (struct brood_event){.worker = number, .pid = pid, .output = output});
}

void events_output(brood_pool *pool)
{
	if (pool->crew.nursery && pool->reporter.output)
		nursery_output(pool->crew.nursery, tell_output, pool);
}
