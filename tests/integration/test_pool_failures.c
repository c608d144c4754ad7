/* SPDX-License-Identifier: MIT */
/* In whatever way an item fails, its record says how, in words, and in which line of which function. */
#include "pool.h"
#include "ways.h"

#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/resource.h>

enum { CRASH_LIMIT = 64 << 20, VARIANTS = 4 };

static brood_work_fn *const variants[VARIANTS] = {ways_static0, ways_static2, ways_shared0, ways_shared2};

struct row {
	enum way way;
	enum brood_outcome outcome;
	const char *type, *message; /* the message has this in it */
	const char *function;       /* where the traceback comes to the fixture; NULL: there is no traceback */
	int code, signal;
	bool is_below;              /* what that function called is in front of it */
	const char *output, *function_of_other; /* NULL: none */
	double timeout;
	size_t memory_limit;
	unsigned flags;
	void (*host_handler)(int);
};

#define CRASH(way, number, message, function, ...) \
	{WAY_##way, BROOD_ABORT, #number, message, function, .signal = number, __VA_ARGS__}
#define EXIT(way, type, number, message, function, ...) \
	{WAY_##way, BROOD_ABORT, type, message, function, .code = number, __VA_ARGS__}
#define FAILURE(way, type, number, message, function, ...) \
	{WAY_##way, BROOD_FAIL, type, message, function, .code = number, __VA_ARGS__}
#define LATE(way, number, function, ...) \
	{WAY_##way, BROOD_TIMEOUT, "Timeout", "took longer than its time limit", function, .signal = number, .timeout = 0.2, \
		__VA_ARGS__}

#define NOT_THERE "memory that is not there (address 0x"
#define DIVISION "division of an integer by zero, or of the least one by -1"
#define REFUSED "an instruction that the processor refuses"

static void leave_with_words(int number)
{
	static const char words[] = "the host's own handler\n";
	ssize_t written = write(STDERR_FILENO, words, sizeof words - 1);
	_exit(number == SIGSEGV && written > 0 ? 9 : 10);
}

static void give_up_handling(int number)
{
	signal(number, SIG_DFL);
}

static const struct row rows[] = {
	CRASH(read_null, SIGSEGV, "read from a null pointer (address 0x0)", "read_null"),
	CRASH(write_null, SIGSEGV, "write to a null pointer (address 0x0)", "write_null"),
	CRASH(write_member, SIGSEGV, "write to a null pointer (address 0x128)", "write_member"),
	CRASH(jump_null, SIGSEGV, "jump to a null pointer (address 0x0)", "jump_null"),
	CRASH(jump_data, SIGSEGV, "jump to memory that does not allow it (address 0x", "jump_data"),
	CRASH(write_constant, SIGSEGV, "write to memory that does not allow it, since it is read-only", "write_constant"),
	CRASH(read_unmapped, SIGSEGV, "read from " NOT_THERE "123456789000)", "read_unmapped"),
#if defined(__x86_64__)
	CRASH(read_impossible, SIGSEGV, "access to an address that no memory can have", "read_impossible"),
	CRASH(divide_by_zero, SIGFPE, DIVISION, "divide_by_zero"),
	CRASH(divide_least, SIGFPE, DIVISION, "divide_least"),
#endif
	CRASH(read_returned, SIGSEGV, "read from " NOT_THERE, "read_returned"),
	CRASH(overflow_slowly, SIGSEGV, "stack overflow (write to address 0x", "take_little"),
	CRASH(overflow_fast, SIGSEGV, "stack overflow (write to address 0x", "take_much"),
	CRASH(overflow_thread, SIGSEGV, "the worker was killed by signal 11 (Segmentation fault)", NULL),
	CRASH(read_behind_file, SIGBUS, "memory behind the end of its file", "read_behind_file"),
	CRASH(trap, SIGILL, REFUSED, "trap"),
	CRASH(run_nonsense, SIGILL, REFUSED, "run_nonsense"),
	CRASH(abort_now, SIGABRT, "the worker called abort", "abort_now", .is_below = true),
	CRASH(assert_wrong, SIGABRT, "the worker called abort", "assert_wrong", .output = "Assertion `notes->zero == 1' failed"),
	CRASH(raise_fault, SIGSEGV, "the worker sent signal 11 (Segmentation fault) to itself", "raise_fault"),
	CRASH(kill_by_abort, SIGABRT, "the worker sent signal 6 (Aborted) to itself", "kill_by_abort"),
	CRASH(killed_by_child, SIGSEGV, "the worker was killed by signal 11 (Segmentation fault), which process ", "killed_by_child"),
	CRASH(kill_itself, SIGKILL, "the worker was killed by signal 9 (Killed), which a process sent", NULL),
	CRASH(end_itself, SIGTERM, "the worker was killed by signal 15 (Terminated), which a process sent", NULL),
	CRASH(copy_from_null, SIGSEGV, "read from a null pointer", "copy_from_null", .is_below = true),
	CRASH(measure_null, SIGSEGV, "read from a null pointer", "measure_null", .is_below = true),
	CRASH(sort_badly, SIGSEGV, "write to a null pointer", "compare_badly"),
	CRASH(join_crasher, SIGSEGV, "write to a null pointer", "crash_in_thread"),
	CRASH(crash_beside_spinner, SIGSEGV, "write to a null pointer", "crash_beside_spinner"),
	CRASH(handle_itself, SIGSEGV, "write to a null pointer", "handle_itself"),
	CRASH(free_twice, SIGABRT, "the worker called abort", "free_twice", .output = "free(): double free"),
	CRASH(write_null, SIGSEGV, "the worker was killed by signal 11 (Segmentation fault)", NULL, .flags = BROOD_UNTRACED),
	{WAY_exhaust, BROOD_ABORT, "OutOfMemory", "under the worker's memory limit of 64.0 MiB", "exhaust", .signal = SIGSEGV,
		.memory_limit = CRASH_LIMIT},
	EXIT(leave, "Exit", 3, "the worker called exit with 3", "leave"),
	EXIT(commit_suicide, "Exit", 5, "the worker called exit with 5", "commit_suicide"),
	EXIT(leave_at_once, "_Exit", 4, "the worker called _exit with 4", NULL),
	EXIT(leave_quickly, "_Exit", 6, "the worker called _exit with 6", NULL),
	EXIT(become_another, "_Exit", 1, "the worker called _exit with 1", NULL),
	EXIT(read_null, "_Exit", 9, "with 9 before the item was done; before that there was SIGSEGV: read from a null pointer", "read_null",
		.output = "the host's own handler\n", .host_handler = leave_with_words),
	CRASH(read_null, SIGSEGV, "read from a null pointer (address 0x0)", "read_null", .host_handler = give_up_handling),
	FAILURE(fail, "Careless", 42, "2 is not 3", "fail", .flags = BROOD_TRACEBACKS),
	FAILURE(fail, "Careless", 42, "2 is not 3", NULL),
	FAILURE(return_7, "Return", 7, "7", NULL, .flags = BROOD_TRACEBACKS),
	LATE(spin, SIGTERM, "spin"),
	LATE(sleep_long, SIGTERM, "sleep_long"),
	LATE(read_pipe, SIGTERM, "read_pipe"),
	LATE(spin_twice, SIGTERM, "spin_twice", .function_of_other = "spin_beside"),
	LATE(ignore_term, SIGKILL, "ignore_term"),
	LATE(stop_itself, SIGTERM, "stop_itself"),
	LATE(be_traced, SIGTERM, "be_traced"),
	LATE(spin, SIGTERM, NULL, .flags = BROOD_UNTRACED),
};

enum { ROWS = sizeof rows / sizeof *rows };

static struct notes *take_notes(enum way way)
{
	struct notes *notes = shared_memory(sizeof *notes);
	notes->way = way;
	notes->least = INT_MIN;
	notes->endless = 1;
	notes->few = sizeof notes->room;
	notes->many = (size_t)1 << 30;
	notes->suicide = brood_suicide;
	notes->fail = brood_fail;
	return notes;
}

/* --- what a traceback says ----------------------------------------------------------------------------------------- */

/* Its first line in the fixture is of this function and line. */
static void expect_first(const char *traceback, const char *function, int line)
{
	char expected[1024], found[1024] = "";
	snprintf(expected, sizeof expected, "%s at %s:%d", function, WAYS_SOURCE, line);
	const char *at = strstr(traceback, WAYS_SOURCE);
	ck_assert_msg(at, "nothing of the fixture: %s", traceback);
	while (at > traceback && at[-1] != '\n')
		at--;
	ck_assert_msg(sscanf(at, "#%*d %1023[^\n]", found) == 1, "%s", traceback);
	ck_assert_msg(!strcmp(found, expected), "%s, and not %s, is first in\n%s", found, expected, traceback);
}

/* And then comes all that called it, to where brood begins. */
static void expect_frames(const char *traceback, brood_work_fn *variant)
{
	static const char *const names[VARIANTS] = {"ways_static0", "ways_static2", "ways_shared0", "ways_shared2"};
	char last[64];
	for (int i = 0; i < VARIANTS; i++)
		if (variants[i] == variant)
			snprintf(last, sizeof last, " %s at ", names[i]);
	const char *at = strstr(traceback, last);
	ck_assert_msg(at && !strchr(at, '#'), "%s is not the last one of\n%s", last, traceback);
}

static void check_traceback(const struct row *row, const struct notes *notes, const char *traceback)
{
	if (!row->function) {
		ck_assert_str_eq(traceback, "");
		return;
	}
	expect_first(traceback, row->function, notes->line);
	ck_assert_msg(!row->is_below || strncmp(traceback + 3, row->function, strlen(row->function)), "%s", traceback);
	const char *other = strstr(traceback, "\nthread ");
	ck_assert_msg(!other == !row->function_of_other, "%s", traceback);
	if (row->function_of_other)
		expect_first(other, row->function_of_other, notes->line_of_other);
}

static bool is_on_first_stack(const struct row *row)
{
	return row->function && row->way != WAY_overflow_slowly && row->way != WAY_overflow_fast && row->way != WAY_join_crasher &&
	       !row->function_of_other;
}

/* --- the record ---------------------------------------------------------------------------------------------------- */

static void check_status(const struct row *row, const struct brood_result *result)
{
	if (row->outcome == BROOD_FAIL) {
		ck_assert_ptr_null(result->status);
		return;
	}
	ck_assert_ptr_nonnull(result->status);
	ck_assert_int_eq(result->status->signal, row->signal);
	ck_assert_int_eq(result->status->exit_code, row->code);
	ck_assert(!result->status->out_of_memory);
}

static void check_message(const struct row *row, const struct notes *notes, const char *message)
{
	ck_assert_msg(strstr(message, row->message), "\"%s\" has no \"%s\"", message, row->message);
	/* Nobody sent what a fault brought about. */
	if (!notes->sender) {
		bool sent = strstr(message, "process");
		ck_assert_msg(sent == (row->signal == SIGKILL || row->signal == SIGTERM || row->signal == SIGILL) ||
			      row->outcome == BROOD_TIMEOUT, "%s", message);
		return;
	}
	char sender[32];
	snprintf(sender, sizeof sender, "process %d sent", (int)notes->sender);
	ck_assert_msg(strstr(message, sender), "%s: %s", message, sender);
}

static void check_record(const struct row *row, const struct notes *notes, const struct brood_result *result)
{
	const struct brood_failure *failure = result->failure;
	ck_assert_ptr_nonnull(failure);
	fprintf(stderr, "%s: %s\n%s%s\n", failure->type, failure->message, failure->traceback, failure->output);
	ck_assert_int_eq(result->outcome, row->outcome);
	ck_assert_str_eq(failure->type, row->type);
	check_message(row, notes, failure->message);
	check_traceback(row, notes, failure->traceback);
	ck_assert_int_eq(failure->code, row->code);
	ck_assert_int_eq(failure->signal, row->signal);
	if (row->output)
		ck_assert_msg(strstr(failure->output, row->output), "%s", failure->output);
	else
		ck_assert_str_eq(failure->output, "");
	check_status(row, result);
}

START_TEST(failure_says_how_and_where)
{
	const struct row *row = &rows[_i / VARIANTS];
	brood_work_fn *variant = variants[_i % VARIANTS];
	struct notes *notes = take_notes(row->way);
	brood_results *results;
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
	if (row->host_handler)
		signal(SIGSEGV, row->host_handler);
	const struct brood_result result = run_one(&results, variant, notes, BROOD_OPTIONS(.timeout = row->timeout,
		.memory_limit = row->memory_limit, .flags = row->flags));
	const char *lacking = notes->lacking;
	if (!lacking) {
		check_record(row, notes, &result);
		if (is_on_first_stack(row))
			expect_frames(result.failure->traceback, variant);
	}
	brood_results_free(results);
	if (lacking)
		support_skip("%s", lacking);
}
END_TEST

/* --- a pool in a worker -------------------------------------------------------------------------------------------- */

static int run_inner(brood_task *task, void *context)
{
	brood_results *results;
	struct brood_result result;
	int error = brood_failsafe(&results, ways_shared2, context, (struct brood_bytes){0});
	if (error || brood_results_get(results, 0, &result) || result.outcome != BROOD_ABORT)
		return 77;
	error = brood_fail(task, 5, result.failure->type, "%s", result.failure->traceback);
	brood_results_free(results);
	return error;
}

START_TEST(worker_of_a_worker_crashes)
{
	struct notes *notes = take_notes(WAY_write_null);
	brood_results *results;
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
	struct brood_result result = run_one(&results, run_inner, notes, NULL);
	ck_assert_int_eq(result.outcome, BROOD_FAIL);
	ck_assert_str_eq(result.failure->type, "SIGSEGV");
	expect_first(result.failure->message, "write_null", notes->line);
	expect_frames(result.failure->message, ways_shared2);
	brood_results_free(results);
}
END_TEST

/* --- a host that jumps out of its handler --------------------------------------------------------------------------- */

static sigjmp_buf place_to_return;

static void jump_out(int number)
{
	siglongjmp(place_to_return, number);
}

/* The first item is rescued so; the second one dies of something else. */
static int crash_again(brood_task *task, void *context)
{
	if (brood_index(task))
		return ways_shared2(task, context);
	if (!sigsetjmp(place_to_return, 1))
		raise(SIGSEGV);
	return 0;
}

START_TEST(crash_that_the_host_mended_is_forgotten)
{
	struct notes *notes = take_notes(WAY_abort_now);
	brood_results *results;
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
	signal(SIGSEGV, jump_out);
	ck_assert_int_eq(brood_parallelize_array(&results, crash_again, notes, NULL, 0, 2, BROOD_OPTIONS(.workers = 1)), 0);
	ck_assert_int_eq(record_of(results, 0).outcome, BROOD_SUCCESS);
	const struct brood_failure *failure = record_of(results, 1).failure;
	ck_assert_str_eq(failure->type, "SIGABRT");
	ck_assert_str_eq(failure->message, "the worker called abort");
	expect_first(failure->traceback, "abort_now", notes->line);
	brood_results_free(results);
}
END_TEST

/* --- a failure as the last act ------------------------------------------------------------------------------------- */

static int fail_at_last(brood_task *task, void *context)
{
	(void)context;
	return brood_fail(task, 3, "Last", "%s", "act");
}

START_TEST(function_whose_last_act_is_to_fail_is_shown)
{
	brood_results *results;
	const struct brood_result result = run_one(&results, fail_at_last, NULL, BROOD_OPTIONS(.flags = BROOD_TRACEBACKS));
	ck_assert_ptr_nonnull(strstr(result.failure->traceback, "#0 fail_at_last at "));
	brood_results_free(results);
}
END_TEST

/* --- without libdw ------------------------------------------------------------------------------------------------- */

/* Its name is that of a file that is no library, which the dynamic linker finds first. */
START_TEST(without_libdw_symbols_are_shown)
{
	char place[] = "/tmp/brood-plain-XXXXXX", command[PATH_MAX + 100], text[4096];
	enter_place(place);
	FILE *file = fopen("libdw.so.1", "we");
	ck_assert(file && fputs("no library\n", file) >= 0 && !fclose(file));
	snprintf(command, sizeof command, "LD_LIBRARY_PATH='%s' '%s'", place, PLAIN);
	FILE *output = popen(command, "re");
	ck_assert_ptr_nonnull(output);
	text[fread(text, 1, sizeof text - 1, output)] = '\0';
	ck_assert_int_eq(pclose(output), 0);
	fprintf(stderr, "%s", text);
	ck_assert(!strncmp(text, "SIGSEGV: write to a null pointer", 32));
	ck_assert_ptr_nonnull(strstr(text, "\n#0 ?? (libways-shared0.so+0x"));
	ck_assert_ptr_nonnull(strstr(text, "\n#1 ways_shared0+0x"));
	const char *hint = strstr(text, "\n(install libdw for files and lines)\n");
	ck_assert(hint && !strchr(hint + 2, '('));
	leave_place(place);
}
END_TEST

__attribute__((noinline)) static int dive(int depth)
{
	volatile char room[200] = {0};
	if (!depth)
		return raise(SIGABRT);
	return dive(depth - 1) + room[0];
}

__attribute__((noinline)) static int dive_from_here(int depth)
{
	return dive(depth) + 1;
}

static int call_deeply(brood_task *task, void *context)
{
	(void)task;
	return dive_from_here(*(int *)context) + 1;
}

/* Of a deep one the beginning is not known, and it says so; and one that is as deep as is kept is whole. */
START_TEST(deep_traceback_says_where_it_ends)
{
	static const char *const rest = "\n… more, further up than the 64 KiB of stack that are kept\n";
	int depth = _i ? 3000 : 50;
	brood_results *results;
	const struct brood_result result = run_one(&results, call_deeply, &depth, BROOD_OPTIONS(.workers = 1));
	ck_assert_str_eq(result.failure->type, "SIGABRT");
	ck_assert_ptr_nonnull(strstr(result.failure->traceback, "dive"));
	ck_assert_int_eq(strstr(result.failure->traceback, rest) != NULL, _i);
	ck_assert_int_eq(strstr(result.failure->traceback, "dive_from_here") != NULL, !_i);
	brood_results_free(results);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool failures");
	TCase *failures = support_case(suite, "failures", 30);
	tcase_add_loop_test(failures, failure_says_how_and_where, 0, ROWS * VARIANTS);
	tcase_add_loop_test(failures, deep_traceback_says_where_it_ends, 0, 2);
	tcase_add_test(failures, worker_of_a_worker_crashes);
	tcase_add_test(failures, crash_that_the_host_mended_is_forgotten);
	tcase_add_test(failures, function_whose_last_act_is_to_fail_is_shown);
	tcase_add_test(failures, without_libdw_symbols_are_shown);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
