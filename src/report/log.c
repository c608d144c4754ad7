/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "report/line.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct log {
	struct brood_reporter reporter;
	FILE *stream;
	double began;
	size_t succeeded, failed, aborted;
};

/* Begins a line with the time since the pool was spawned. */
static void begin_line(const struct log *log, struct line *line, double time)
{
	line_begin(line);
	line_add(line, "[%8.3f] ", time > log->began ? time - log->began : 0);
}

/* In one piece, so that no other output comes to stand within it. */
static void end_line(const struct log *log, struct line *line)
{
	line_add(line, "\n");
	fwrite(line->text, 1, line->size, log->stream);
	fflush(log->stream);
}

static void begin_item(const struct log *log, struct line *line, const struct brood_event *event)
{
	begin_line(log, line, event->time);
	line_add(line, "item %zu", event->index);
	line_add_item(line, event->item);
}

static void init(void *context, const struct brood_event *event)
{
	struct log *log = context;
	struct line line;
	*log = (struct log){.reporter = log->reporter, .stream = log->stream, .began = event->time};
	begin_line(log, &line, event->time);
	line_add(&line, "pool begins");
	end_line(log, &line);
}

static void spawn(void *context, const struct brood_event *event)
{
	struct line line;
	begin_line(context, &line, event->time);
	line_add(&line, "worker %d (pid %d) begins", event->worker, (int)event->pid);
	end_line(context, &line);
}

static void begin(void *context, const struct brood_event *event)
{
	struct line line;
	begin_item(context, &line, event);
	line_add(&line, ": begun by worker %d", event->worker);
	end_line(context, &line);
}

static void success(void *context, const struct brood_event *event)
{
	struct log *log = context;
	struct line line;
	log->succeeded++;
	begin_item(log, &line, event);
	line_add(&line, ": done in %.3f s", event->result->seconds);
	end_line(log, &line);
}

static void say_failure(const struct log *log, const struct brood_event *event, const char *what)
{
	const struct brood_result *result = event->result;
	struct line line;
	begin_item(log, &line, event);
	line_add(&line, ": %s", what);
	if (result->attempts)
		line_add(&line, " after %.3f s", result->seconds);
	if (result->attempts > 1)
		line_add(&line, " and %u attempts", result->attempts);
	line_add(&line, ": ");
	line_add_text(&line, result->failure->type, strlen(result->failure->type));
	line_add(&line, ": ");
	line_add_text(&line, result->failure->message, strlen(result->failure->message));
	const size_t first = strcspn(result->failure->traceback, "\n");
	if (first) {
		line_add(&line, "; ");
		line_add_text(&line, result->failure->traceback, first);
	}
	end_line(log, &line);
}

static void fail(void *context, const struct brood_event *event)
{
	struct log *log = context;
	log->failed++;
	say_failure(log, event, "failed");
}

static void abort_item(void *context, const struct brood_event *event)
{
	struct log *log = context;
	log->aborted++;
	say_failure(log, event, "aborted");
}

static void exit_worker(void *context, const struct brood_event *event)
{
	const struct brood_status *status = event->status;
	struct line line;
	begin_line(context, &line, event->time);
	line_add(&line, "worker %d (pid %d) ended", event->worker, (int)event->pid);
	if (status->signal)
		line_add(&line, " by signal %d (%s)", status->signal, strsignal(status->signal));
	else if (status->exit_code)
		line_add(&line, " with exit code %d", status->exit_code);
	end_line(context, &line);
}

static void cleanup(void *context, const struct brood_event *event)
{
	const struct log *log = context;
	struct line line;
	begin_line(log, &line, event->time);
	line_add(&line, "pool ends: %zu succeeded, %zu failed, %zu aborted", log->succeeded, log->failed, log->aborted);
	end_line(log, &line);
}

BROOD_API int brood_log_reporter(struct brood_reporter **out, FILE *stream)
{
	if (!out)
		return -EINVAL;
	struct log *log = calloc(1, sizeof *log);
	if (!log)
		return -ENOMEM;
	log->stream = stream ? stream : stderr;
	log->reporter = (struct brood_reporter){.size = sizeof log->reporter, .context = log, .init = init, .spawn = spawn,
		.begin = begin, .success = success, .fail = fail, .abort = abort_item, .exit = exit_worker, .cleanup = cleanup};
	*out = &log->reporter;
	return 0;
}
