/* SPDX-License-Identifier: MIT */
/* However an item ends, its record says so, and no other item suffers. */
#include "pool.h"

#include <signal.h>
#include <sys/resource.h>

enum way {
	RETURNS, REPLIES, FAILS, FAILS_WITH_0, FAILS_SILENTLY, LEAVES, LEAVES_AT_ONCE, SUICIDE, EXECS, OVERFLOWS, SEGV, ABRT, FPE, BUS, ILL, KILLED, TERM,
	WAYS
};

struct end {
	enum brood_outcome outcome;
	const char *type, *message; /* NULL: any */
	int code, signal;
};

static const struct end ends[WAYS] = {
	[RETURNS] = {BROOD_FAIL, "Return", NULL, -7, 0},
	[REPLIES] = {.outcome = BROOD_SUCCESS},
	[FAILS] = {BROOD_FAIL, "ValueError", "2 is not 3", 42, 0},
	[FAILS_WITH_0] = {BROOD_FAIL, "Zero", "", 1, 0},
	[FAILS_SILENTLY] = {BROOD_FAIL, "", "", 9, 0},
	[LEAVES] = {BROOD_ABORT, "Exit", NULL, 3, 0},
	[LEAVES_AT_ONCE] = {BROOD_ABORT, "_Exit", NULL, 0, 0},
	[SUICIDE] = {BROOD_ABORT, "Exit", NULL, 5, 0},
	[EXECS] = {BROOD_ABORT, "_Exit", NULL, 1, 0},
	[OVERFLOWS] = {BROOD_ABORT, "SIGSEGV", NULL, 0, SIGSEGV},
	[SEGV] = {BROOD_ABORT, "SIGSEGV", NULL, 0, SIGSEGV},
	[ABRT] = {BROOD_ABORT, "SIGABRT", NULL, 0, SIGABRT},
	[FPE] = {BROOD_ABORT, "SIGFPE", NULL, 0, SIGFPE},
	[BUS] = {BROOD_ABORT, "SIGBUS", NULL, 0, SIGBUS},
	[ILL] = {BROOD_ABORT, "SIGILL", NULL, 0, SIGILL},
	[KILLED] = {BROOD_ABORT, "SIGKILL", NULL, 0, SIGKILL},
	[TERM] = {BROOD_ABORT, "SIGTERM", NULL, 0, SIGTERM},
};

static volatile bool on = true;

static int overflow(int depth)
{
	volatile char stack[65536];
	memset((char *)(uintptr_t)stack, depth, sizeof stack);
	return on ? overflow(depth + 1) + stack[depth % 7] : 0;
}

static int end_so(brood_task *task, enum way way)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
	switch (way) {
	case RETURNS:
		return -7;
	case REPLIES:
		return 0;
	case FAILS:
		return brood_fail(task, 42, "ValueError", "%d is not %s", 2, "3");
	case FAILS_WITH_0:
		return brood_fail(task, 0, "Zero", "%s", "");
	case FAILS_SILENTLY:
		return brood_fail(task, 9, NULL, NULL);
	case LEAVES:
		exit(3);
	case LEAVES_AT_ONCE:
		_exit(0);
	case SUICIDE:
		brood_suicide(5);
	case EXECS:
		execlp("false", "false", (char *)NULL);
		return 77;
	case OVERFLOWS:
		return overflow(0);
	default:
		signal(ends[way].signal, SIG_DFL);
		raise(ends[way].signal);
		return 77;
	}
}

/* The item is a way to end. Whatever it is, a value has been replied by then. */
static int end_as_item_says(brood_task *task, void *context)
{
	enum way way;
	(void)context;
	memcpy(&way, brood_item(task).data, sizeof way);
	uint64_t index = brood_index(task);
	int error = brood_reply(task, &index, sizeof index);
	return error ? error : end_so(task, way);
}

static void check_end(const struct brood_result *result, enum way way)
{
	const struct end *end = &ends[way];
	ck_assert_msg(result->outcome == end->outcome, "way %d ends with outcome %d", way, result->outcome);
	ck_assert_uint_eq(result->attempts, 1);
	ck_assert_int_ge(result->worker, 0);
	if (end->outcome == BROOD_SUCCESS) {
		value_is(*result, (uint64_t){result->index});
		return;
	}
	ck_assert_uint_eq(result->value.size, 0);
	ck_assert_ptr_nonnull(result->failure);
	ck_assert_str_eq(result->failure->type, end->type);
	ck_assert_ptr_nonnull(result->failure->message);
	ck_assert_ptr_nonnull(result->failure->traceback);
	if (end->message)
		ck_assert_str_eq(result->failure->message, end->message);
	ck_assert_int_eq(result->failure->code, end->code);
	ck_assert_int_eq(result->failure->signal, end->signal);
	ck_assert_int_eq(result->status != NULL, end->outcome == BROOD_ABORT);
	if (!result->status)
		return;
	ck_assert_int_gt(result->status->pid, 0);
	ck_assert_int_eq(result->status->signal, end->signal);
	ck_assert_int_eq(result->status->exit_code, end->code);
	ck_assert(result->status->peak_bytes > 0 && !result->status->core_dumped);
}

START_TEST(one_item_ends_so)
{
	enum way way = (enum way)_i;
	brood_results *results;
	ck_assert_int_eq(brood_failsafe(&results, end_as_item_says, NULL, (struct brood_bytes){&way, sizeof way}), 0);
	ck_assert_uint_eq(brood_results_count(results), 1);
	struct brood_result result = record_of(results, 0);
	check_end(&result, way);
	brood_results_free(results);
}
END_TEST

/* Each tenth item ends in one of the ways; the others are done by whoever is left. */
START_TEST(worker_that_dies_costs_its_item_alone)
{
	enum { COUNT = 10 * WAYS };
	enum way items[COUNT];
	for (int i = 0; i < COUNT; i++)
		items[i] = i % 10 == 3 ? (enum way)(i / 10) : REPLIES;
	brood_pool *pool = pool_with(end_as_item_says, NULL, BROOD_OPTIONS(.workers = 1 + 2 * _i));
	for (int round = 0; round < 2; round++)
		ck_assert_int_eq(brood_pool_process_array(pool, items, sizeof *items, COUNT), 0);
	for (size_t i = 0; i < 2 * (size_t)COUNT; i++) {
		struct brood_result result = pool_record(pool, i);
		check_end(&result, items[i % COUNT]);
	}
	brood_pool_free(pool);
}
END_TEST

static int fail_at_length(brood_task *task, void *context)
{
	const size_t size = *(size_t *)context;
	char *text = malloc(size + 1);
	if (!text)
		return 77;
	memset(text, 'm', size);
	text[size] = '\0';
	brood_fail(task, 4, "Long", "%s", text);
	free(text);
	return 4;
}

START_TEST(message_is_cut_at_64_KiB)
{
	static const size_t sizes[] = {0, 1, 65000, 65535, 65536, 65537, 1000000};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		brood_results *results;
		size_t size = sizes[i];
		struct brood_result result = run_one(&results, fail_at_length, &size, NULL);
		ck_assert_int_eq(result.outcome, BROOD_FAIL);
		size_t length = strlen(result.failure->message);
		ck_assert_uint_eq(strspn(result.failure->message, "m"), length);
		ck_assert_msg(size < 65000 ? length == size : length <= 65536 && length >= 65000, "%zu: %zu", size, length);
		brood_results_free(results);
	}
}
END_TEST

/* The last word stands. */
static int fail_and_return(brood_task *task, void *context)
{
	(void)context;
	brood_fail(task, 1, "First", "first");
	brood_fail(task, 2, "Second", "second");
	return 2;
}

START_TEST(last_failure_counts)
{
	brood_results *results;
	struct brood_result result = run_one(&results, fail_and_return, NULL, NULL);
	ck_assert_int_eq(result.outcome, BROOD_FAIL);
	ck_assert_str_eq(result.failure->type, "Second");
	ck_assert_str_eq(result.failure->message, "second");
	ck_assert_int_eq(result.failure->code, 2);
	brood_results_free(results);
}
END_TEST

/* --- workers that are hard to be rid of ---------------------------------------------------------------------------- */

static int close_all(brood_task *task, void *context)
{
	int dies = *(int *)context;
	if (brood_index(task) % 8 == 2) {
		close_range(0, ~0U, 0);
		if (dies)
			raise(SIGKILL);
	}
	return reply_index(task, NULL);
}

START_TEST(worker_that_closes_all_its_descriptors)
{
	enum { COUNT = 64 };
	int dies = _i;
	brood_pool *pool = pool_with(close_all, &dies, BROOD_OPTIONS(.workers = 2));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, COUNT), 0);
	for (uint64_t i = 0; i < COUNT; i++) {
		struct brood_result result = pool_record(pool, i);
		if (dies && i % 8 == 2)
			ck_assert_int_eq(result.outcome, BROOD_ABORT);
		else
			value_is(result, i);
	}
	brood_pool_free(pool);
}
END_TEST

static pid_t *grandchildren;

/* All even ones die then. */
static int fork_one(brood_task *task, void *context)
{
	bool escapes = *(bool *)context;
	pid_t pid = fork();
	if (!pid) {
		if (escapes)
			setsid();
		for (;;)
			pause();
	}
	grandchildren[brood_index(task)] = pid;
	while (escapes && getpgid(pid) != pid)
		support_sleep(0.001);
	if (brood_index(task) % 2 == 0)
		raise(SIGKILL);
	return reply_index(task, NULL);
}

static void make_grandchildren(bool escapes)
{
	enum { COUNT = 8 };
	grandchildren = shared_memory(COUNT * sizeof *grandchildren);
	brood_pool *pool = pool_with(fork_one, &escapes, BROOD_OPTIONS(.workers = 2));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, COUNT), 0);
	for (uint64_t i = 0; i < COUNT; i++) {
		if (i % 2)
			value_is(pool_record(pool, i), i);
		else
			ck_assert_int_eq(pool_record(pool, i).outcome, BROOD_ABORT);
		/* Whose worker has died, is gone with it. */
		if (i % 2 == 0 && !escapes)
			ck_assert(support_process_gone(grandchildren[i], 10));
	}
	double begin = support_now();
	ck_assert_int_eq(brood_pool_cleanup(pool), 0);
	ck_assert_double_lt(support_now() - begin, support_scale(5));
	for (int i = 0; i < COUNT; i++) {
		if (escapes)
			kill(grandchildren[i], SIGKILL);
		ck_assert(support_process_gone(grandchildren[i], 10));
	}
	brood_pool_free(pool);
}

START_TEST(group_is_killed_when_its_worker_ends)
{
	make_grandchildren(false);
}
END_TEST

/* It left the group, and holds copies of all that its worker had; nobody waits for it. */
START_TEST(grandchild_of_another_group_holds_nothing_up)
{
	make_grandchildren(true);
}
END_TEST

static int kill_the_group(brood_task *task, void *context)
{
	(void)context;
	if (brood_index(task) == 1)
		kill(0, SIGKILL);
	return reply_index(task, NULL);
}

START_TEST(worker_that_kills_its_group_kills_no_other)
{
	brood_results *results;
	ck_assert_int_eq(brood_parallelize_array(&results, kill_the_group, NULL, NULL, 0, 20, NULL), 0);
	for (uint64_t i = 0; i < 20; i++) {
		if (i == 1)
			ck_assert_int_eq(record_of(results, i).status->signal, SIGKILL);
		else
			value_is(record_of(results, i), i);
	}
	brood_results_free(results);
}
END_TEST

/* Into that of the nursery, and stays. */
static int leave_group(brood_task *task, void *context)
{
	_Atomic(pid_t) *left = context;
	(void)task;
	if (!setpgid(0, getpgid(getppid())))
		*left = getpid();
	for (;;)
		pause();
	return 0;
}

static bool has_left(void *left)
{
	return *(_Atomic(pid_t) *)left;
}

START_TEST(worker_that_leaves_its_group_is_killed)
{
	_Atomic(pid_t) *left = shared_memory(sizeof *left);
	brood_results *results;
	struct brood_result result = run_one(&results, leave_group, (void *)(uintptr_t)left,
					     BROOD_OPTIONS(.workers = 1, .timeout = 0.2, .grace = _i ? -1 : 0.1));
	ck_assert_int_eq(result.outcome, BROOD_TIMEOUT);
	ck_assert_int_eq(result.status->signal, _i ? SIGKILL : SIGTERM);
	ck_assert(has_left((void *)(uintptr_t)left));
	brood_results_free(results);
	/* And so at the end. */
	*left = 0;
	brood_pool *pool = pool_with(leave_group, (void *)(uintptr_t)left, BROOD_OPTIONS(.workers = 1));
	ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){0}), 0);
	ck_assert(support_wait_until(has_left, (void *)(uintptr_t)left, 10));
	brood_pool_free(pool);
	ck_assert(!support_process_alive(*left));
}
END_TEST

static void work_for_ever(void *left)
{
	brood_results *results;
	brood_parallelize_array(&results, leave_group, left, NULL, 0, 2, BROOD_OPTIONS(.workers = 2));
}

START_TEST(worker_that_left_its_group_goes_with_the_host)
{
	_Atomic(pid_t) *left = shared_memory(sizeof *left);
	const pid_t host = support_fork(work_for_ever, (void *)(uintptr_t)left, 20);
	ck_assert(support_wait_until(has_left, (void *)(uintptr_t)left, 10));
	ck_assert_int_eq(kill(host, SIGKILL), 0);
	support_join(host, 10);
	ck_assert(support_process_gone(*left, 10));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool outcomes");
	TCase *all = support_case(suite, "all", 30);
	tcase_add_loop_test(all, one_item_ends_so, 0, WAYS);
	tcase_add_loop_test(all, worker_that_dies_costs_its_item_alone, 0, 2);
	tcase_add_test(all, message_is_cut_at_64_KiB);
	tcase_add_test(all, last_failure_counts);
	TCase *hard = support_case(suite, "hard", 30);
	tcase_add_loop_test(hard, worker_that_closes_all_its_descriptors, 0, 2);
	tcase_add_test(hard, group_is_killed_when_its_worker_ends);
	tcase_add_test(hard, grandchild_of_another_group_holds_nothing_up);
	tcase_add_test(hard, worker_that_kills_its_group_kills_no_other);
	tcase_add_loop_test(hard, worker_that_leaves_its_group_is_killed, 0, 2);
	tcase_add_test(hard, worker_that_left_its_group_goes_with_the_host);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
