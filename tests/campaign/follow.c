/* SPDX-License-Identifier: MIT */
/* The reporter that is judged: every event fits the ones before it. */
#include "judge.h"

#include <signal.h>
#include <stdlib.h>

static struct follow_item *item_of(struct follow *follow, const struct brood_event *event)
{
	if (event->index >= follow->count)
		wrong("an event of item %zu of %zu", event->index, follow->count);
	return &follow->items[event->index];
}

static pid_t *pid_of(struct follow *follow, const struct brood_event *event)
{
	MUST(event->worker >= 0 && event->worker <= follow->work->workers && event->worker < FOLLOW_WORKERS);
	if (event->children < 0 || event->children > follow->work->workers)
		wrong("worker %d: there are %d workers", event->worker, event->children);
	MUST(event->time > 0);
	return &follow->pids[event->worker];
}

static void on_init(void *context, const struct brood_event *event)
{
	struct follow *follow = context;
	MUST(event->worker == -1 && !event->children);
	follow->inits++;
}

static void on_spawn(void *context, const struct brood_event *event)
{
	struct follow *follow = context;
	pid_t *pid = pid_of(follow, event);
	MUST(event->pid > 0);
	if (*pid)
		wrong("worker %d is made as %d, and there is %d", event->worker, (int)event->pid, (int)*pid);
	*pid = event->pid;
	follow->spawns++;
}

static void on_begin(void *context, const struct brood_event *event)
{
	struct follow *follow = context;
	struct follow_item *item = item_of(follow, event);
	pid_of(follow, event);
	if (item->ends)
		wrong("item %zu begins after its end", event->index);
	item->begins++;
}

static struct follow_item *on_end(struct follow *follow, const struct brood_event *event)
{
	struct follow_item *item = item_of(follow, event);
	MUST(event->result && event->result->index == event->index);
	if (item->ends++)
		wrong("item %zu has a second end", event->index);
	/* What the death of a nursery has interrupted has begun, but is no attempt. */
	unsigned attempts = event->result->attempts;
	if (attempts != item->begins && !(attempts < item->begins && judge_may_lose_all()))
		wrong("item %zu: %u attempts, %u begins", event->index, event->result->attempts, item->begins);
	return item;
}

static void on_success(void *context, const struct brood_event *event)
{
	struct follow *follow = context;
	on_end(follow, event);
	GIVES(event->result->outcome, BROOD_SUCCESS);
	if (++follow->successes == follow->cancel_at && follow->cancel)
		GIVES(brood_pool_cancel(follow->cancel), 0);
}

static void on_fail(void *context, const struct brood_event *event)
{
	on_end(context, event);
	GIVES(event->result->outcome, BROOD_FAIL);
}

static void on_abort(void *context, const struct brood_event *event)
{
	struct follow_item *item = on_end(context, event);
	enum brood_outcome outcome = event->result->outcome;
	MUST(outcome == BROOD_ABORT || outcome == BROOD_TIMEOUT || outcome == BROOD_CANCELED);
	MUST(outcome == BROOD_CANCELED || item->begins);
}

static void on_exit_of(void *context, const struct brood_event *event)
{
	struct follow *follow = context;
	pid_t *pid = pid_of(follow, event);
	if (event->pid != *pid)
		wrong("worker %d ends as %d, and was made as %d", event->worker, (int)event->pid, (int)*pid);
	MUST(event->status && event->status->pid == event->pid);
	if (event->status->signal == SIGKILL && !judge_may_hit() && !follow->work->fate && !follow->cancel)
		wrong("worker %d was killed by nobody", event->worker);
	*pid = 0;
	follow->exits++;
}

static void on_cleanup(void *context, const struct brood_event *event)
{
	struct follow *follow = context;
	MUST(!event->children);
	for (int i = 0; i < FOLLOW_WORKERS; i++)
		if (follow->pids[i])
			wrong("cleanup, and worker %d has not ended", i);
	follow->cleanups++;
}

void follow_new(struct follow *follow, const struct work *work, size_t count)
{
	*follow = (struct follow){.work = work, .count = count, .items = calloc(count, sizeof *follow->items)};
	MUST(follow->items);
	follow->reporter = (struct brood_reporter){.size = sizeof follow->reporter, .context = follow, .init = on_init,
		.spawn = on_spawn, .begin = on_begin, .success = on_success, .fail = on_fail, .abort = on_abort,
		.exit = on_exit_of, .cleanup = on_cleanup};
}

void follow_end(struct follow *follow, unsigned spawned)
{
	GIVES(follow->inits, spawned);
	GIVES(follow->cleanups, spawned);
	GIVES(follow->exits, follow->spawns);
	for (size_t i = 0; i < follow->count; i++)
		if (follow->items[i].ends != 1)
			wrong("item %zu has %u ends", i, follow->items[i].ends);
	free(follow->items);
}
