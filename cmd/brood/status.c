/* SPDX-License-Identifier: MIT */
#include "status.h"

#include "clock.h"
#include "say.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* How often the reporter is told that time passes. */
static const double TICK_SECONDS = 0.1;

struct status {
	struct brood_reporter *reporter; /* NULL: nobody is told */
	size_t total, skipped;
	int running;
	double ticked;
	bool warned;
};

static void report(struct status *status, brood_report_fn *function, struct brood_event event)
{
	if (!status->reporter || !function)
		return;
	event.children = status->running;
	event.total = status->total > status->skipped ? status->total - status->skipped : 0;
	function(status->reporter->context, &event);
}

struct status *status_open(const struct options *options, size_t total)
{
	struct status *status = need(sizeof *status);
	*status = (struct status){.total = total};
	if (!options->dry_run && options->grouping != GROUP_NONE)
		status->reporter = display_open(options->status, "job");
	if (status->reporter)
		report(status, status->reporter->init, (struct brood_event){.worker = -1});
	return status;
}

static struct brood_event event_of(const struct job *job)
{
	return (struct brood_event){.worker = job->slot - 1, .index = job->number - 1,
		.pid = job->process ? brood_process_pid(job->process) : 0,
		.item = {job->command.data, job->command.size}};
}

void status_begin_job(struct status *status, const struct job *job)
{
	status->running++;
	if (status->reporter)
		report(status, status->reporter->begin, event_of(job));
}

static enum brood_outcome pool_outcome(const struct job *job)
{
	switch (job->end) {
	case END_TIMEOUT:
		return BROOD_TIMEOUT;
	case END_HALTED:
		return BROOD_CANCELED;
	case END_SIGNAL:
		return BROOD_ABORT;
	default:
		return job_failed(job) ? BROOD_FAIL : BROOD_SUCCESS;
	}
}

static const char *type_of(const struct job *job)
{
	return job->end == END_TIMEOUT ? "Timeout" : job->end == END_HALTED ? "Canceled" : job->end == END_UNSTARTED ? "Unstarted"
	       : job->status.out_of_memory ? "OutOfMemory" : job->status.signal ? signal_name(job->status.signal) : "Exit";
}

/* What became of it, and where what it wrote is kept. */
static const char *describe(const struct job *job, char *text, size_t size)
{
	job_describe(job, text, size);
	const size_t end = strlen(text);
	if (job->paths[1])
		snprintf(text + end, size - end, "; what it said is in %s", job->paths[1]);
	return text;
}

void status_end_job(struct status *status, const struct job *job, bool again)
{
	char text[1024];
	const struct brood_failure failure = {.type = type_of(job), .message = describe(job, text, sizeof text), .traceback = "",
		.code = job_exit_status(job), .signal = job->status.signal, .output = ""};
	const struct brood_result result = {.outcome = pool_outcome(job), .index = job->number - 1,
		.item = {job->command.data, job->command.size}, .failure = job_failed(job) ? &failure : NULL,
		.status = job->status.signal ? &job->status : NULL, .attempts = job->attempt, .started = job->started,
		.seconds = job->seconds, .worker = job->slot - 1};
	if (job->end != END_UNSTARTED)
		status->running--;
	if (!status->reporter || again)
		return;
	struct brood_event event = event_of(job);
	event.result = &result;
	report(status, result.outcome == BROOD_SUCCESS ? status->reporter->success
		       : result.outcome == BROOD_FAIL ? status->reporter->fail : status->reporter->abort, event);
}

void status_skip(struct status *status)
{
	status->skipped++;
}

void status_tick(struct status *status)
{
	const double now = clock_now();
	if (!status->reporter || !status->reporter->tick || now < status->ticked + TICK_SECONDS)
		return;
	status->ticked = now;
	report(status, status->reporter->tick, (struct brood_event){.worker = -1});
}

double status_wait(const struct status *status)
{
	return status->reporter && status->reporter->tick ? TICK_SECONDS : -1;
}

void status_warn_spool(struct status *status, int error)
{
	if (!status->warned)
		say("output that waits for its turn cannot be kept in a file: %s; jobs wait for each other now (see --tmpdir)",
		    strerror(-error));
	status->warned = true;
}

bool status_tells(const struct status *status)
{
	return status->reporter;
}

void status_close(struct status *status)
{
	if (status->reporter)
		report(status, status->reporter->cleanup, (struct brood_event){.worker = -1});
	display_close();
	free(status);
}
