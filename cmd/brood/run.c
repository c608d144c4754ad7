/* SPDX-License-Identifier: MIT */
#include "run.h"

#include "chunk.h"
#include "clock.h"
#include "limit.h"
#include "log.h"
#include "resume.h"
#include "say.h"
#include "signals.h"
#include "source.h"
#include "status.h"
#include "text.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EXIT_MANY = 101 };

/* --- --shellquote -------------------------------------------------------------------------------------------------- */

static void quote_inputs(const struct options *options)
{
	struct input *input = input_open(options);
	struct brood_buffer text = {0};
	struct record *record;
	while ((record = input_next(input))) {
		text.size = 0;
		for (size_t i = 0; i < record->count; i++) {
			if (i)
				text_add_char(&text, ' ');
			quote_add(&text, QUOTING_NONE, record->values[i].data, record->values[i].size);
		}
		puts(text_string(&text));
		record_free(record);
	}
	brood_buffer_free(&text);
	input_free(input);
}

/* --- beginning ----------------------------------------------------------------------------------------------------- */

/* A standard descriptor that is closed would be taken by the next file that is opened; so it is there, and refuses writes. */
static void fill_descriptors(void)
{
	/* Each in the way in which it is of no use, so that whoever uses it is told. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			return;
}

/* The signals that end the command or stop it come by a descriptor. */
static void catch_signals(struct run *run)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGUSR1};
	run->signal_fd = signals_catch(signals, sizeof signals / sizeof *signals);
	/* A reader that has gone, or a job that does not read, is an error of write. */
	signal(SIGPIPE, SIG_IGN);
	/* As is a file that may not become longer. */
	signal(SIGXFSZ, SIG_IGN);
}

/* Two pipes and the process for each job, as far as they may be had. */
static void raise_limit(struct run *run)
{
	struct rlimit limit;
	const rlim_t wanted = (rlim_t)run->jobs * 5 + 64;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void job_printed(struct job *job, void *context)
{
	struct run *run = context;
	const struct sink *out = &run->printer.sinks[0], *err = &run->printer.sinks[1];
	/* What was not written, and what was ended before its end, is not done. */
	if (job->end != END_HALTED && !out->closed && !err->closed && !run->options->dry_run)
		logs_write(run->logs, job);
	if (job != run->ending)
		job_free(job);
}

static bool wait_for_source(int fd, void *context);
static void finish_anyway(void);

/* The run that is under way, for messages. */
static struct run *current;

/* Before or behind what jobs write, and never in between; a reader that does not read holds up nobody. */
static void write_message(const char *line, size_t size)
{
	struct sink *sink = &current->printer.sinks[1];
	sink_add(sink, line, size);
	sink_flush(sink);
}

static void begin(struct run *run, const struct options *options)
{
	*run = (struct run){.options = options, .jobs = options_jobs(options), .source_fd = -1};
	if (options->nice && setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + options->nice))
		say("--nice %d: this priority may not be had", options->nice);
	spool_directory(options->temporary);
	if (options->pipe)
		run->chunks = chunks_open(options);
	else if (options->resume != RESUME_RETRY)
		run->input = input_open(options);
	const struct record *names = run->input ? input_names(run->input) : NULL;
	launcher_begin(&run->launcher, options, names);
	if (run->input)
		batch_begin(&run->batch, options, &run->launcher.command, run->input);
	run->logs = logs_open(options, names);
	run->tally.total = run->input ? batch_total(&run->batch) : 0;
	if (run->tally.total && run->tally.total < (size_t)run->jobs)
		run->jobs = (int)run->tally.total;
	run->running = need((size_t)run->jobs * sizeof(struct job *));
	run->slots = need((size_t)run->jobs * sizeof *run->slots);
	memset(run->slots, 0, (size_t)run->jobs * sizeof *run->slots);
	raise_limit(run);
	catch_signals(run);
	printer_begin(&run->printer, options, job_printed, run);
	run->status = status_open(options, run->tally.total);
	source_wait_context = run;
	source_wait = wait_for_source;
	current = run;
	say_write = write_message;
	die_finish = finish_anyway;
}

/* --- going on ------------------------------------------------------------------------------------------------------ */

double run_next_time(const struct run *run)
{
	const double now = clock_now();
	double next = -1;
	for (size_t i = 0; i < run->running_count; i++) {
		const struct job *job = run->running[i];
		if (job->deadline > 0 && (next < 0 || job->deadline < next))
			next = job->deadline;
		if (job->next_step > 0 && (next < 0 || job->next_step < next))
			next = job->next_step;
	}
	const bool free_slot = run->stop == STOP_NO && run->running_count < (size_t)run->jobs && (run->next || !run->exhausted);
	if (free_slot && run->next_start > now && (next < 0 || run->next_start < next))
		next = run->next_start;
	const double later = now + (double)LIMIT_MILLISECONDS / 1000;
	if (((free_slot && limit_holds()) || run->options->memory_free > 0) && (next < 0 || later < next))
		next = later;
	const double tick = status_wait(run->status);
	if (tick >= 0 && (next < 0 || now + tick < next))
		next = now + tick;
	return next;
}

/* Where output cannot be written, going on would lose what the jobs write. */
static void check_outputs(struct run *run)
{
	for (int i = 0; i < 2; i++) {
		struct sink *sink = &run->printer.sinks[i];
		if (!sink->error)
			continue;
		const int error = sink->error;
		sink->error = 0;
		run->trouble = true;
		if (!i)
			say("the output of job %zu cannot be written to %s: %s; the jobs are ended", run->printer.failed, sink->name,
			    strerror(error));
		run_stop(run, STOP_ENDING);
	}
	if (logs_lose_output(run->logs))
		run_stop(run, STOP_STARTING);
}

/* The youngest job gives way where memory is nearly gone, and is tried again. */
static void spare_memory(struct run *run)
{
	static double last;
	const double now = clock_now();
	if (run->options->memory_free <= 0 || run->running_count < 2 || now < last + 1 || !limit_is_short(run->options))
		return;
	last = now;
	struct job *job = run->running[run->running_count - 1];
	if (job->next_step <= 0 && !job->streamed) {
		say("memory is short: job %zu is ended and will be started again", job->number);
		job->attempt--;
		run_kill_job(job, END_SPARED);
	}
}

/* One wait, and what is to be looked at after it. */
static void go_on(struct run *run)
{
	run_wait(run);
	check_outputs(run);
	spare_memory(run);
}

/* Whoever gives the inputs may be slow; the jobs that run are looked after meanwhile. */
static bool wait_for_source(int fd, void *context)
{
	struct run *run = context;
	struct pollfd entry = {.fd = fd, .events = POLLIN};
	run->source_fd = fd;
	while (run->stop == STOP_NO && poll(&entry, 1, 0) < 1) {
		run_start_retried(run);
		go_on(run);
	}
	run->source_fd = -1;
	return run->stop == STOP_NO;
}

static bool is_done(struct run *run)
{
	if (run->running_count || printer_waiting(&run->printer))
		return false;
	return run->stop != STOP_NO || (run->exhausted && !run->retried_count && !run->next);
}

/* Whether the logs tell all. */
static bool end(struct run *run)
{
	printer_end(&run->printer);
	say_write = NULL;
	check_outputs(run);
	status_close(run->status);
	const bool logged = logs_close(run->logs);
	run->trouble |= !logged;
	job_free(run->next);
	while (run->retried_count)
		job_free(run->retried[--run->retried_count]);
	launcher_end(&run->launcher);
	if (run->input)
		batch_end(&run->batch);
	input_free(run->input);
	chunks_free(run->chunks);
	free(run->running);
	free(run->slots);
	free(run->retried);
	free(run->times);
	close(run->signal_fd);
	return logged;
}

/* An input that cannot be read, or makes no command, ends the inputs, and not the jobs that run. */
static void finish_anyway(void)
{
	struct run *run = current;
	run->exhausted = true;
	run_stop(run, STOP_STARTING);
	while (!is_done(run))
		go_on(run);
	end(run);
}

static int exit_status(const struct run *run)
{
	if (run->signal) {
		signals_die(run->signal);
		return 128 + run->signal;
	}
	if (run->trouble)
		return EXIT_TROUBLE;
	if (run->halted)
		return run->halt_status;
	return run->tally.failed >= EXIT_MANY ? EXIT_MANY : (int)run->tally.failed;
}

int run_main(char **arguments)
{
	struct options options;
	struct run run;
	fill_descriptors();
	options_read(&options, arguments);
	if (options.shell_quote) {
		quote_inputs(&options);
		return 0;
	}
	begin(&run, &options);
	for (;;) {
		run_start_jobs(&run);
		printer_run(&run.printer, run.running, run.running_count);
		check_outputs(&run);
		if (is_done(&run))
			break;
		go_on(&run);
	}
	/* What a halt was to reach has been reached. */
	const bool reached = run.halted && !run.halt_status, failed = run.tally.failed;
	const bool logged = end(&run);
	if (logged && ((failed && !reached) || run.signal || run.trouble || (run.halted && !reached)))
		resume_say(&options, arguments, failed);
	options_free(&options);
	return exit_status(&run);
}
