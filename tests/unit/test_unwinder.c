/* SPDX-License-Identifier: MIT */
/* Which calls a thread was in: kept by one that crashed, of one that runs, and in this process. */
#include "fixture/fixture.h"
#include "process/unwinder.h"
#include "support.h"

#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT = 32 * 1024 };

static const char *const programs[] = {FIXTURE_0, FIXTURE_2, FIXTURE_FIXED};

static char text[TEXT];
struct fixture *fixture;

static pid_t start(const char *program, const char *mode, void (*nowhere)(void))
{
	char number[16];
	int fd = memfd_create("fixture", 0);
	ck_assert(fd >= 0 && !ftruncate(fd, sizeof *fixture));
	fixture = mmap(NULL, sizeof *fixture, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(fixture != MAP_FAILED);
	fixture->nowhere = nowhere;
	snprintf(number, sizeof number, "%d", fd);
	pid_t pid = fork();
	if (!pid) {
		execl(program, program, mode, number, NULL);
		_exit(127);
	}
	ck_assert(pid > 0);
	close(fd);
	return pid;
}

static bool is_ready(void *context)
{
	return fixture->ready >= *(unsigned *)context;
}

static void await(unsigned ready)
{
	ck_assert(support_wait_until(is_ready, &ready, 10));
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(support_join(pid, 10), SIGKILL);
}

/* --- what a traceback says ----------------------------------------------------------------------------------------- */

/* The next line, without its number, which must be the given one. */
static const char *next_line(char **rest, int number)
{
	char *line = strsep(rest, "\n"), *end;
	ck_assert_msg(line && *line == '#', "no call %d: %s", number, line ? line : "");
	ck_assert_int_eq(strtol(line + 1, &end, 10), number);
	ck_assert_int_eq(*end, ' ');
	return end + 1;
}

static void expect_source(const char *line, const char *name, const char *file, int number)
{
	char expected[1024];
	ck_assert_int_gt(number, 0);
	snprintf(expected, sizeof expected, "%s at %s/%s:%d", name, SOURCES, file, number);
	ck_assert_str_eq(line, expected);
}

static void expect_symbol(const char *line, const char *name, const char *module)
{
	char symbol[64], place[256];
	unsigned long further, offset;
	if (!strcmp(name, "??"))
		ck_assert_int_eq(sscanf(line, "?? (%255[^+]+0x%lx)", place, &offset), 2);
	else
		ck_assert_msg(sscanf(line, "%63[^+]+0x%lx (%255[^+]+0x%lx)", symbol, &further, place, &offset) == 4 &&
			      !strcmp(symbol, name), "%s", line);
	ck_assert_str_eq(place, module);
}

/* From the one that crashed on. */
static void expect_calls(char *rest, int number, const char *program)
{
	const int *lines = fixture->lines;
	const char *line;
	expect_source(next_line(&rest, number++), "crash", "fixture/deep.c", lines[CRASH]);
	expect_source(next_line(&rest, number++), "inlined", "fixture/deep.c", lines[INLINED]);
	expect_source(next_line(&rest, number++), "compare", "fixture/deep.c", lines[COMPARE]);
	/* How many calls the C library needs is its own business. */
	do
		line = next_line(&rest, number++);
	while (strncmp(line, "between_sort", 12));
	expect_source(line, "between_sort", "fixture/between.c", lines[SORT]);
	expect_source(next_line(&rest, number++), "third", "fixture/deep.c", lines[THIRD]);
	expect_symbol(next_line(&rest, number++), "??", "libstripped.so");
	expect_symbol(next_line(&rest, number++), "stripped_call", "libstripped.so");
	expect_source(next_line(&rest, number++), "second", "fixture/deep.c", lines[SECOND]);
	expect_symbol(next_line(&rest, number++), "bare_call", strrchr(program, '/') + 1);
	expect_source(next_line(&rest, number++), "first", "fixture/deep.c", lines[FIRST]);
	ck_assert_str_eq(rest, "");
}

static void unwind_snapshot(void *context)
{
	struct unwinder *unwinder;
	const char *program = context;
	ck_assert_int_eq(unwinder_new(&unwinder), 0);
	double before = support_now();
	ck_assert_uint_gt(unwinder_snapshot(unwinder, &fixture->snapshot, text, TEXT), 0);
	double first_took = support_now() - before;
	size_t size = unwinder_snapshot(unwinder, &fixture->snapshot, text, TEXT);
	fprintf(stderr, "%sfirst %.3f ms, then %.3f ms\n", text, 1e3 * first_took, 1e3 * (support_now() - before - first_took));
	ck_assert_uint_eq(size, strlen(text));
	/* In less room there are fewer lines, and no part of one. */
	char *less = strdup(text);
	size_t cut = unwinder_snapshot(unwinder, &fixture->snapshot, less, size / 2);
	ck_assert(cut && cut < size / 2 && cut == strlen(less) && less[cut - 1] == '\n' && !strncmp(less, text, cut));
	free(less);
	int number = 0;
	char *rest = text;
	if (fixture->nowhere)
		ck_assert_str_eq(next_line(&rest, number++), "?? (0x10)");
	expect_calls(rest, number, program);
	unwinder_free(unwinder);
}

static void crash_and_unwind(const char *program, void (*nowhere)(void))
{
	int status = support_join(start(program, "crash", nowhere), 10);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV && fixture->ready == 1);
	support_join_ok(support_fork(unwind_snapshot, (void *)(uintptr_t)program, 20), 20);
}

START_TEST(of_a_crash)
{
	crash_and_unwind(programs[_i], NULL);
}
END_TEST

START_TEST(of_a_call_to_nowhere)
{
	void (*nowhere)(void);
	memcpy(&nowhere, &(uintptr_t){16}, sizeof nowhere);
	crash_and_unwind(programs[_i], nowhere);
}
END_TEST

/* Whatever lies there, it ends, and in memory of its own. */
static void unwind_nonsense(void *context)
{
	struct unwinder *unwinder;
	struct snapshot *snapshot = &fixture->snapshot;
	(void)context;
	ck_assert_int_eq(unwinder_new(&unwinder), 0);
	snapshot->stack_size = UINT32_MAX;
	snapshot->maps_size = UINT32_MAX;
	ck_assert_uint_gt(unwinder_snapshot(unwinder, snapshot, text, TEXT), 0);
	memset(snapshot->stack, 0xff, sizeof snapshot->stack);
	ck_assert_uint_gt(unwinder_snapshot(unwinder, snapshot, text, TEXT), 0);
	snapshot->bottom = 1;
	snapshot->stack_from = UINT64_MAX - 5;
	ck_assert_uint_gt(unwinder_snapshot(unwinder, snapshot, text, TEXT), 0);
	memset(snapshot->maps, 'a', sizeof snapshot->maps);
	ck_assert_uint_gt(unwinder_snapshot(unwinder, snapshot, text, TEXT), 0);
	ck_assert_msg(!strncmp(text, "#0 ?? (0x", 9), "%s", text);
	memset(snapshot, 0, sizeof *snapshot);
	ck_assert_uint_gt(unwinder_snapshot(unwinder, snapshot, text, TEXT), 0);
	ck_assert_str_eq(text, "#0 ?? (0x0)\n");
	ck_assert_uint_eq(unwinder_snapshot(unwinder, snapshot, text, 0), 0);
	ck_assert_uint_eq(unwinder_snapshot(unwinder, snapshot, text, 5), 0);
	ck_assert_str_eq(text, "");
	unwinder_free(unwinder);
}

START_TEST(of_nonsense)
{
	support_join(start(programs[1], "crash", NULL), 10);
	support_join_ok(support_fork(unwind_nonsense, NULL, 20), 20);
}
END_TEST

/* --- without libdw ------------------------------------------------------------------------------------------------- */

static void unwind_plainly(void *context)
{
	struct unwinder *unwinder;
	static const char hint[] = "\n(install libdw for files and lines)\n";
	(void)context;
	ck_assert_int_eq(unwinder_new_plain(&unwinder), 0);
	size_t size = unwinder_snapshot(unwinder, &fixture->snapshot, text, TEXT);
	fprintf(stderr, "%s", text);
	ck_assert(size > sizeof hint && !strcmp(text + size - strlen(hint), hint));
	/* The program is another one, of which this process knows no symbols, and which must not get its own. */
	const char *base = strrchr(programs[0], '/') + 1;
	ck_assert(!strncmp(text, "#0 ?? (", 7) && !strncmp(text + 7, base, strlen(base)));
	ck_assert(strstr(text, "#1 ") && strstr(text, "#2 "));
	unwinder_free(unwinder);
}

START_TEST(without_libdw)
{
	support_join(start(programs[0], "crash", NULL), 10);
	support_join_ok(support_fork(unwind_plainly, NULL, 20), 20);
}
END_TEST

/* --- of this process ----------------------------------------------------------------------------------------------- */

APART static int take_calls(void **calls, int most, int *line)
{
	*line = __LINE__; int count = backtrace(calls, most);
	STAY();
	/* A sanitizer has a function of its own before it. */
	const uintptr_t here = (uintptr_t)take_calls;
	while (count && (uintptr_t)calls[0] - here > 1024)
		memmove(calls, calls + 1, (size_t)--count * sizeof *calls);
	return count;
}

static void unwind_calls(void *context)
{
	struct unwinder *unwinder;
	void *calls[32];
	int line, count = take_calls(calls, 32, &line);
	bool plain = *(int *)context;
	ck_assert_int_eq(plain ? unwinder_new_plain(&unwinder) : unwinder_new(&unwinder), 0);
	ck_assert_int_ge(count, 3);
	size_t size = unwinder_calls(unwinder, (const void *const *)calls, (size_t)count, text, TEXT);
	fprintf(stderr, "%s", text);
	ck_assert_uint_eq(size, strlen(text));
	char *rest = text;
	if (plain)
		ck_assert(!strncmp(next_line(&rest, 0), "?? (test_unit_unwinder+0x", 25));
	else
		expect_source(next_line(&rest, 0), "take_calls", "test_unwinder.c", line);
	unwinder_free(unwinder);
}

START_TEST(of_calls)
{
	support_join_ok(support_fork(unwind_calls, &_i, 20), 20);
}
END_TEST

/* --- of a process -------------------------------------------------------------------------------------------------- */

static size_t count_of(const char *what)
{
	size_t count = 0;
	for (const char *at = text; (at = strstr(at, what)); at++)
		count++;
	return count;
}

static void unwind_process(void *context)
{
	struct unwinder *unwinder;
	pid_t pid = *(pid_t *)context;
	char spinning[1024], header[64];
	unsigned threads = fixture->ready;
	ck_assert_int_eq(unwinder_new(&unwinder), 0);
	double before = support_now();
	ck_assert_uint_gt(unwinder_process(unwinder, pid, 0, text, TEXT), 0);
	double first_took = support_now() - before;
	ck_assert_uint_gt(unwinder_process(unwinder, pid, 0, text, TEXT), 0);
	fprintf(stderr, "%sfirst %.3f ms, then %.3f ms\n", text, 1e3 * first_took, 1e3 * (support_now() - before - first_took));
	snprintf(spinning, sizeof spinning, "#0 spin at %s/fixture/deep.c:%d\n#1 ", SOURCES, fixture->lines[SPIN]);
	ck_assert_uint_eq(count_of(spinning), threads);
	ck_assert_uint_eq(count_of("\":\n"), threads > 1 ? threads : 0);
	ck_assert_uint_eq(count_of("\"spinner\":\n"), threads - 1);
	snprintf(header, sizeof header, threads > 1 ? "thread %d \"fixture" : "#0 spin", pid);
	ck_assert(!strncmp(text, header, strlen(header)));
	unwinder_free(unwinder);
}

static bool has_moved(void *context)
{
	return fixture->rounds != *(unsigned *)context;
}

static bool is_stopped(void *context)
{
	return support_process_state(*(pid_t *)context) == 'T';
}

START_TEST(of_a_process)
{
	pid_t pid = start(programs[1], _i ? "many" : "spin", NULL);
	await(_i ? 4 : 1);
	support_join_ok(support_fork(unwind_process, &pid, 20), 20);
	/* By its parent too. */
	unwind_process(&pid);
	unsigned rounds = fixture->rounds;
	ck_assert(support_wait_until(has_moved, &rounds, 10));
	stop(pid);
}
END_TEST

START_TEST(of_a_stopped_process)
{
	pid_t pid = start(programs[1], _i ? "many" : "spin", NULL);
	await(_i ? 4 : 1);
	kill(pid, SIGSTOP);
	ck_assert(support_wait_until(is_stopped, &pid, 10));
	support_join_ok(support_fork(unwind_process, &pid, 20), 20);
	support_sleep(0.05);
	ck_assert(is_stopped(&pid));
	unsigned rounds = fixture->rounds;
	support_sleep(0.05);
	ck_assert_uint_eq(fixture->rounds, rounds);
	kill(pid, SIGCONT);
	ck_assert(support_wait_until(has_moved, &rounds, 10));
	stop(pid);
}
END_TEST

static void unwind_nothing(void *context)
{
	struct unwinder *unwinder;
	ck_assert_int_eq(unwinder_new(&unwinder), 0);
	ck_assert_uint_eq(unwinder_process(unwinder, *(pid_t *)context, 0, text, TEXT), 0);
	ck_assert_str_eq(text, "");
	unwinder_free(unwinder);
}

START_TEST(of_a_process_that_may_not_be_seen)
{
	pid_t pid = start(programs[1], "traced", NULL);
	await(1);
	support_join_ok(support_fork(unwind_nothing, &pid, 20), 20);
	unwind_nothing(&pid);
	stop(pid);
	/* And of one that is no more. */
	unwind_nothing(&pid);
}
END_TEST

enum { SIGNALS = 300 };

static bool has_all_signals(void *context)
{
	(void)context;
	return fixture->signals >= SIGNALS;
}

static void send_signals(void *context)
{
	for (int i = 0; i < SIGNALS; i++) {
		sigqueue(*(pid_t *)context, SIGRTMIN, (union sigval){0});
		support_sleep(0.0005);
	}
}

START_TEST(signals_arrive_once)
{
	struct unwinder *unwinder;
	pid_t pid = start(programs[1], "many", NULL);
	await(4);
	ck_assert_int_eq(unwinder_new(&unwinder), 0);
	pid_t sender = support_fork(send_signals, &pid, 20);
	for (int i = 0; i < 100; i++)
		ck_assert_uint_gt(unwinder_process(unwinder, pid, 0, text, TEXT), 0);
	support_join_ok(sender, 20);
	ck_assert(support_wait_until(has_all_signals, NULL, 10));
	support_sleep(0.02);
	ck_assert_uint_eq(fixture->signals, SIGNALS);
	/* One that kills it is not lost, and its parent sees it. */
	stop(pid);
	unwinder_free(unwinder);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("unwinder");
	TCase *unwinder = support_case(suite, "unwinder", 60);
	tcase_add_loop_test(unwinder, of_a_crash, 0, 3);
	tcase_add_loop_test(unwinder, of_a_call_to_nowhere, 0, 3);
	tcase_add_test(unwinder, of_nonsense);
	tcase_add_test(unwinder, without_libdw);
	tcase_add_loop_test(unwinder, of_calls, 0, 2);
	tcase_add_loop_test(unwinder, of_a_process, 0, 2);
	tcase_add_loop_test(unwinder, of_a_stopped_process, 0, 2);
	tcase_add_test(unwinder, of_a_process_that_may_not_be_seen);
	tcase_add_test(unwinder, signals_arrive_once);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
