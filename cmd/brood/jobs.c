/* SPDX-License-Identifier: MIT */
/* What begins and what ends: starting jobs while there are slots, ending them by steps, counting how they ended. */
#include "run.h"

#include "chunk.h"
#include "clock.h"
#include "limit.h"
#include "log.h"
#include "say.h"
#include "status.h"
#include "text.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The output of so many jobs may wait for a slow reader before no more are started. */
enum { WAITING_MOST = 10000 };

/* --- starting ------------------------------------------------------------------------------------------------------ */

static int take_slot(struct run *run)
{
	int slot = 0;
	while (run->slots[slot])
		slot++;
	run->slots[slot] = true;
	return slot + 1;
}

/* --retry-failed: a job of the log, with the number that it has there. */
static struct job *make_retried(struct run *run)
{
	size_t number;
	char *command = logs_next_failed(run->logs, &number);
	if (!command) {
		run->exhausted = true;
		return NULL;
	}
	struct record **records = need(sizeof *records);
	*records = record_new(&(struct brood_bytes){command, strlen(command)}, 1);
	free(command);
	while (++run->made < number)
		printer_skip(&run->printer, run->made);
	return job_new(number, records, 1);
}

/* A job of the input that has not been done before, or NULL. */
static struct job *make_job(struct run *run)
{
	while (!run->exhausted) {
		struct record **records = NULL;
		size_t count = 0;
		if (run->options->round_robin && run->made == (size_t)run->jobs) {
			run->exhausted = true;
			break;
		}
		struct job *job = run->chunks ? chunks_next(run->chunks, run->made + 1) : NULL;
		if (run->chunks && !job) {
			run->exhausted = chunks_ended(run->chunks);
			return NULL;
		}
		if (!job && run->options->resume == RESUME_RETRY)
			return make_retried(run);
		if (!job) {
			count = batch_next(&run->batch, &records);
			if (!count) {
				run->exhausted = true;
				break;
			}
			job = job_new(run->made + 1, records, count);
		}
		run->made++;
		job->slot = 1;
		if (!logs_reads(run->logs))
			return job;
		launcher_fill(&run->launcher, job);
		if (!logs_has(run->logs, job)) {
			job_reset(job);
			return job;
		}
		printer_skip(&run->printer, job->number);
		status_skip(run->status);
		job_free(job);
	}
	return NULL;
}

static struct job *next_job(struct run *run)
{
	struct job *job = run->next;
	run->next = NULL;
	if (!job && run->retried_count)
		job = run->retried[--run->retried_count];
	return job ? job : make_job(run);
}

static void show_command(struct run *run, const struct job *job)
{
	if (!run->options->trace_commands)
		return;
	struct sink *sink = &run->printer.sinks[1];
	sink_add(sink, job->command.data, job->command.size);
	sink_add(sink, "\n", 1);
	sink_flush(sink);
}

/* In place of running: what would be run. */
static void show_job(struct run *run, struct job *job)
{
	capture_add(&job->outputs[0], job->command.data, job->command.size);
	capture_add(&job->outputs[0], "\n", 1);
	job->end = END_EXIT;
	printer_job_ended(&run->printer, job);
	printer_run(&run->printer, run->running, run->running_count);
}

/* Seconds that a job may take, or 0. */
static double time_limit(const struct run *run)
{
	const struct amount *timeout = &run->options->timeout;
	if (!timeout->percent)
		return timeout->value;
	/* Some have to be there for a median. */
	if (run->time_count < 3)
		return 0;
	return run->times[run->time_count / 2] * timeout->value / 100;
}

/* A job that cannot be started has ended. E2BIG: say which limit. */
static void fail_start(struct run *run, struct job *job, int error)
{
	job->error = -error;
	job->end = END_UNSTARTED;
	if (error == -E2BIG)
		say("the command of job %zu has %zu bytes, and the kernel allows %d for one argument, and for all a quarter of the stack's "
		    "limit (ulimit -s)", job->number, job->command.size, MOST_CHARS);
	else if (!status_tells(run->status))
		say("job %zu cannot be started: %s: %.200s", job->number, strerror(-error), (char *)job->command.data);
	run_end_job(run, job);
}

/* There are no more processes to be had: those that run may need some for themselves. */
static void leave_processes(struct run *run)
{
	const int half = (int)(run->running_count + 1) / 2;
	if (half >= run->jobs)
		return;
	run->jobs = half;
	say("there are no more processes to be had (ulimit -u): %d job%s at once from now on, so that jobs may make some", half,
	    half == 1 ? "" : "s");
}

/* false: nothing can be started now, the job waits. */
static bool start_job(struct run *run, struct job *job)
{
	job->slot = take_slot(run);
	job->attempt++;
	launcher_fill(&run->launcher, job);
	if (run->options->dry_run) {
		run->slots[job->slot - 1] = false;
		show_command(run, job);
		show_job(run, job);
		return true;
	}
	const int unkept = logs_prepare(run->logs, job);
	job->started = clock_now();
	job->wall_started = clock_wall();
	const int error = unkept ? unkept : launcher_start(&run->launcher, job);
	/* Nothing more of that kind until something ends. */
	const bool later = (error == -EAGAIN || error == -EMFILE || error == -ENFILE || error == -ENOMEM) && run->running_count;
	if (error) {
		run->slots[job->slot - 1] = false;
		if (later) {
			job_reset(job);
			job->attempt--;
			run->next = job;
			if (error == -EAGAIN)
				leave_processes(run);
			return false;
		}
	}
	show_command(run, job);
	if (unkept) {
		logs_fail(run->logs, job, unkept);
		run_stop(run, STOP_STARTING);
	}
	if (error) {
		fail_start(run, job, error);
		return true;
	}
	const double limit = time_limit(run);
	job->deadline = limit > 0 ? job->started + limit : 0;
	run->running[run->running_count++] = job;
	if (run->options->delay > 0)
		run->next_start = job->started + run->options->delay;
	status_begin_job(run->status, job);
	return true;
}

/* Whether another job may begin now, as far as that can be known before it is there. */
static bool may_start(const struct run *run)
{
	return run->stop == STOP_NO && run->running_count < (size_t)run->jobs &&
	       !(run->next_start > 0 && clock_now() < run->next_start) &&
	       (run->options->keep_order || printer_waiting(&run->printer) <= WAITING_MOST);
}

void run_start_retried(struct run *run)
{
	while (run->retried_count && may_start(run) && limit_allows(run->options, run->running_count)) {
		if (start_job(run, run->retried[--run->retried_count]))
			continue;
		run->retried[run->retried_count++] = run->next;
		run->next = NULL;
		return;
	}
}

void run_start_jobs(struct run *run)
{
	while (may_start(run)) {
		if (!run->next && !(run->next = next_job(run)))
			return;
		/* While an input was waited for, all of that may have changed. */
		if (!may_start(run) || !limit_allows(run->options, run->running_count))
			return;
		struct job *job = run->next;
		run->next = NULL;
		if (!start_job(run, job))
			return;
	}
}

/* --- ending -------------------------------------------------------------------------------------------------------- */

void run_kill_job(struct job *job, enum job_end why)
{
	if (job->why_killed == END_NONE || job->why_killed == END_TIMEOUT)
		job->why_killed = why;
	if (job->next_step <= 0) {
		job->step = 0;
		job->next_step = clock_now();
	}
}

static void step_ladder(const struct run *run, struct job *job, double now)
{
	const struct options *options = run->options;
	while (job->next_step > 0 && now >= job->next_step) {
		const bool over = job->step >= options->ladder_count;
		const int signal = over ? SIGKILL : options->ladder[job->step].signal;
		brood_process_kill(job->process, signal);
		/* A stopped job takes a signal when it goes on. */
		if (signal != SIGKILL && signal != SIGSTOP)
			brood_process_kill(job->process, SIGCONT);
		job->next_step = over ? now + 1 : now + options->ladder[job->step].seconds;
		job->step++;
		if (!over && options->ladder[job->step - 1].seconds <= 0)
			continue;
		break;
	}
}

void run_step_ladders(struct run *run, double now)
{
	/* Jobs that began before there was a median have a limit by it too. */
	const double limit = run->options->timeout.percent ? time_limit(run) : 0;
	for (size_t i = 0; i < run->running_count; i++) {
		struct job *job = run->running[i];
		if (limit > 0 && job->deadline <= 0 && job->next_step <= 0)
			job->deadline = job->started + limit;
		if (job->deadline > 0 && now >= job->deadline) {
			job->deadline = 0;
			run_kill_job(job, END_TIMEOUT);
		}
		step_ladder(run, job, now);
	}
}

void run_stop(struct run *run, enum stop stop)
{
	if (stop <= run->stop)
		return;
	run->stop = stop;
	for (size_t i = 0; stop >= STOP_ENDING && i < run->running_count; i++) {
		struct job *job = run->running[i];
		run_kill_job(job, END_HALTED);
		if (stop == STOP_KILLING) {
			job->step = run->options->ladder_count;
			job->next_step = clock_now();
		}
	}
	run_step_ladders(run, clock_now());
}

static void keep_time(struct run *run, double seconds)
{
	size_t at = run->time_count;
	if (!run->options->timeout.percent)
		return;
	if (!(run->time_count & (run->time_count - 1)))
		run->times = need_more(run->times, (run->time_count ? run->time_count * 2 : 1) * sizeof *run->times);
	for (; at > 0 && run->times[at - 1] > seconds; at--)
		run->times[at] = run->times[at - 1];
	run->times[at] = seconds;
	run->time_count++;
}

static void halt(struct run *run, const struct job *job)
{
	const struct halt *halt = &run->options->halt;
	if (run->halted || !halt_reached(halt, &run->tally))
		return;
	run->halted = true;
	run->halt_status = halt_status(halt, &run->tally, job_exit_status(job));
	say("This job %s: %.1000s", halt->what == HALT_DONE ? "finished" : job_failed(job) ? "failed" : "succeeded",
	    (char *)job->command.data);
	if (run->running_count)
		say("no more jobs are started, by --halt; %zu still %s", run->running_count,
		    halt->when == HALT_SOON ? "to finish" : "running, which are ended");
	run_stop(run, halt->when == HALT_NOW ? STOP_ENDING : STOP_STARTING);
}

void run_end_job(struct run *run, struct job *job)
{
	const bool failed = job_failed(job);
	if (job->end == END_TIMEOUT && !status_tells(run->status))
		say("this job was ended after %.1f s, since its time was up: %.1000s", job->seconds, (char *)job->command.data);
	const bool retried = job->end != END_HALTED && job->end != END_UNSTARTED && job->attempt < run->options->retries;
	/* What was printed, or read from --round-robin's stream, cannot be had a second time. */
	const bool again = failed && (retried || job->end == END_SPARED) && !job->streamed && !run->options->round_robin &&
			   run->stop == STOP_NO;
	if (again) {
		status_end_job(run->status, job, true);
		if (run->printer.current == job)
			run->printer.current = NULL;
		job_reset(job);
		run->retried = need_more(run->retried, (run->retried_count + 1) * sizeof *run->retried);
		run->retried[run->retried_count++] = job;
		return;
	}
	if (failed)
		run->tally.failed += job->end != END_HALTED;
	else
		run->tally.succeeded++;
	if (!failed)
		keep_time(run, job->seconds);
	/* What it wrote comes before what is said of it, if it is its turn. */
	run->ending = job;
	printer_job_ended(&run->printer, job);
	printer_run(&run->printer, run->running, run->running_count);
	status_end_job(run->status, job, false);
	if (job->end != END_HALTED)
		halt(run, job);
	run->ending = NULL;
	if (job->state == JOB_PRINTED)
		job_free(job);
}
