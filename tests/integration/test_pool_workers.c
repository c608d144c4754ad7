/* SPDX-License-Identifier: MIT */
/* What the options say of workers: how they begin and end, what they may use, and when they are replaced. */
#include "pool.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* --- beginning and end --------------------------------------------------------------------------------------------- */

struct counts {
	atomic_int starts, ends, fails, exits;
};

static pid_t started_in;
static int items_done;

static int start_one(void *context)
{
	struct counts *counts = context;
	if (counts->fails > 0 && counts->fails-- > 0)
		return 1;
	counts->starts++;
	started_in = getpid();
	items_done = 0;
	return 0;
}

static void end_one(void *context)
{
	struct counts *counts = context;
	if (started_in == getpid())
		counts->ends++;
}

static void note_exit(void)
{
	/* Of the host's: not to be run in a worker. */
	abort();
}

/* Item 5 kills its worker. */
static int work_started(brood_task *task, void *context)
{
	(void)context;
	if (brood_index(task) == 5)
		raise(SIGKILL);
	return started_in == getpid() ? reply_pid(task, NULL) : 1;
}

START_TEST(start_and_end_are_run_in_each_worker)
{
	struct counts *counts = shared_memory(sizeof *counts);
	counts->fails = _i;
	brood_pool *pool = pool_with(work_started, counts, BROOD_OPTIONS(.workers = 3, .recycle_after = 10, .worker_start = start_one,
				     .worker_end = end_one));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 100), 0);
	for (size_t i = 0; i < 100; i++)
		ck_assert_int_eq(pool_record(pool, i).outcome, i == 5 ? BROOD_ABORT : BROOD_SUCCESS);
	ck_assert_int_eq(brood_pool_cleanup(pool), 0);
	ck_assert_int_ge(counts->starts, 10);
	/* All but the one that died. */
	ck_assert_int_eq(counts->ends, counts->starts - 1);
	ck_assert_int_eq(started_in, 0);
	brood_pool_free(pool);
}
END_TEST

static int fail_to_start(void *context)
{
	int way = *(int *)context;
	if (way == 0)
		return 1;
	if (way == 1)
		_exit(0);
	raise(SIGKILL);
	return 0;
}

/* What has no record is PENDING; and the pool can begin anew. */
START_TEST(start_that_fails_is_echild)
{
	int way = _i;
	struct brood_result result;
	brood_results *results = (brood_results *)&results, *const none = results;
	brood_pool *pool;
	ck_assert_int_eq(brood_pool_new(&pool, reply_index, &way, BROOD_OPTIONS(.workers = 2, .worker_start = fail_to_start)), 0);
	for (size_t round = 0, count = 0; round < 2; round++) {
		/* Some of them may have ended by then. */
		int workers = brood_pool_spawn(pool, 0);
		ck_assert_msg((workers >= 1 && workers <= 2) || workers == -EAGAIN, "spawn says %d", workers);
		if (workers < 0)
			continue;
		count += 3;
		ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 3), -ECHILD);
		ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 3), -ECHILD);
		ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){0}), -ECHILD);
		ck_assert_int_eq(brood_pool_next(pool, &result, -1), -ECHILD);
		ck_assert_uint_eq(brood_results_count(brood_pool_results(pool)), count);
		for (size_t i = 0; i < count; i++) {
			ck_assert_int_eq(pool_record(pool, i).outcome, BROOD_PENDING);
			ck_assert_ptr_null(pool_record(pool, i).failure);
			ck_assert_int_eq(pool_record(pool, i).worker, -1);
		}
		ck_assert_int_eq(brood_pool_cleanup(pool), 0);
	}
	brood_pool_free(pool);
	ck_assert_int_eq(brood_parallelize_array(&results, reply_index, &way, NULL, 0, 3,
						 BROOD_OPTIONS(.workers = 2, .worker_start = fail_to_start)), -ECHILD);
	ck_assert_ptr_eq(results, none);
}
END_TEST

static int print_word(brood_task *task, void *context)
{
	(void)context;
	printf("item %zu\n", brood_index(task));
	return 0;
}

static void print_end(void *context)
{
	(void)context;
	printf("end\n");
}

/* The host's own, which it had buffered, is printed once; workers' is flushed; and the host's handlers are not theirs. */
static void print_all(void *context)
{
	int fd = *(int *)context;
	dup2(fd, STDOUT_FILENO);
	ck_assert_int_eq(setvbuf(stdout, NULL, _IOFBF, 65536), 0);
	printf("host begins\n");
	atexit(note_exit);
	brood_pool *pool = pool_with(print_word, NULL, BROOD_OPTIONS(.workers = 2, .recycle_after = 3, .worker_end = print_end));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 20), 0);
	brood_pool_free(pool);
	printf("host ends\n");
	fflush(stdout);
	_exit(0);
}

static int occurrences(const char *text, const char *word)
{
	int count = 0;
	for (const char *at = text; (at = strstr(at, word)); at++)
		count++;
	return count;
}

START_TEST(output_is_flushed_and_nothing_is_printed_twice)
{
	static char text[65536];
	int fd = memfd_create("output", MFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	/* Appending, since all write to it. */
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_APPEND), 0);
	support_join_ok(support_fork(print_all, &fd, 20), 20);
	ssize_t size = pread(fd, text, sizeof text - 1, 0);
	ck_assert_int_gt(size, 0);
	close(fd);
	ck_assert_int_eq(occurrences(text, "host begins\n"), 1);
	ck_assert_int_eq(occurrences(text, "host ends\n"), 1);
	for (int i = 0; i < 20; i++) {
		char word[32];
		snprintf(word, sizeof word, "item %d\n", i);
		ck_assert_int_eq(occurrences(text, word), 1);
	}
	ck_assert_int_ge(occurrences(text, "end\n"), 20 / 3);
}
END_TEST

/* --- memory and recycling ------------------------------------------------------------------------------------------ */

enum { MIB = 1 << 20 };

static int allocate(brood_task *task, void *context)
{
	size_t size = brood_index(task) % 2 ? 200 * (size_t)MIB : 10 * (size_t)MIB;
	volatile char *memory = malloc(size);
	(void)context;
	if (!memory)
		return brood_fail(task, ENOMEM, "Memory", "%zu", size);
	for (size_t at = 0; at < size; at += 4096)
		memory[at] = 1;
	free((char *)(uintptr_t)memory);
	return 0;
}

START_TEST(memory_limit_fails_allocations)
{
	if (SANITIZED || RUNNING_ON_VALGRIND)
		support_skip("the tool has memory of its own");
	/* What the host has does not count. */
	void *own = malloc(100 * (size_t)MIB);
	ck_assert_ptr_nonnull(own);
	memset(own, 1, 100 * (size_t)MIB);
	brood_pool *pool = pool_with(allocate, NULL, BROOD_OPTIONS(.workers = 2, .memory_limit = 50 * (size_t)MIB));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 6), 0);
	for (size_t i = 0; i < 6; i++) {
		struct brood_result result = pool_record(pool, i);
		ck_assert_int_eq(result.outcome, i % 2 ? BROOD_FAIL : BROOD_SUCCESS);
		if (i % 2)
			ck_assert_str_eq(result.failure->type, "Memory");
	}
	brood_pool_free(pool);
	free(own);
}
END_TEST

/* The first item does without the memory that it does not get. */
static int go_without(brood_task *task, void *context)
{
	if (brood_index(task) == 1)
		exit(3);
	char *volatile memory = malloc(200 * (size_t)MIB);
	return memory ? brood_fail(task, 1, "Memory", "was to be had") : reply_index(task, context);
}

START_TEST(allocation_that_failed_in_another_item_is_no_reason)
{
	if (SANITIZED || RUNNING_ON_VALGRIND)
		support_skip("the tool has memory of its own");
	brood_pool *pool = pool_with(go_without, NULL, BROOD_OPTIONS(.workers = 1, .memory_limit = 50 * (size_t)MIB));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 2), 0);
	ck_assert_int_eq(pool_record(pool, 0).outcome, BROOD_SUCCESS);
	struct brood_result result = pool_record(pool, 1);
	ck_assert_int_eq(result.outcome, BROOD_ABORT);
	ck_assert_str_eq(result.failure->type, "Exit");
	brood_pool_free(pool);
}
END_TEST

/* How many workers there have been, and how many items one of them did at the most. */
static int count_workers(brood_pool *pool, size_t count, int *most)
{
	pid_t pids[1000];
	int items[1000] = {0}, workers = 0;
	*most = 0;
	for (size_t i = 0; i < count; i++) {
		pid_t pid;
		struct brood_result result = pool_record(pool, i);
		ck_assert_int_eq(result.outcome, BROOD_SUCCESS);
		memcpy(&pid, result.value.data, sizeof pid);
		int at = 0;
		while (at < workers && pids[at] != pid)
			at++;
		pids[at] = pid;
		workers += at == workers;
		*most = ++items[at] > *most ? items[at] : *most;
	}
	return workers;
}

START_TEST(worker_is_replaced_after_so_many_items)
{
	int most;
	brood_pool *pool = pool_with(reply_pid, NULL, BROOD_OPTIONS(.workers = 2, .recycle_after = 7));
	for (int round = 0; round < 2; round++)
		ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 100), 0);
	ck_assert_int_ge(count_workers(pool, 200, &most), 200 / 7);
	ck_assert_int_le(most, 7);
	brood_pool_free(pool);
}
END_TEST

static int leak(brood_task *task, void *context)
{
	size_t size = 10 * (size_t)MIB;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return 1;
	memset(memory, 1, size);
	support_sleep(0.003);
	return reply_pid(task, context);
}

START_TEST(worker_is_replaced_when_it_is_too_large)
{
	if (SANITIZED || RUNNING_ON_VALGRIND)
		support_skip("the tool has memory of its own");
	int most;
	brood_pool *pool = pool_with(leak, NULL, BROOD_OPTIONS(.workers = 2, .recycle_size = 45 * (size_t)MIB));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 40), 0);
	ck_assert_int_ge(count_workers(pool, 40, &most), 8);
	ck_assert_int_ge(most, 3);
	ck_assert_int_le(most, 5);
	brood_pool_free(pool);
}
END_TEST

/* --- what workers are like ----------------------------------------------------------------------------------------- */

static int reply_threads(brood_task *task, void *context)
{
	const char *text = getenv("OMP_NUM_THREADS");
	(void)context;
	return text ? brood_reply(task, text, strlen(text)) : 0;
}

START_TEST(threads_are_what_the_option_says)
{
	brood_results *results;
	setenv("OMP_NUM_THREADS", "17", 1);
	struct brood_result result = run_one(&results, reply_threads, NULL, BROOD_OPTIONS(.threads = 3));
	ck_assert(result.value.size == 1 && *(const char *)result.value.data == '3');
	brood_results_free(results);
	result = run_one(&results, reply_threads, NULL, NULL);
	ck_assert_uint_eq(result.value.size, 2);
	brood_results_free(results);
	ck_assert_str_eq(getenv("OMP_NUM_THREADS"), "17");
}
END_TEST

static int count_processors(brood_task *task, void *context)
{
	cpu_set_t set;
	(void)context;
	if (sched_getaffinity(0, sizeof set, &set))
		return 1;
	return CPU_COUNT(&set) == 1 ? reply_index(task, NULL) : brood_fail(task, 2, "Free", "%d", CPU_COUNT(&set));
}

START_TEST(pinned_workers_have_one_processor)
{
	brood_pool *pool = pool_with(count_processors, NULL, BROOD_OPTIONS(.workers = 3, .flags = BROOD_PINNED));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 30), 0);
	for (uint64_t i = 0; i < 30; i++)
		value_is(pool_record(pool, i), i);
	brood_pool_free(pool);
}
END_TEST

static double busy_seconds(void)
{
	struct timespec now;
	ck_assert_int_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int do_nothing(brood_task *task, void *context)
{
	(void)task;
	(void)context;
	return 0;
}

/* The host sleeps until the nursery has ended, which may need the same processor; it had looked again and again for 3 ms. */
START_TEST(cleanup_sleeps)
{
	enum { POOLS = 20 };
	if (SANITIZED || RUNNING_ON_VALGRIND)
		support_skip("it takes longer here");
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
	double busy = 0;
	for (int i = 0; i < POOLS; i++) {
		brood_pool *pool = pool_with(do_nothing, NULL, BROOD_OPTIONS(.workers = 1));
		busy -= busy_seconds();
		ck_assert_int_eq(brood_pool_cleanup(pool), 0);
		busy += busy_seconds();
		brood_pool_free(pool);
	}
	ck_assert_msg(busy < POOLS * 0.0015, "%g s in %d calls", busy, POOLS);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool workers");
	TCase *begin = support_case(suite, "begin", 30);
	tcase_add_loop_test(begin, start_and_end_are_run_in_each_worker, 0, 3);
	tcase_add_loop_test(begin, start_that_fails_is_echild, 0, 3);
	tcase_add_test(begin, output_is_flushed_and_nothing_is_printed_twice);
	TCase *workers = support_case(suite, "workers", 30);
	tcase_add_test(workers, memory_limit_fails_allocations);
	tcase_add_test(workers, allocation_that_failed_in_another_item_is_no_reason);
	tcase_add_test(workers, worker_is_replaced_after_so_many_items);
	tcase_add_test(workers, worker_is_replaced_when_it_is_too_large);
	tcase_add_test(workers, threads_are_what_the_option_says);
	tcase_add_test(workers, pinned_workers_have_one_processor);
	tcase_add_test(workers, cleanup_sleeps);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
