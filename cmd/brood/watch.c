/* SPDX-License-Identifier: MIT */
/* The wait: for jobs to write, to read and to end, for signals, and for whoever reads the command's own output. */
#include "run.h"

#include "chunk.h"
#include "clock.h"
#include "display.h"
#include "limit.h"
#include "log.h"
#include "say.h"
#include "status.h"
#include "text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { READ_MOST = 64 << 10 };

enum watched { WATCH_SIGNALS, WATCH_SOURCE, WATCH_SINK, WATCH_CHUNKS, WATCH_PROCESS, WATCH_OUTPUT, WATCH_INPUT };

struct watch {
	enum watched what;
	struct job *job;
	int output;
};

static struct pollfd *polls;
static struct watch *watches;
static size_t capacity, watched;
static bool collected; /* the library knows already how one of the jobs has ended, and there is nothing to wait for */

static void watch(int fd, short events, struct watch what)
{
	if (watched == capacity) {
		capacity = capacity ? capacity * 2 : 64;
		polls = need_more(polls, capacity * sizeof *polls);
		watches = need_more(watches, capacity * sizeof *watches);
	}
	polls[watched] = (struct pollfd){.fd = fd, .events = events};
	watches[watched++] = what;
}

/* --- what a job writes and reads ----------------------------------------------------------------------------------- */

static void close_output(struct job *job, int output)
{
	close(job->fds[output]);
	close(job->kept[output]);
	job->fds[output] = job->kept[output] = -1;
}

/* Reads what there is, up to a buffer full; false where that cannot be. To be called when there is something. */
static bool read_output(struct run *run, struct job *job, int output)
{
	static char buffer[READ_MOST];
	ssize_t got = read(job->fds[output], buffer, sizeof buffer);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (got <= 0) {
		close_output(job, output);
		return false;
	}
	if (logs_keep_output(run->logs, job, output, buffer, (size_t)got)) {
		capture_count(&job->outputs[output], (size_t)got);
		return true;
	}
	const int error = capture_add(&job->outputs[output], buffer, (size_t)got);
	if (error)
		status_warn_spool(run->status, error);
	return true;
}

/* All that is in the pipes of a job that has ended; whoever else holds them is not waited for. */
static void drain(struct run *run, struct job *job)
{
	for (int i = 0; i < 2; i++) {
		/* What others go on writing would have no end. */
		for (size_t most = 64; job->fds[i] >= 0 && most; most--) {
			struct pollfd entry = {.fd = job->fds[i], .events = POLLIN};
			if (poll(&entry, 1, 0) < 1 || !(entry.revents & POLLIN) || !read_output(run, job, i))
				break;
		}
		if (job->fds[i] >= 0)
			close_output(job, i);
	}
}

static void close_input(struct job *job)
{
	if (job->input >= 0)
		close(job->input);
	job->input = -1;
}

/* --round-robin: another block for a job that has read its last one; it waits with its stdin open while there is none yet. */
static bool refill(struct run *run, struct job *job)
{
	job->chunk.size = job->chunk_written = 0;
	return chunks_take(run->chunks, &job->chunk) || !chunks_ended(run->chunks);
}

static void write_input(struct run *run, struct job *job)
{
	const ssize_t wrote = write(job->input, job->chunk.data + job->chunk_written, job->chunk.size - job->chunk_written);
	if (wrote > 0) {
		job->chunk_written += (size_t)wrote;
		job->sent += (size_t)wrote;
	}
	if (job->chunk_written == job->chunk.size && run->options->round_robin && refill(run, job))
		return;
	/* A job need not read all that it is given. */
	if (job->chunk_written == job->chunk.size || (wrote < 0 && errno != EAGAIN && errno != EINTR))
		close_input(job);
}

static bool is_hungry(const struct job *job)
{
	return job->input >= 0 && job->chunk_written == job->chunk.size;
}

static void feed_hungry(struct run *run)
{
	for (size_t i = 0; i < run->running_count; i++)
		if (is_hungry(run->running[i]) && !refill(run, run->running[i]))
			close_input(run->running[i]);
}

static bool wants_chunks(const struct run *run)
{
	if (!run->chunks || run->stop != STOP_NO || chunks_fd(run->chunks) < 0)
		return false;
	if (run->running_count < (size_t)run->jobs && !run->exhausted)
		return true;
	for (size_t i = 0; i < run->running_count; i++)
		if (is_hungry(run->running[i]))
			return true;
	return false;
}

/* --- its end ------------------------------------------------------------------------------------------------------- */

static void take_out(struct run *run, struct job *job)
{
	size_t at = 0;
	while (run->running[at] != job)
		at++;
	memmove(run->running + at, run->running + at + 1, (--run->running_count - at) * sizeof *run->running);
	run->slots[job->slot - 1] = false;
}

static void collect(struct run *run, struct job *job)
{
	/* While the leader has not been waited for, its group is certainly its own. */
	if (job->next_step > 0)
		brood_process_kill(job->process, SIGKILL);
	const int error = brood_process_wait(job->process, 0, &job->status);
	if (error == -ETIMEDOUT)
		return;
	job->seconds = clock_now() - job->started;
	job->end = job->why_killed != END_NONE ? job->why_killed : job->status.signal ? END_SIGNAL : END_EXIT;
	if (error) {
		job->end = END_UNSTARTED;
		job->error = -error;
	}
	drain(run, job);
	close_input(job);
	brood_process_free(job->process);
	job->process = NULL;
	launcher_tidy(job);
	take_out(run, job);
	run_end_job(run, job);
}

/* --- signals ------------------------------------------------------------------------------------------------------- */

static void signal_all(const struct run *run, int signal)
{
	for (size_t i = 0; i < run->running_count; i++)
		brood_process_kill(run->running[i]->process, signal);
}

/* Ctrl-Z: the jobs are groups of their own, and stop when they are told to; their clocks stand still meanwhile. */
static void suspend(struct run *run)
{
	display_hide();
	signal_all(run, SIGSTOP);
	const double before = clock_now();
	raise(SIGSTOP);
	const double away = clock_now() - before;
	for (size_t i = 0; i < run->running_count; i++) {
		struct job *job = run->running[i];
		job->deadline += job->deadline > 0 ? away : 0;
		job->next_step += job->next_step > 0 ? away : 0;
		job->started += away;
	}
	signal_all(run, SIGCONT);
}

/* SIGUSR1: what runs, and since when. */
static void tell_running(const struct run *run)
{
	const double now = clock_now();
	for (size_t i = 0; i < run->running_count; i++) {
		const struct job *job = run->running[i];
		say("job %zu runs since %.1f s as process %d: %.1000s", job->number, now - job->started,
		    (int)brood_process_pid(job->process), (char *)job->command.data);
	}
}

static void take_signal(struct run *run)
{
	struct signalfd_siginfo info;
	if (read(run->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	if (info.ssi_signo == SIGTSTP) {
		suspend(run);
		return;
	}
	if (info.ssi_signo == SIGUSR1) {
		tell_running(run);
		return;
	}
	const bool again = run->signal;
	run->signal = (int)info.ssi_signo;
	if (!again)
		say("%s: the jobs (%zu) are ended; once more ends them at once", signal_name(run->signal), run->running_count);
	run_stop(run, again ? STOP_KILLING : STOP_ENDING);
}

/* --- the wait ------------------------------------------------------------------------------------------------------ */

static void watch_all(struct run *run)
{
	watched = 0;
	collected = false;
	watch(run->signal_fd, POLLIN, (struct watch){.what = WATCH_SIGNALS});
	for (int i = 0; i < 2; i++)
		if (!sink_is_idle(&run->printer.sinks[i]))
			watch(run->printer.sinks[i].fd, POLLOUT, (struct watch){.what = WATCH_SINK});
	if (run->source_fd >= 0)
		watch(run->source_fd, POLLIN, (struct watch){.what = WATCH_SOURCE});
	if (wants_chunks(run))
		watch(chunks_fd(run->chunks), POLLIN, (struct watch){.what = WATCH_CHUNKS});
	for (size_t i = 0; i < run->running_count; i++) {
		struct job *job = run->running[i];
		const int fd = brood_process_fd(job->process);
		collected |= fd < 0;
		watch(fd, POLLIN, (struct watch){.what = WATCH_PROCESS, .job = job});
		for (int k = 0; k < 2; k++)
			if (job->fds[k] >= 0 && !printer_is_held(&run->printer, job, k))
				watch(job->fds[k], POLLIN, (struct watch){.what = WATCH_OUTPUT, .job = job, .output = k});
		if (job->input >= 0 && !is_hungry(job))
			watch(job->input, POLLOUT, (struct watch){.what = WATCH_INPUT, .job = job});
	}
}

static int milliseconds_to(double time)
{
	if (time < 0)
		return -1;
	const double left = (time - clock_now()) * 1000;
	/* Rounded up, so that it is not looked at just before. */
	return left <= 0 ? 0 : left > 1e6 ? 1000000 : (int)left + 1;
}

void run_wait(struct run *run)
{
	watch_all(run);
	const int count = poll(polls, (nfds_t)watched, collected ? 0 : milliseconds_to(run_next_time(run)));
	/* Outputs first: a job that ends below is taken out, and what was watched for it is not looked at again. */
	for (size_t i = 0; count > 0 && i < watched; i++) {
		const struct watch *what = &watches[i];
		if (!polls[i].revents)
			continue;
		if (what->what == WATCH_OUTPUT && polls[i].revents & POLLIN)
			read_output(run, what->job, what->output);
		else if (what->what == WATCH_INPUT)
			write_input(run, what->job);
		else if (what->what == WATCH_CHUNKS)
			chunks_read(run->chunks);
	}
	if (run->options->round_robin)
		feed_hungry(run);
	for (size_t i = 0; i < watched; i++)
		if (watches[i].what == WATCH_PROCESS && (polls[i].fd < 0 || (count > 0 && polls[i].revents)))
			collect(run, watches[i].job);
	if (count > 0 && polls[0].revents)
		take_signal(run);
	run_step_ladders(run, clock_now());
	printer_run(&run->printer, run->running, run->running_count);
	/* Who wants an end now does not want to wait for a reader either. */
	for (int i = 0; i < 2 && run->stop == STOP_KILLING; i++)
		if (!sink_is_idle(&run->printer.sinks[i]))
			sink_give_up(&run->printer.sinks[i]);
	status_tick(run->status);
}
