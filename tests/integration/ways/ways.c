/* SPDX-License-Identifier: MIT */
/* Each way is a function of its own, and notes the line of the call that leads to its end. */
#include "ways.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define APART __attribute__((__noinline__)) static

/* On the line of what follows. */
#define HERE notes->line = __LINE__

/* A call in front of it is none that the function ends with. */
#define STAY() __asm__ volatile("" ::: "memory")

/* One that does nothing else, all on one line. */
#define ONLY(name, ...) \
	APART int name(void) \
	{ \
		HERE; \
		__VA_ARGS__; \
		STAY(); \
		return 0; \
	}

static struct notes *notes;
static brood_task *task;
static volatile int sink;

/* --- memory -------------------------------------------------------------------------------------------------------- */

ONLY(read_null, sink = *(volatile int *)notes->bad)
ONLY(write_null, *(volatile int *)notes->bad = 1)

APART int write_member(void)
{
	struct large {
		int before[74], member;
	} volatile *large = (void *)notes->bad;
	HERE, large->member = 1;
	return 0;
}

ONLY(jump_null, notes->nowhere())

APART int jump_data(void)
{
	static unsigned char data[64];
	const uintptr_t address = (uintptr_t)data;
	void (*function)(void);
	memcpy(&function, &address, sizeof function);
	notes->nowhere = function;
	HERE, notes->nowhere();
	STAY();
	return 0;
}

static const int constant = 3;

ONLY(write_constant, *(volatile int *)(uintptr_t)&constant = 4)

APART int read_unmapped(void)
{
	notes->bad = (int *)(uintptr_t)0x123456789000;
	HERE, sink = *(volatile int *)notes->bad;
	return 0;
}

APART int read_impossible(void)
{
	notes->bad = (int *)((uintptr_t)1 << 62);
	HERE, sink = *(volatile int *)notes->bad;
	return 0;
}

APART int read_returned(void)
{
	int *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	notes->bad = memory;
	munmap(memory, 8192);
	HERE, sink = *(volatile int *)notes->bad;
	return 0;
}

/* All of it has the line that it is used on, as nobody can know what meets the end of the stack first. */
#define TAKE(name, size) \
	APART int name(int depth) \
	{ \
		volatile char room[size]; \
		HERE, room[0] = (char)depth; \
		return (notes->endless ? name(depth + 1) : 0) + room[0]; \
	}

TAKE(take_little, 64)
TAKE(take_much, 1 << 20)

APART int overflow_slowly(void)
{
	return take_little(0);
}

APART int overflow_fast(void)
{
	return take_much(0);
}

static void *take_in_thread(void *argument)
{
	sink = take_little(0);
	return argument;
}

APART int overflow_thread(void)
{
	pthread_t thread;
	pthread_create(&thread, NULL, take_in_thread, NULL);
	pthread_join(thread, NULL);
	return 0;
}

APART int read_behind_file(void)
{
	int file = memfd_create("short", MFD_CLOEXEC);
	const char *memory = ftruncate(file, 100) ? MAP_FAILED : mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, file, 0);
	HERE, sink = *(const volatile char *)(memory + (1 << 19));
	return 0;
}

ONLY(exhaust, *(volatile char *)malloc(notes->many) = 1)

APART int free_twice(void)
{
	void *volatile block = malloc(24);
	free(block);
	HERE, free(block);
	STAY();
	return 0;
}

/* --- instructions -------------------------------------------------------------------------------------------------- */

ONLY(divide_by_zero, sink = 100 / notes->zero)
ONLY(divide_least, sink = notes->least / (notes->zero - 1))
ONLY(trap, __builtin_trap())

APART int run_nonsense(void)
{
#if defined(__x86_64__)
	HERE; __asm__ volatile("ud2");
#elif defined(__aarch64__)
	HERE; __asm__ volatile("udf #0");
#endif
	return 0;
}

/* --- signals ------------------------------------------------------------------------------------------------------- */

ONLY(abort_now, abort())
ONLY(assert_wrong, assert(notes->zero == 1))
ONLY(raise_fault, raise(SIGSEGV))
ONLY(kill_by_abort, kill(getpid(), SIGABRT))

APART int killed_by_child(void)
{
	pid_t pid = fork();
	if (!pid) {
		while (!notes->ready)
			usleep(1000);
		kill(getppid(), SIGSEGV);
		_exit(0);
	}
	notes->sender = pid;
	HERE; notes->ready = 1; for (;;) pause();
	return 0;
}

ONLY(kill_itself, kill(getpid(), SIGKILL))
ONLY(end_itself, kill(getpid(), SIGTERM))

static struct sigaction before;

static void restore(int number)
{
	sigaction(number, &before, NULL);
}

APART int handle_itself(void)
{
	struct sigaction action = {.sa_handler = restore};
	sigaction(SIGSEGV, &action, &before);
	HERE, *(volatile int *)notes->bad = 1;
	return 0;
}

/* --- ways out ------------------------------------------------------------------------------------------------------ */

ONLY(leave, exit(3))
ONLY(leave_at_once, _exit(4))
ONLY(leave_quickly, quick_exit(6))
ONLY(commit_suicide, notes->suicide(5))

APART int become_another(void)
{
	execl("/bin/false", "false", (char *)NULL);
	return 77;
}

APART int fail(void)
{
	HERE; int code = notes->fail(task, 42, "Careless", "%d is not %s", 2, "3");
	STAY();
	return code;
}

APART int return_7(void)
{
	return 7;
}

/* --- in a library, and in threads ---------------------------------------------------------------------------------- */

ONLY(copy_from_null, memcpy(notes->room, notes->bad, notes->few))
ONLY(measure_null, sink = (int)strlen((const char *)notes->bad))

static int compare_badly(const void *one, const void *other)
{
	HERE, *(volatile int *)notes->bad = 1;
	return *(const int *)one - *(const int *)other;
}

APART int sort_badly(void)
{
	int numbers[] = {3, 1, 2};
	qsort(numbers, 3, sizeof *numbers, compare_badly);
	return numbers[0];
}

static void *crash_in_thread(void *argument)
{
	HERE, *(volatile int *)notes->bad = 1;
	return argument;
}

APART int join_crasher(void)
{
	pthread_t thread;
	pthread_create(&thread, NULL, crash_in_thread, NULL);
	pthread_join(thread, NULL);
	return 0;
}

static void *spin_beside(void *argument)
{
	notes->line_of_other = __LINE__; for (notes->ready = 1;;) notes->rounds++;
	return argument;
}

static void start_spinner(void)
{
	pthread_t thread;
	pthread_create(&thread, NULL, spin_beside, NULL);
	while (!notes->ready)
		usleep(1000);
}

APART int crash_beside_spinner(void)
{
	start_spinner();
	HERE, *(volatile int *)notes->bad = 1;
	return 0;
}

/* --- time ---------------------------------------------------------------------------------------------------------- */

ONLY(spin, for (;;) notes->rounds++)
ONLY(sleep_long, for (;;) sleep(1000))

APART int read_pipe(void)
{
	int ends[2];
	char byte;
	if (pipe(ends))
		return 77;
	HERE, sink = (int)read(ends[0], &byte, 1);
	return 0;
}

APART int spin_twice(void)
{
	start_spinner();
	HERE; for (;;) notes->rounds++;
	return 0;
}

APART int ignore_term(void)
{
	signal(SIGTERM, SIG_IGN);
	HERE; for (;;) notes->rounds++;
	return 0;
}

ONLY(stop_itself, raise(SIGSTOP))

/* Signals go through it, and the one for the group too. */
static _Noreturn void trace(pid_t pid)
{
	int status;
	signal(SIGTERM, SIG_IGN);
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
		notes->lacking = "a process may not trace its parent";
	for (notes->ready = 1; waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status);)
		ptrace(PTRACE_CONT, pid, NULL, (uintptr_t)(status >> 16 ? 0 : WSTOPSIG(status)));
	_exit(0);
}

APART int be_traced(void)
{
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	if (!fork())
		trace(getppid());
	while (!notes->ready)
		usleep(1000);
	HERE; for (;;) notes->rounds++;
	return 0;
}

/* ------------------------------------------------------------------------------------------------------------------- */

#define WAY_FUNCTION(name) name,
static int (*const ways[])(void) = {WAYS(WAY_FUNCTION)};

int WAYS_NAME(brood_task *given, void *context)
{
	notes = context;
	task = given;
	int code = ways[notes->way]();
	STAY();
	return code;
}
