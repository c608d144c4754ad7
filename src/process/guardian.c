/* SPDX-License-Identifier: MIT */
#include "process/guardian.h"

#include "base/lineage.h"
#include "base/raw.h"
#include "base/signals.h"
#include "process/keeper.h"
#include "process/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
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
	int fd, status; /* its socket, and what the kernel says of this process; the second may be a negative errno */
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
	int error = lineage_socketpair(SOCK_SEQPACKET, pair);
	if (error)
		return error;
	void *stack = stack_new();
	if (!stack) {
		lineage_close(pair[0]);
		lineage_close(pair[1]);
		return -ENOMEM;
	}
	/* Dismissed, it left an empty table; the parent's need not be. */
	if (guardian.generation != lineage_generation()) {
		for (size_t i = 0; i < SLOTS; i++)
			table[i] = 0;
		used = 0;
	}
	sigset_t mask;
	signals_block(&mask);
	int pid = clone(guard, stack_of_keeper(stack), CLONE_VM, (void *)(long)pair[1]);
	error = pid < 0 ? -errno : 0;
	signals_restore(&mask);
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
	guardian.status = lineage_adopt(open("/proc/self/status", O_RDONLY | O_CLOEXEC));
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

/* A set of signals in hexadecimal, on a line of its own; all of them where it is not there, or not whole. */
static uint64_t read_set(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	if (!at || !strchr(at + 1, '\n'))
		return UINT64_MAX;
	return strtoull(at + strlen(name), NULL, 16);
}

uint64_t guardian_changed_signals(void)
{
	char text[4096];
	ssize_t size = guardian.status >= 0 ? pread(guardian.status, text, sizeof text - 1, 0) : -1;
	if (size < 0)
		return UINT64_MAX;
	text[size] = '\0';
	return read_set(text, "\nSigIgn:") | read_set(text, "\nSigCgt:");
}

void guardian_dismiss(void)
{
	if (!present() || used)
		return;
	lineage_close(guardian.fd);
	lineage_close(guardian.status);
	while (waitpid(guardian.pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	stack_free(guardian.stack);
	guardian.pid = 0;
}
