/* SPDX-License-Identifier: MIT */
#include "process/child.h"

#include "base/clock.h"
#include "base/lineage.h"
#include "base/raw.h"
#include "base/signals.h"
#include "process/guardian.h"
#include "process/keeper.h"
#include "process/stack.h"
#include "process/status.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	struct child *next, **link; /* in the registry, while it has not ended */
	unsigned generation;
	int references;
	int fd;
	pid_t pid, keeper;
	bool direct, ended, lost, orphan, killed; /* killed: by a signal from here */
	void *stack;
	struct brood_status status;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct child *registry;
static unsigned registry_generation;
static size_t orphans; /* children in the registry whose maker has freed them, so that nobody else will look at them */

/* Begun once in each process, since a look at each child's birth would make it slower. */
static struct oom_watch kills;
static unsigned kills_generation;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void lock_registry(void)
{
	pthread_mutex_lock(&lock);
}

static void unlock_registry(void)
{
	pthread_mutex_unlock(&lock);
}

/*
 * Forks take the locks in the reverse order of their registration, and elsewhere lineage's is taken under the registry's:
 *
 *     forking                   ending a child
 *     takes lineage's lock      takes the registry's lock
 *     waits for the registry's  waits for lineage's, to close
 */
static void watch_forks(void)
{
	lineage_join();
	pthread_atfork(lock_registry, unlock_registry, unlock_registry);
}

/* After a fork the registry lists the parent's children. */
static void enter_registry(void)
{
	if (registry_generation != lineage_generation()) {
		registry = NULL;
		orphans = 0;
		registry_generation = lineage_generation();
	}
}

/* The lock is held. After a fork the watch is the parent's, and maybe of another group. */
static void watch_kills(void)
{
	if (kills_generation == lineage_generation())
		return;
	oom_watch_begin(&kills, "");
	kills_generation = lineage_generation();
}

static void release(struct child *child)
{
	if (--child->references)
		return;
	lineage_close(child->fd);
	free(child);
}

/*
 * A keeper that leaves with an order unread resets the connection, which is told once, before what it reported:
 *
 *     host                   keeper
 *     orders TERM
 *     orders TERM            obeys the first; the child ends
 *                            reports the end and leaves
 *     recv: ECONNRESET
 *     recv: the report
 *
 * And the kernel looks for a message first, and for the end after that, so that its first word of the end is not the last:
 *
 *     recv: no message yet
 *                            reports the end and leaves
 *     recv: the keeper has gone, 0
 *     recv: the report
 */
static ssize_t receive_report(struct child *child, struct keeper_report *out, int flags)
{
	for (bool gone = false;;) {
		ssize_t size = recv(child->fd, out, sizeof *out, flags);
		if (size > 0 || (!size && gone))
			return size;
		if (size < 0 && errno != EINTR && errno != ECONNRESET)
			return size;
		gone = !size;
	}
}

/* The keeper's first word: 0, or -errno where there is no child. */
static int read_start(struct child *child)
{
	struct keeper_report report;
	ssize_t size = receive_report(child, &report, 0);
	if (size != (ssize_t)sizeof report || report.kind != KEEPER_STARTED)
		return -EAGAIN;
	child->pid = report.pid;
	return -report.error;
}

static void end_keeper(struct child *child)
{
	while (waitpid(child->keeper, NULL, __WALL) < 0 && errno == EINTR)
		;
	stack_free(child->stack);
}

int child_begin(struct child *child, const struct child_origin *origin)
{
	child->fd = origin->fd;
	child->keeper = origin->keeper;
	child->pid = origin->pid;
	child->direct = origin->direct;
	child->stack = origin->stack;
	int error = child->keeper ? read_start(child) : 0;
	if (error) {
		/* Closed first: where it is the report that could not be read, the keeper has a child, and ends it then. */
		lineage_close(child->fd);
		child->fd = -1;
		end_keeper(child);
		return error;
	}
	child->status.pid = child->pid;
	child->ended = false;
	/* Only now, so that a thread that reaps meanwhile does not read the first report. */
	pthread_mutex_lock(&lock);
	enter_registry();
	child->references++;
	child->next = registry;
	child->link = &registry;
	if (registry)
		registry->link = &child->next;
	registry = child;
	pthread_mutex_unlock(&lock);
	return 0;
}

/* The lock is held. Takes the child from the registry; it has ended, or its keeper has. */
static void finish(struct child *child)
{
	child->ended = true;
	if (child->status.signal == SIGKILL && !child->killed)
		child->status.out_of_memory = oom_watch_claim(&kills);
	orphans -= child->orphan;
	*child->link = child->next;
	if (child->next)
		child->next->link = child->link;
	if (child->keeper)
		end_keeper(child);
	release(child);
}

static void collect_kept(struct child *child)
{
	struct keeper_report report;
	ssize_t size = receive_report(child, &report, MSG_DONTWAIT);
	/* Nothing yet, or no memory to take it: only the end of the connection says that the keeper has gone. */
	if (size < 0)
		return;
	if (size == (ssize_t)sizeof report && report.kind == KEEPER_ENDED) {
		status_set_end(&child->status, report.wait_status);
		const struct usage used = {{[USAGE_USER] = (uint64_t)report.user_microseconds,
			[USAGE_SYSTEM] = (uint64_t)report.system_microseconds, [USAGE_PEAK] = (uint64_t)report.peak_kibibytes * 1024}};
		status_set_usage(&child->status, &used);
	} else {
		/* The keeper was killed, and its child by the kernel with it. */
		child->status.signal = SIGKILL;
	}
	finish(child);
}

/* As wait4, but by pidfd, which certainly is the child's: 0 not yet, its pid, or -errno. */
static long wait_direct(const struct child *child, int *status, struct rusage *usage)
{
	siginfo_t info = {0};
	long result;
	/* The C library's waitid does not give the resource usage. */
	do
		result = raw_call(SYS_waitid, P_PIDFD, child->fd, (long)&info, WEXITED | WNOHANG, (long)usage);
	while (result == -EINTR);
	if (result == -EPERM || result == -ENOSYS || result == -EINVAL) /* a sandbox, which does not know it */
		return raw_call(SYS_wait4, child->pid, (long)status, WNOHANG, (long)usage, 0);
	if (result)
		return result;
	*status = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0)
					     : info.si_status | (info.si_code == CLD_DUMPED ? WCOREFLAG : 0);
	return info.si_pid;
}

static void collect_direct(struct child *child)
{
	struct rusage usage = {0};
	int status = 0;
	long result = wait_direct(child, &status, &usage);
	if (!result)
		return;
	guardian_forget(child->pid);
	if (result < 0)
		child->lost = true;
	else
		status_set_end(&child->status, status);
	const struct usage used = usage_of(&usage);
	status_set_usage(&child->status, &used);
	finish(child);
}

/* The lock is held. Looks whether the child has ended, without waiting. */
static void collect(struct child *child)
{
	if (child->ended)
		return;
	if (child->direct)
		collect_direct(child);
	else
		collect_kept(child);
}

/* Before a child is made: those that were freed before they had ended keep descriptors and zombies no longer than this. */
static void reap_orphans(void)
{
	pthread_mutex_lock(&lock);
	enter_registry();
	watch_kills();
	for (struct child *child = orphans ? registry : NULL, *next; child; child = next) {
		next = child->next;
		if (child->orphan)
			collect(child);
	}
	pthread_mutex_unlock(&lock);
}

int child_new(struct child **out)
{
	pthread_once(&once, watch_forks);
	reap_orphans();
	struct child *child = calloc(1, sizeof *child);
	if (!child)
		return -ENOMEM;
	child->generation = lineage_generation();
	child->references = 1;
	child->fd = -1;
	child->ended = true;
	*out = child;
	return 0;
}

static bool foreign(const struct child *child)
{
	return child->generation != lineage_generation();
}

pid_t child_pid(const struct child *child)
{
	return child->pid;
}

int child_fd(struct child *child)
{
	if (foreign(child))
		return -1;
	pthread_mutex_lock(&lock);
	int fd = child->ended ? -1 : child->fd;
	pthread_mutex_unlock(&lock);
	return fd;
}

int child_wait(struct child *child, double timeout, struct brood_status *out)
{
	if (foreign(child))
		return -EPERM;
	double deadline = clock_deadline(timeout);
	int error = 0;
	pthread_mutex_lock(&lock);
	child->references++;
	for (;;) {
		collect(child);
		if (child->ended)
			break;
		/* Held by the reference, the descriptor stays open while this thread waits without the lock. */
		pthread_mutex_unlock(&lock);
		struct pollfd item = {.fd = child->fd, .events = POLLIN};
		int wait = clock_poll_timeout(deadline);
		int count = poll(&item, 1, wait);
		if (count < 0 && errno != EINTR)
			error = -errno;
		else if (!count && !clock_poll_timeout(deadline))
			error = -ETIMEDOUT;
		pthread_mutex_lock(&lock);
		if (error)
			break;
	}
	if (!error && child->lost)
		error = -ECHILD;
	if (!error && out)
		*out = child->status;
	release(child);
	pthread_mutex_unlock(&lock);
	return error;
}

/* The lock is held. */
static int order(struct child *child, enum keeper_kind kind, int signal)
{
	struct keeper_order message = {.kind = (int32_t)kind, .signal = signal};
	ssize_t size;
	do
		size = send(child->fd, &message, sizeof message, MSG_NOSIGNAL);
	while (size < 0 && errno == EINTR);
	if (size >= 0)
		return 0;
	return errno == EPIPE || errno == ECONNRESET ? -ESRCH : -errno;
}

int child_signal(struct child *child, int signal)
{
	if (foreign(child))
		return -EPERM;
	if (signal < 0 || signal >= NSIG)
		return -EINVAL;
	pthread_mutex_lock(&lock);
	int error;
	/* While a direct child has not been waited for, its group is its own, and what it left running there is within reach. */
	if (!child->direct)
		collect(child);
	if (child->ended)
		error = -ESRCH;
	else if (child->direct)
		error = signals_send(child->pid, signal);
	else
		error = order(child, KEEPER_SIGNAL, signal);
	child->killed |= !error && signal == SIGKILL;
	pthread_mutex_unlock(&lock);
	return error;
}

int child_outlive(struct child *child)
{
	if (foreign(child))
		return -EPERM;
	pthread_mutex_lock(&lock);
	collect(child);
	int error = child->ended ? -ESRCH : order(child, KEEPER_OUTLIVE, 0);
	pthread_mutex_unlock(&lock);
	return error;
}

void child_free(struct child *child)
{
	if (!child)
		return;
	if (foreign(child)) {
		free(child);
		return;
	}
	pthread_mutex_lock(&lock);
	collect(child);
	if (!child->ended) {
		child->orphan = true;
		orphans++;
	}
	release(child);
	pthread_mutex_unlock(&lock);
}

void child_watch_kills(struct oom_watch *out)
{
	pthread_once(&once, watch_forks);
	pthread_mutex_lock(&lock);
	watch_kills();
	*out = kills;
	pthread_mutex_unlock(&lock);
}

void child_kill_claimed(void)
{
	pthread_mutex_lock(&lock);
	kills.claimed++;
	pthread_mutex_unlock(&lock);
}

int child_guard(_Atomic(pid_t) **out)
{
	pthread_mutex_lock(&lock);
	int error = guardian_slot(out);
	pthread_mutex_unlock(&lock);
	return error;
}

void child_unguard(_Atomic(pid_t) *slot)
{
	pthread_mutex_lock(&lock);
	guardian_return(slot);
	pthread_mutex_unlock(&lock);
}

BROOD_API int brood_reap(void)
{
	int count = 0;
	pthread_mutex_lock(&lock);
	enter_registry();
	for (struct child *child = registry, *next; child; child = next) {
		next = child->next;
		child->references++;
		collect(child);
		count += child->ended;
		release(child);
	}
	if (!registry)
		guardian_dismiss();
	pthread_mutex_unlock(&lock);
	return count;
}

BROOD_API int brood_waitall(double timeout)
{
	double deadline = clock_deadline(timeout);
	for (;;) {
		brood_reap();
		pthread_mutex_lock(&lock);
		struct child *child = registry;
		if (child)
			child->references++;
		pthread_mutex_unlock(&lock);
		if (!child)
			return 0;
		int error = child_wait(child, clock_left(deadline), NULL);
		pthread_mutex_lock(&lock);
		release(child);
		pthread_mutex_unlock(&lock);
		if (error && error != -ECHILD)
			return error;
	}
}
