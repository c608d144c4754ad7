/* SPDX-License-Identifier: MIT */
#include "map_status.h"

#include "map_record.h"

#include <unistd.h>

static const struct map_options *options;
static struct brood_reporter *reporter; /* the library's */
static struct brood_reporter relay;     /* what the pool is given */

/* An item of --json is shown as JSON, and one that was rejected is no success. */
static void tell(brood_report_fn *function, const struct brood_event *event)
{
	static struct brood_buffer text;
	struct brood_event told = *event;
	struct brood_result result;
	text.size = 0;
	map_record_add_item(options, &text, event->item);
	told.item = (struct brood_bytes){text.data, text.size};
	if (event->result) {
		result = map_settle(options, event->result);
		result.item = told.item;
		told.result = &result;
		if (event->result->outcome == BROOD_SUCCESS && result.outcome == BROOD_FAIL)
			function = reporter->fail;
	}
	if (function)
		function(reporter->context, &told);
}

static void begin(void *context, const struct brood_event *event)
{
	(void)context;
	tell(reporter->begin, event);
}

static void success(void *context, const struct brood_event *event)
{
	(void)context;
	tell(reporter->success, event);
}

static void fail(void *context, const struct brood_event *event)
{
	(void)context;
	tell(reporter->fail, event);
}

static void abort_item(void *context, const struct brood_event *event)
{
	(void)context;
	tell(reporter->abort, event);
}

const struct brood_reporter *map_status_open(const struct map_options *given)
{
	options = given;
	reporter = display_open(options->status, NULL);
	if (!reporter)
		return NULL;
	relay = *reporter;
	if (options->json) {
		relay.begin = begin;
		relay.success = success;
		relay.fail = fail;
		relay.abort = abort_item;
	}
	/* Where no rows have to make room, what workers write need not wait for the next call with the pool. */
	if (options->status == STATUS_PLAIN || (options->status == STATUS_AUTO && !isatty(STDERR_FILENO)))
		relay.output = NULL;
	return &relay;
}

void map_status_close(void)
{
	display_close();
	reporter = NULL;
}

void map_status_tick(int workers)
{
	if (reporter && relay.tick)
		relay.tick(relay.context, &(struct brood_event){.worker = -1, .children = workers});
}
