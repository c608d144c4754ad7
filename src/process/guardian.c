/* SPDX-License-Identifier: MIT */
#include "process/guardian.h"

#include "base/lineage.h"
#include "base/raw.h"
#include "process/child.h"
#include "process/keeper.h"
#include "process/stack.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS = 16384 };

static _Atomic(pid_t) table[SLOTS];
static size_t next_slot, used;

static struct {
	unsigned generation;
	pid_t pid;
	int fd;
	void *stack;
} guardian;

RAW_FUNCTION static int guard(void *context)
{
	int fd = (int)(long)context;
	keeper_prepare();
	raw_close_from(0, fd);
	keeper_await_host(fd);
	for (size_t i = 0; i < SLOTS; i++)
		if (table[i] > 0)
			raw_call(SYS_kill, -(long)table[i], SIGKILL, 0, 0, 0);
	raw_call(SYS_exit_group, 0, 0, 0, 0, 0);
	return 0;
}

static int begin(void)
{
	int pair[2];
	int error = child_fork_pair(pair);
	if (error)
		return error;
	void *stack = stack_new();
	if (!stack) {
		lineage_close(pair[0]);
		lineage_close(pair[1]);
		return -ENOMEM;
	}
	for (size_t i = 0; i < SLOTS; i++)
		table[i] = 0;
	used = 0;
	sigset_t mask;
	child_block_signals(&mask);
	int pid = clone(guard, stack_of_keeper(stack), CLONE_VM, (void *)(long)pair[1]);
	error = pid < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	lineage_close(pair[1]);
	if (error) {
		lineage_close(pair[0]);
		stack_free(stack);
		return error;
	}
	guardian.generation = lineage_generation();
	guardian.pid = pid;
	guardian.fd = pair[0];
	guardian.stack = stack;
	return 0;
}

static bool present(void)
{
	return guardian.pid && guardian.generation == lineage_generation();
}

int guardian_slot(_Atomic(pid_t) **out)
{
	int error = present() ? 0 : begin();
	if (error)
		return error;
	for (size_t i = 0; i < SLOTS; i++) {
		_Atomic(pid_t) *slot = &table[next_slot++ % SLOTS];
		pid_t none = 0;
		/* Taken, but no group yet: -1 is not killed. */
		if (atomic_compare_exchange_strong(slot, &none, -1)) {
			used++;
			*out = slot;
			return 0;
		}
	}
	return -EAGAIN;
}

void guardian_return(_Atomic(pid_t) *slot)
{
	*slot = 0;
	used--;
}

void guardian_forget(pid_t group)
{
	for (size_t i = 0; i < SLOTS; i++) {
		_Atomic(pid_t) *slot = &table[(next_slot - 1 - i) % SLOTS];
		pid_t was = group;
		if (atomic_load_explicit(slot, memory_order_relaxed) == was) {
			guardian_return(slot);
			return;
		}
	}
}

void guardian_dismiss(void)
{
	if (!present() || used)
		return;
	lineage_close(guardian.fd);
	while (waitpid(guardian.pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	stack_free(guardian.stack);
	guardian.pid = 0;
}
