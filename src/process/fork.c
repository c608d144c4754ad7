/* SPDX-License-Identifier: MIT */
#include "process/fork.h"

#include "base/lineage.h"
#include "base/signals.h"
#include "process/blackbox.h"
#include "process/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* This process was forked by a host with threads: its copies of other streams than the standard ones may hold what the host
   prints too. */
static bool from_threads;

_Noreturn void fork_leave(int status)
{
	if (from_threads) {
		fflush(stdout);
		fflush(stderr);
	} else {
		fflush(NULL);
	}
	_exit(status);
}

BROOD_NORETURN BROOD_API void brood_suicide(int status)
{
	blackbox_leave(status);
	fork_leave(status);
}

/* Registered last, so run before what the host registered, which with it never runs in the child. */
static void leave_at_exit(int status, void *context)
{
	(void)context;
	blackbox_leave(status);
	fork_leave(status);
}

/*
 * What is buffered would be printed by host and child. With threads about, fflush(NULL) would wait for any stream that
 * another thread is reading from, perhaps for ever, so there only the standard streams are flushed, if they are free.
 */
static void flush_before_fork(void)
{
	if (__libc_single_threaded) {
		fflush(NULL);
		return;
	}
	FILE *const streams[] = {stdout, stderr};
	for (size_t i = 0; i < 2; i++) {
		if (ftrylockfile(streams[i]))
			continue;
		fflush_unlocked(streams[i]);
		funlockfile(streams[i]);
	}
}

/* In the child: what is still buffered, since another thread was at the stream, is the host's to print. */
static void forget_output(void)
{
	__fpurge(stdout);
	__fpurge(stderr);
}

/*
 * Without an exit signal the keeper is invisible to a host that waits for any child, and to its SIGCHLD handler. That
 * takes the bare system call, which does not ready the C library's locks for the child: safe only where no other thread
 * can hold one. The keeper then forks through the C library, so that the child is all right.
 */
pid_t fork_keeper(void)
{
	if (__libc_single_threaded)
		return (pid_t)syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
	lineage_hold(true);
	pid_t keeper = fork();
	lineage_hold(false);
	return keeper;
}

void fork_ready(struct fork_host *host)
{
	flush_before_fork();
	host->threads = !__libc_single_threaded;
	sigaction(SIGCHLD, NULL, &host->child_action);
	prctl(PR_GET_NAME, host->name);
	signals_block(&host->mask);
}

void fork_take_over(void)
{
	keeper_prepare();
	/* So that the fork leaves the child's descriptors to fork_settle. */
	lineage_hold(true);
}

void fork_settle(const struct fork_host *host, pid_t parent, const int *keep, size_t count)
{
	sigaction(SIGCHLD, &host->child_action, NULL);
	prctl(PR_SET_NAME, host->name);
	setpgid(0, 0);
	if (!keeper_bind_child(parent))
		_exit(0);
	forget_output();
	from_threads = host->threads;
	lineage_enter(keep, count);
	on_exit(leave_at_exit, NULL);
	signals_restore(&host->mask);
}

/* In the keeper; comes back in the child alone, and there as if from fork_child. */
static void keep_fork(const struct fork_host *host, int socket, const int *keep)
{
	fork_take_over();
	pid_t keeper = getpid(), child = fork();
	if (child)
		keeper_run(socket, child < 0 ? -errno : child, false);
	fork_settle(host, keeper, keep, 1);
}

int fork_child(struct child **out, int keep)
{
	int pair[2] = {-1, -1};
	struct child *child;
	int error = child_new(&child);
	if (error)
		return error;
	error = lineage_socketpair(SOCK_SEQPACKET, pair);
	if (error) {
		child_free(child);
		return error;
	}
	struct fork_host host;
	fork_ready(&host);
	pid_t keeper = fork_keeper();
	error = keeper < 0 ? -errno : 0;
	if (!keeper) {
		keep_fork(&host, pair[1], &keep);
		free(child);
		*out = NULL;
		return 0;
	}
	signals_restore(&host.mask);
	lineage_close(pair[1]);
	if (error) {
		lineage_close(pair[0]);
		child_free(child);
		return error;
	}
	error = child_begin(child, &(struct child_origin){.fd = pair[0], .keeper = keeper});
	if (error) {
		child_free(child);
		return error;
	}
	*out = child;
	return child_pid(child);
}
