/* SPDX-License-Identifier: MIT */
#include <brood.h>

#include "base/lineage.h"
#include "base/raw.h"
#include "base/signals.h"
#include "process/child.h"
#include "process/fork.h"
#include "process/guardian.h"
#include "process/keeper.h"
#include "process/launch.h"
#include "process/stack.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef RUNNING_ON_VALGRIND
#define RUNNING_ON_VALGRIND 0
#endif

struct brood_process {
	struct child *child;
};

/* What the keeper of a program needs; it is on the host's stack, and the host waits while it is used. */
struct plan {
	struct launch launch;
	int socket;
	bool outlive;
	void *stack;
};

/* --- a keeper that shares the host's memory: made at once, however large the host is ------------------------------- */

RAW_FUNCTION static int keep_shared(void *context)
{
	struct plan *plan = context;
	int socket = plan->socket;
	bool outlive = plan->outlive;
	keeper_prepare();
	plan->launch.parent = (pid_t)raw_call(SYS_getpid, 0, 0, 0, 0, 0);
	/* The library's clone writes errno, which is the host's, when it fails: the host's thread is waiting for us. */
	long child = clone(launch_run, stack_of_program(plan->stack), CLONE_VM | CLONE_VFORK | SIGCHLD, &plan->launch);
	if (child < 0) {
		child = -errno;
	} else if (plan->launch.error) {
		raw_call(SYS_wait4, child, 0, 0, 0, 0);
		child = -plan->launch.error;
	}
	keeper_run(socket, child, outlive);
}

static pid_t share_keeper(struct plan *plan)
{
	if (!RAW_SAFE || RUNNING_ON_VALGRIND)
		return -1;
	plan->stack = stack_new();
	if (!plan->stack)
		return -1;
	pid_t keeper = clone(keep_shared, stack_of_keeper(plan->stack), CLONE_VM, plan);
	if (keeper < 0) {
		stack_free(plan->stack);
		plan->stack = NULL;
	}
	return keeper;
}

/* --- a keeper that is a copy of the host: where memory cannot be shared -------------------------------------------- */

static _Noreturn void keep_copied(struct plan *plan)
{
	keeper_prepare();
	plan->launch.parent = getpid();
	int result[2];
	/* Not on 0 to 2, which the program may take for the host's own. */
	long child = lineage_socketpair(SOCK_STREAM, result);
	if (!child) {
		lineage_hold(true);
		child = fork();
		if (!child) {
			plan->launch.report = result[1];
			launch_run(&plan->launch);
		}
		if (child < 0)
			child = -errno;
		lineage_close(result[1]);
		int error;
		if (child > 0 && read(result[0], &error, sizeof error) == (ssize_t)sizeof error) {
			waitpid((pid_t)child, NULL, 0);
			child = -error;
		}
	}
	keeper_run(plan->socket, child, plan->outlive);
}

static int spawn_kept(struct child *child, struct plan *plan)
{
	int pair[2];
	int error = lineage_socketpair(SOCK_SEQPACKET, pair);
	if (error) {
		child_free(child);
		return error;
	}
	plan->socket = pair[1];
	sigset_t mask;
	signals_block(&mask);
	pid_t keeper = share_keeper(plan);
	if (keeper < 0) {
		keeper = fork_keeper();
		if (!keeper)
			keep_copied(plan);
	}
	error = keeper < 0 ? -errno : 0;
	signals_restore(&mask);
	/* A keeper that shares memory has its own copy of the descriptors from birth. */
	lineage_close(pair[1]);
	if (error) {
		lineage_close(pair[0]);
		child_free(child);
		return error;
	}
	error = child_begin(child, &(struct child_origin){.fd = pair[0], .keeper = keeper, .stack = plan->stack});
	if (error)
		child_free(child);
	return error;
}

/* --- a direct child ------------------------------------------------------------------------------------------------ */

/* 0, -errno, or 1: it cannot be had here, take a keeper. */
static int spawn_direct(struct child *child, struct plan *plan)
{
	if (!RAW_SAFE || RUNNING_ON_VALGRIND)
		return 1;
	if (!plan->outlive && child_guard(&plan->launch.group))
		return 1;
	plan->stack = stack_new();
	int fd = -1;
	pid_t pid = -1;
	if (plan->stack) {
		sigset_t mask;
		signals_block(&mask);
		/* The kernel kills a bound child with the thread that made it, and only the first is there to the end. */
		plan->launch.parent = getpid();
		plan->launch.bound = !plan->outlive && gettid() == getpid();
		/* Making all 64 signals default one by one is half of what this costs beside a bare clone, and asking which need
		   it half of that. With threads about, another might change one in between. */
		if (plan->launch.group && __libc_single_threaded)
			plan->launch.changed = guardian_changed_signals();
		pid = clone(launch_run, stack_of_program(plan->stack), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan->launch,
			    &fd);
		signals_restore(&mask);
		stack_free(plan->stack);
		plan->stack = NULL;
	}
	if (pid < 0 || (fd = lineage_adopt(fd)) < 0 || plan->launch.error) {
		int error = plan->launch.error ? -plan->launch.error : fd;
		if (pid > 0) {
			kill(-pid, SIGKILL);
			while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
				;
			lineage_close(fd);
		}
		if (plan->launch.group)
			child_unguard(plan->launch.group);
		plan->launch.group = NULL;
		plan->launch.bound = !plan->outlive;
		if (pid < 0)
			return 1;
		child_free(child);
		return error;
	}
	return child_begin(child, &(struct child_origin){.fd = fd, .pid = pid, .direct = true});
}

/* --- the public functions ------------------------------------------------------------------------------------------ */

BROOD_API int brood_spawn(brood_process **out, const struct brood_program *program)
{
	if (!out)
		return -EINVAL;
	struct plan plan = {0};
	int error = launch_prepare(&plan.launch, program);
	if (error)
		return error;
	plan.outlive = program->flags & BROOD_OUTLIVE;
	plan.launch.bound = !plan.outlive;
	plan.launch.fresh = true;
	plan.launch.report = -1;
	brood_process *process = calloc(1, sizeof *process);
	error = process ? child_new(&process->child) : -ENOMEM;
	if (!error) {
		error = program->flags & BROOD_DIRECT ? spawn_direct(process->child, &plan) : 1;
		if (error == 1)
			error = spawn_kept(process->child, &plan);
	}
	launch_free(&plan.launch);
	if (error) {
		free(process);
		return error;
	}
	*out = process;
	return 0;
}

BROOD_API pid_t brood_process_pid(const brood_process *process)
{
	return process ? child_pid(process->child) : 0;
}

BROOD_API int brood_process_fd(const brood_process *process)
{
	return process ? child_fd(process->child) : -1;
}

BROOD_API int brood_process_wait(brood_process *process, double timeout, struct brood_status *out)
{
	return process ? child_wait(process->child, timeout, out) : -EINVAL;
}

BROOD_API int brood_process_kill(brood_process *process, int signal)
{
	return process ? child_signal(process->child, signal) : -EINVAL;
}

BROOD_API void brood_process_free(brood_process *process)
{
	if (!process)
		return;
	child_free(process->child);
	free(process);
}
