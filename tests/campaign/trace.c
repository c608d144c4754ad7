/* SPDX-License-Identifier: MIT */
#include "trace.h"

#include "campaign.h"
#include "stacks.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ORPHANS_SECONDS 1.0

const char *const trace_names[TRACE_ROLES] = {"host", "nursery", "worker"};

struct task {
	pid_t tid, process;
	enum trace_role role;
	bool alive, stepping;
};

struct run {
	const struct trace_plan *plan;
	struct trace_report report;
	struct task *tasks;
	size_t count, capacity;
	pid_t host;
	bool host_ended;
	unsigned long steps;
	double began, marked, ended;
};

static volatile sig_atomic_t ticked;

static void tick(int number)
{
	(void)number;
	ticked = 1;
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

_Noreturn static void give_up(const char *what)
{
	perror(what);
	exit(3);
}

/* waitpid returns after that many seconds, and then each millisecond, so that a tick that comes before it does no harm. */
static void tick_after(double seconds)
{
	long micros = seconds > 0 ? (long)(seconds * 1e6) : 0;
	struct itimerval timer = {
		.it_interval.tv_usec = 1000, .it_value = {.tv_sec = micros / 1000000, .tv_usec = micros % 1000000}};
	if (!micros)
		timer.it_value.tv_usec = 1;
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* --- who is who ---------------------------------------------------------------------------------------------------- */

/* The latest first, since pids may come again. */
static struct task *find(struct run *run, pid_t tid)
{
	for (size_t i = run->count; i-- > 0;)
		if (run->tasks[i].tid == tid)
			return &run->tasks[i];
	return NULL;
}

static long status_field(pid_t tid, const char *name)
{
	char path[40], line[200];
	long value = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file))
		if (!strncmp(line, name, strlen(name)))
			value = strtol(line + strlen(name), NULL, 10);
	if (file)
		fclose(file);
	return value;
}

static struct task *adopt(struct run *run, pid_t tid)
{
	if (run->count == run->capacity) {
		run->capacity = run->capacity ? 2 * run->capacity : 64;
		run->tasks = realloc(run->tasks, run->capacity * sizeof *run->tasks);
		if (!run->tasks)
			give_up("realloc");
	}
	pid_t process = (pid_t)status_field(tid, "Tgid:");
	enum trace_role role = TRACE_HOST;
	if (tid != run->host) {
		struct task *leader = process == tid ? NULL : find(run, process);
		struct task *parent = leader ? NULL : find(run, (pid_t)status_field(tid, "PPid:"));
		/* Of a child whose parent has gone already nothing is known; that is after the kill. */
		role = leader ? leader->role : parent && parent->role != TRACE_NURSERY ? TRACE_NURSERY : TRACE_WORKER;
	}
	struct task *task = &run->tasks[run->count++];
	*task = (struct task){.tid = tid, .process = process ? process : tid, .role = role, .alive = true};
	return task;
}

/* --- the kill ------------------------------------------------------------------------------------------------------ */

static void strike(struct run *run, const struct task *task)
{
	run->report.killed = true;
	run->report.host_was_killed = task->process == run->host;
	if (kill(task->process, SIGKILL))
		give_up("kill");
}

/* One of the role that is alive, or nobody: which one follows from the time, so that it is the same when repeated. */
static void strike_someone(struct run *run)
{
	size_t alive = 0;
	for (size_t i = 0; i < run->count; i++)
		alive += run->tasks[i].alive && run->tasks[i].role == run->plan->role && run->tasks[i].tid == run->tasks[i].process;
	if (!alive)
		return;
	size_t chosen = (size_t)(run->plan->after * 1e6) % alive;
	for (size_t i = 0; i < run->count; i++)
		if (run->tasks[i].alive && run->tasks[i].role == run->plan->role &&
		    run->tasks[i].tid == run->tasks[i].process && chosen-- == 0) {
			strike(run, &run->tasks[i]);
			return;
		}
}

static bool wants_stops(const struct run *run, const struct task *task)
{
	if (!run->report.marked)
		return task->tid == run->host;
	return run->plan->count || (run->plan->at && !run->report.killed && !run->steps && task->role == run->plan->role);
}

static void resume(struct run *run, const struct task *task, int number)
{
	bool stepping = task->stepping && !run->report.killed;
	/* The constants are of one enumeration, but the call takes what the C library defines. */
	if (stepping)
		ptrace(PTRACE_SINGLESTEP, task->tid, NULL, (uintptr_t)number);
	else if (wants_stops(run, task))
		ptrace(PTRACE_SYSCALL, task->tid, NULL, (uintptr_t)number);
	else
		ptrace(PTRACE_CONT, task->tid, NULL, (uintptr_t)number);
}

static bool is_mark(pid_t tid)
{
	struct __ptrace_syscall_info info;
	return ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof info, &info) > 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY &&
	       info.entry.nr == SYS_close && (int)info.entry.args[0] == CAMPAIGN_MARK;
}

static void at_call(struct run *run, struct task *task)
{
	const struct trace_plan *plan = run->plan;
	if (!run->report.marked) {
		if (task->tid != run->host || !is_mark(task->tid))
			return;
		run->report.marked = true;
		run->marked = now();
		if (plan->timed)
			tick_after(plan->after);
		return;
	}
	unsigned long stop = ++run->report.stops[task->role];
	if (run->report.killed || task->role != plan->role || stop != plan->at)
		return;
	if (plan->steps) {
		run->steps = plan->steps;
		task->stepping = true;
	} else {
		strike(run, task);
	}
}

static void stopped(struct run *run, pid_t tid, int status)
{
	struct task *task = find(run, tid);
	if (!task || !task->alive)
		task = adopt(run, tid);
	int number = WSTOPSIG(status), event = status >> 16;
	if (event == PTRACE_EVENT_STOP && (number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)) {
		ptrace(PTRACE_LISTEN, tid, NULL, NULL);
		return;
	}
	if (event) {
		number = 0;
	} else if (number == (SIGTRAP | 0x80)) {
		at_call(run, task);
		number = 0;
	} else if (number == SIGTRAP && task->stepping) {
		if (!run->report.killed && --run->steps == 0)
			strike(run, task);
		number = 0;
	}
	resume(run, task, number);
}

/* --- the end ------------------------------------------------------------------------------------------------------- */

static void ended(struct run *run, pid_t tid, int status)
{
	struct task *task = find(run, tid);
	if (task)
		task->alive = false;
	if (tid == run->host) {
		run->host_ended = true;
		run->ended = now();
		run->report.host_status = status;
		run->report.seconds = run->report.marked ? run->ended - run->marked : 0;
	}
}

static void tick_no_more(void)
{
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	ticked = 0;
}

static void end_all(struct run *run)
{
	tick_no_more();
	for (size_t i = 0; i < run->count; i++) {
		struct task *task = &run->tasks[i];
		if (task->alive && task->tid == task->process) {
			run->report.left += task->tid != run->host;
			stacks_print(task->tid, trace_names[task->role]);
		}
	}
	for (;;) {
		/* Also those that are made meanwhile. */
		for (size_t i = 0; i < run->count; i++)
			if (run->tasks[i].alive)
				kill(run->tasks[i].process, SIGKILL);
		int status;
		pid_t tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno == ECHILD)
			return;
		if (tid > 0 && WIFSTOPPED(status)) {
			if (!find(run, tid))
				adopt(run, tid);
			ptrace(PTRACE_CONT, tid, NULL, NULL);
		} else if (tid > 0) {
			ended(run, tid, status);
		}
	}
}

static bool is_over_time(const struct run *run)
{
	double time = now();
	return run->host_ended ? time > run->ended + ORPHANS_SECONDS : time > run->began + run->plan->limit;
}

static void follow(struct run *run)
{
	for (;;) {
		int status;
		pid_t tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno == ECHILD)
			return;
		if (tid < 0 && errno != EINTR)
			give_up("waitpid");
		if (tid > 0 && WIFSTOPPED(status))
			stopped(run, tid, status);
		else if (tid > 0)
			ended(run, tid, status);
		if (!ticked)
			continue;
		ticked = 0;
		if (run->plan->timed && run->report.marked && !run->report.killed && !run->host_ended &&
		    now() >= run->marked + run->plan->after)
			strike_someone(run);
		if (is_over_time(run)) {
			run->report.hang = !run->host_ended;
			end_all(run);
			return;
		}
	}
}

static pid_t launch(const struct trace_plan *plan, int output)
{
	int gate[2];
	if (pipe(gate))
		give_up("pipe");
	pid_t pid = fork();
	if (pid < 0)
		give_up("fork");
	if (!pid) {
		char byte;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(gate[1]);
		ssize_t got = read(gate[0], &byte, 1);
		close(gate[0]);
		prctl(PR_SET_PDEATHSIG, 0);
		setenv(CAMPAIGN_VICTIM, plan->at || plan->timed ? trace_names[plan->role] : "", 1);
		if (got || dup2(output, 1) < 0 || dup2(output, 2) < 0)
			_exit(126);
		execv(plan->argv[0], plan->argv);
		perror(plan->argv[0]);
		_exit(127);
	}
	close(gate[0]);
	int options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
		      PTRACE_O_EXITKILL;
	if (ptrace(PTRACE_SEIZE, pid, NULL, (uintptr_t)options) || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL))
		give_up("ptrace");
	close(gate[1]);
	return pid;
}

struct trace_report trace_run(const struct trace_plan *plan, int output)
{
	struct run run = {.plan = plan, .began = now()};
	struct sigaction action = {.sa_handler = tick};
	sigaction(SIGALRM, &action, NULL);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		give_up("prctl");
	tick_after(0.01);
	run.host = launch(plan, output);
	adopt(&run, run.host);
	follow(&run);
	tick_no_more();
	free(run.tasks);
	return run.report;
}
