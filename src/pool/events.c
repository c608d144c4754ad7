/* SPDX-License-Identifier: MIT */
#include "pool/events.h"

#include "base/clock.h"

void events_fire(brood_pool *pool, brood_report_fn *function, struct brood_event event)
{
	if (!function)
		return;
	event.children = pool->crew.present;
	if (event.time <= 0)
		event.time = clock_now();
	bool calling = pool->calling;
	pool->calling = true;
	function(pool->reporter.context, &event);
	pool->calling = calling;
}
