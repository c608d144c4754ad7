/* SPDX-License-Identifier: MIT */
#include "process/seizure.h"
#include "base/clock.h"
#include "base/stream.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 0.5 /* seconds */

static void read_name(pid_t pid, struct seized *thread)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/task/%d/comm", (int)pid, (int)thread->tid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? 0 : stream_read_full(fd, thread->name, sizeof thread->name - 1);
	if (fd >= 0)
		close(fd);
	thread->name[size < 0 ? 0 : size] = 0;
	thread->name[strcspn(thread->name, "\n")] = 0;
}

static bool is_seized(const struct seizure *seizure, pid_t tid)
{
	for (size_t i = 0; i < seizure->count; i++)
		if (seizure->threads[i].tid == tid)
			return true;
	return false;
}

/* Whether there was a thread that was not there before. */
static bool seize(struct seizure *seizure, pid_t tid)
{
	if (tid <= 0 || is_seized(seizure, tid))
		return false;
	if (seizure->count == SEIZURE_MOST) {
		seizure->more = true;
		return false;
	}
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0)
		return false;
	struct seized *thread = &seizure->threads[seizure->count++];
	*thread = (struct seized){.tid = tid};
	read_name(seizure->pid, thread);
	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	return true;
}

static bool seize_all(struct seizure *seizure)
{
	char path[64];
	bool any = false;
	snprintf(path, sizeof path, "/proc/%d/task", (int)seizure->pid);
	DIR *folder = opendir(path);
	if (!folder)
		return false;
	for (struct dirent *entry; (entry = readdir(folder));)
		any |= seize(seizure, (pid_t)strtol(entry->d_name, NULL, 10));
	closedir(folder);
	return any;
}

/* The end of a child is left for who waits for it; that of another's must be taken, or its parent never sees it. */
static void forget(const struct seizure *seizure, struct seized *thread)
{
	thread->gone = true;
	if (!seizure->child || thread->tid != seizure->pid)
		waitpid(thread->tid, NULL, __WALL | WNOHANG);
}

/* Whether it still has to stop. */
static bool is_awaited(const struct seizure *seizure, struct seized *thread)
{
	siginfo_t info = {0};
	int status;
	if (thread->stopped || thread->gone)
		return false;
	if (waitid(P_PID, (id_t)thread->tid, &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL) < 0) {
		thread->gone = errno != EINTR;
		return !thread->gone;
	}
	if (!info.si_pid)
		return true;
	if (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED) {
		forget(seizure, thread);
		return false;
	}
	if (waitpid(thread->tid, &status, __WALL | WNOHANG) != thread->tid || !WIFSTOPPED(status))
		return true;
	thread->stopped = true;
	/* With an event it is our interruption, or a stop that the process is in anyway. */
	thread->signal = status >> 16 ? 0 : WSTOPSIG(status);
	return false;
}

static void await(struct seizure *seizure)
{
	struct timespec nap = {.tv_nsec = 50000};
	for (double limit = clock_now() + PATIENCE;;) {
		bool any = false;
		for (size_t i = 0; i < seizure->count; i++)
			any |= is_awaited(seizure, &seizure->threads[i]);
		if (!any || clock_now() >= limit)
			return;
		nanosleep(&nap, NULL);
		if (nap.tv_nsec < 2000000)
			nap.tv_nsec *= 2;
	}
}

bool seizure_begin(struct seizure *seizure, pid_t pid)
{
	siginfo_t info;
	*seizure = (struct seizure){.pid = pid};
	seizure->child = !waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL);
	seize(seizure, pid);
	/* A thread that still runs may make one that the folder did not show yet. */
	for (int round = 0; round < 3 && seize_all(seizure); round++)
		;
	await(seizure);
	return seizure->count;
}

void seizure_end(struct seizure *seizure)
{
	for (size_t i = 0; i < seizure->count; i++) {
		struct seized *thread = &seizure->threads[i];
		/* One that has been killed meanwhile is not stopped any more, and its end comes to its tracer first. */
		if (thread->stopped && ptrace(PTRACE_DETACH, thread->tid, NULL, (uintptr_t)thread->signal) < 0)
			forget(seizure, thread);
	}
}

static bool read_word(void *memory, uint64_t address, uint64_t *value)
{
	const struct seized *thread = memory;
	errno = 0;
	long word = ptrace(PTRACE_PEEKDATA, thread->tid, (uintptr_t)address, NULL);
	*value = (uint64_t)word;
	return !errno;
}

#if defined(__x86_64__)
static void number(uint64_t registers[SNAPSHOT_REGISTERS], const struct user_regs_struct *from)
{
	const uint64_t numbered[] = {
		from->rax, from->rdx, from->rcx, from->rbx, from->rsi, from->rdi, from->rbp, from->rsp, from->r8, from->r9,
		from->r10, from->r11, from->r12, from->r13, from->r14, from->r15, from->rip,
	};
	_Static_assert(sizeof numbered == sizeof(uint64_t) * SNAPSHOT_REGISTERS, "all of them");
	memcpy(registers, numbered, sizeof numbered);
}
#elif defined(__aarch64__)
static void number(uint64_t registers[SNAPSHOT_REGISTERS], const struct user_regs_struct *from)
{
	for (int i = 0; i < SNAPSHOT_SP; i++)
		registers[i] = from->regs[i];
	registers[SNAPSHOT_SP] = from->sp;
	registers[SNAPSHOT_PC] = from->pc;
}
#else
static void number(uint64_t registers[SNAPSHOT_REGISTERS], const struct user_regs_struct *from)
{
	(void)from;
	registers[SNAPSHOT_PC] = 0;
}
#endif

bool seizure_look(struct seized *seized, struct thread *thread)
{
	struct user_regs_struct registers;
	struct iovec place = {&registers, sizeof registers};
	if (!seized->stopped || ptrace(PTRACE_GETREGSET, seized->tid, (uintptr_t)NT_PRSTATUS, &place) < 0)
		return false;
	/* Another size is that of a program of another machine. */
	if (place.iov_len != sizeof registers)
		return false;
	*thread = (struct thread){.read = read_word, .memory = seized};
	number(thread->registers, &registers);
	return true;
}
