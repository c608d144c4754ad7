/* SPDX-License-Identifier: MIT */
#include "pool/events.h"

#include "base/clock.h"

void events_fire(brood_pool *pool, brood_report_fn *function, struct brood_event event)
{
	if (!function)
		return;
	/* Of one whose place has been taken the end may still be to be told, since its traceback is being made. */
	event.children = pool->crew.present < pool->crew.wanted ? pool->crew.present : pool->crew.wanted;
	if (event.time <= 0)
		event.time = clock_now();
	bool calling = pool->calling;
	pool->calling = true;
	function(pool->reporter.context, &event);
	pool->calling = calling;
}
