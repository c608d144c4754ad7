/* SPDX-License-Identifier: MIT */
#include "printer.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A job that writes more than this is printed while it runs, where its turn has come. */
enum { STREAMED_LEAST = 1 << 20 };

/* In the place of a number for which nothing comes. */
static struct job skipped;

void printer_begin(struct printer *printer, const struct options *options, void (*printed)(struct job *, void *), void *context)
{
	*printer = (struct printer){.options = options, .printed = printed, .context = context, .turn = 1, .capacity = 64};
	printer->waiting = need(printer->capacity * sizeof *printer->waiting);
	memset(printer->waiting, 0, printer->capacity * sizeof *printer->waiting);
	sink_open(&printer->sinks[0], STDOUT_FILENO, "stdout");
	sink_open(&printer->sinks[1], STDERR_FILENO, "stderr");
}

/* --- the order ----------------------------------------------------------------------------------------------------- */

static struct job **place(struct printer *printer, size_t ticket)
{
	while (ticket - printer->turn >= printer->capacity) {
		const size_t capacity = printer->capacity * 2;
		struct job **waiting = need(capacity * sizeof *waiting);
		memset(waiting, 0, capacity * sizeof *waiting);
		for (size_t i = printer->turn; i < printer->turn + printer->capacity; i++)
			waiting[i & (capacity - 1)] = printer->waiting[i & (printer->capacity - 1)];
		free(printer->waiting);
		printer->waiting = waiting;
		printer->capacity = capacity;
	}
	return &printer->waiting[ticket & (printer->capacity - 1)];
}

void printer_job_ended(struct printer *printer, struct job *job)
{
	job->state = JOB_ENDED;
	job->ticket = printer->options->keep_order ? job->number : ++printer->arrived;
	*place(printer, job->ticket) = job;
	printer->count++;
}

void printer_skip(struct printer *printer, size_t number)
{
	if (printer->options->keep_order)
		*place(printer, number) = &skipped;
}

size_t printer_waiting(const struct printer *printer)
{
	return printer->count;
}

/* The job whose turn it is, if it has ended. */
static struct job *next_ended(struct printer *printer)
{
	for (;;) {
		struct job *job = *place(printer, printer->turn);
		if (job && job != &skipped)
			return job;
		if (!job && !(printer->stopping && printer->count))
			return NULL;
		*place(printer, printer->turn) = NULL;
		printer->turn++;
	}
}

/* A running job that may be printed as it writes: one that writes much, or any where nothing more can be kept. */
static struct job *next_running(const struct printer *printer, struct job *const *running, size_t count)
{
	const struct options *options = printer->options;
	if (options->grouping == GROUP_NONE || options->results)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct job *job = running[i];
		const bool turn = options->keep_order ? job->number == printer->turn : spool_is_full();
		const bool much = job->outputs[0].total + job->outputs[1].total >= STREAMED_LEAST || spool_is_full();
		const bool lines = options->grouping == GROUP_LINES && options->keep_order;
		const bool last = job->attempt >= options->retries || spool_is_full();
		if (turn && (lines || (much && last)))
			return job;
	}
	return NULL;
}

/* --- printing ------------------------------------------------------------------------------------------------------ */

static void add_tagged(struct sink *sink, struct job *job, int output, const char *data, size_t size)
{
	if (!job->tag.size) {
		sink_add(sink, data, size);
		return;
	}
	while (size) {
		if (job->at_line_start[output])
			sink_add(sink, job->tag.data, job->tag.size);
		const char *line = memchr(data, '\n', size);
		const size_t piece = line ? (size_t)(line - data) + 1 : size;
		sink_add(sink, data, piece);
		job->at_line_start[output] = line;
		data += piece;
		size -= piece;
	}
}

static void print_command(struct printer *printer, struct job *job)
{
	if (job->printed_command || !printer->options->show_commands || printer->options->dry_run)
		return;
	job->printed_command = true;
	add_tagged(&printer->sinks[0], job, 0, (char *)job->command.data, job->command.size);
	add_tagged(&printer->sinks[0], job, 0, "\n", 1);
}

/* Prints what is there, up to whole lines only where that is asked for; whether all of that has been given to the sinks. */
static bool print_output(struct printer *printer, struct job *job, bool whole_lines)
{
	bool all = true;
	for (int i = 0; i < 2; i++) {
		struct capture *capture = &job->outputs[i];
		struct sink *sink = &printer->sinks[i];
		const uint64_t until = whole_lines ? capture->lines_end : capture->total;
		const void *data;
		ssize_t size = 0;
		if (capture->taken < until)
			print_command(printer, job);
		while (!sink_is_full(sink) && (size = capture_peek(capture, until, &data)) > 0) {
			add_tagged(sink, job, i, data, (size_t)size);
			capture_take(capture, (size_t)size);
			job->streamed = true;
			printer->writing = job->number;
		}
		if (size < 0) {
			sink->error = (int)-size;
			sink->closed = true;
			capture_take(capture, capture->total - capture->taken);
		}
		all &= capture->taken >= until;
	}
	return all;
}

static void flush(struct printer *printer)
{
	for (int i = 0; i < 2; i++) {
		sink_flush(&printer->sinks[i]);
		if (printer->sinks[i].error && !printer->failed)
			printer->failed = printer->writing;
	}
}

static bool is_idle(const struct printer *printer)
{
	return sink_is_idle(&printer->sinks[0]) && sink_is_idle(&printer->sinks[1]);
}

static void finish(struct printer *printer, struct job *job)
{
	/* One that was printed while it ran may have ended behind others, whose turn is still to come. */
	*place(printer, job->ticket) = &skipped;
	printer->count--;
	printer->current = NULL;
	job->state = JOB_PRINTED;
	printer->printed(job, printer->context);
}

void printer_run(struct printer *printer, struct job *const *running, size_t count)
{
	const struct options *options = printer->options;
	if (options->grouping == GROUP_LINES && !options->keep_order && !options->results)
		for (size_t i = 0; i < count; i++)
			print_output(printer, running[i], true);
	for (;;) {
		if (!printer->current)
			printer->current = next_ended(printer);
		if (!printer->current)
			printer->current = next_running(printer, running, count);
		struct job *job = printer->current;
		if (!job)
			break;
		const bool ended = job->state == JOB_ENDED;
		printer->writing = job->number;
		if (ended)
			print_command(printer, job);
		/* With --results it is kept where that says. */
		const bool all = options->results || print_output(printer, job, !ended && options->grouping == GROUP_LINES);
		flush(printer);
		/* It counts as printed when the kernel has it, since logs say then that it is done. */
		if (!all || !ended || !is_idle(printer))
			break;
		finish(printer, job);
	}
	flush(printer);
}

bool printer_is_held(const struct printer *printer, const struct job *job, int output)
{
	const bool direct = job == printer->current ||
			    (printer->options->grouping == GROUP_LINES && !printer->options->keep_order);
	return direct ? sink_is_full(&printer->sinks[output]) : spool_is_full();
}

void printer_end(struct printer *printer)
{
	printer->stopping = true;
	do {
		sink_finish(&printer->sinks[0]);
		sink_finish(&printer->sinks[1]);
		printer_run(printer, NULL, 0);
	} while (printer->count);
	for (int i = 0; i < 2; i++) {
		sink_finish(&printer->sinks[i]);
		sink_free(&printer->sinks[i]);
	}
	free(printer->waiting);
}
