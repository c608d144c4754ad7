/* SPDX-License-Identifier: MIT */
/* BROOD_COSTS: what each item cost. Bounds are one-sided where a busy machine moves them. */
#include "pool.h"

#include "pool/pool.h"
#include "pool/task.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

static const unsigned flags[] = {BROOD_COSTS, BROOD_COSTS | BROOD_INSIDE};

#define BURNED 0.05
#define LARGE ((size_t)50 << 20)
#define MUCH ((size_t)40 << 20)

static double processor_seconds(void)
{
	struct timespec time;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void burn(double seconds)
{
	for (double end = processor_seconds() + seconds; processor_seconds() < end;)
		for (volatile int i = 0; i < 100000; i++)
			;
}

/* As burn, but in the kernel. */
static void burn_below(double seconds)
{
	static char bytes[1 << 20];
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	for (double end = processor_seconds() + seconds; fd >= 0 && processor_seconds() < end;)
		if (read(fd, bytes, sizeof bytes) < 0)
			break;
	close(fd);
}

static void touch(void)
{
	char *memory = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return;
	madvise(memory, LARGE, MADV_NOHUGEPAGE);
	memset(memory, 1, LARGE);
	munmap(memory, LARGE);
}

static void burn_in_child(double seconds)
{
	pid_t child = fork();
	if (!child) {
		burn(seconds);
		_exit(0);
	}
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

enum deed {
	NOTHING, BURNS, BURNS_BELOW, TOUCHES, SLEEPS, BURNS_IN_CHILD, BURNS_AND_FAILS_ONCE, CRASHES,
	BURNS_AND_CRASHES, HANGS
};

static int do_deed(brood_task *task, void *context)
{
	enum deed deed = NOTHING;
	(void)context;
	memcpy(&deed, brood_item(task).data, brood_item(task).size);
	switch (deed) {
	case BURNS: burn(BURNED); break;
	case BURNS_BELOW: burn_below(BURNED); break;
	case TOUCHES: touch(); break;
	case BURNS_IN_CHILD: burn_in_child(BURNED); break;
	case CRASHES: raise(SIGKILL); break;
	case HANGS: burn(1000); break;
	case SLEEPS:
		for (int i = 0; i < 3; i++)
			support_sleep(0.005);
		break;
	case BURNS_AND_FAILS_ONCE:
		if (brood_attempt(task) > 1)
			break;
		burn(BURNED);
		return brood_fail(task, 1, "Once", NULL);
	case BURNS_AND_CRASHES:
		touch();
		burn(BURNED);
		raise(SIGSEGV);
		break;
	default: break;
	}
	return 0;
}

static brood_results *results_of(const enum deed *deeds, size_t count, const struct brood_options *options)
{
	brood_results *results;
	ck_assert_int_eq(brood_parallelize_array(&results, do_deed, NULL, deeds, sizeof *deeds, count, options), 0);
	return results;
}

static struct brood_cost cost_of(const brood_results *results, size_t index, enum brood_outcome outcome)
{
	struct brood_result result = record_of(results, index);
	ck_assert_int_eq(result.outcome, outcome);
	ck_assert_ptr_nonnull(result.cost);
	return *result.cost;
}

static double seconds_of(struct brood_cost cost)
{
	ck_assert_double_ge(cost.user_seconds, 0);
	ck_assert_double_ge(cost.system_seconds, 0);
	return cost.user_seconds + cost.system_seconds;
}

/* Whether the kernel lets a process set back its own high-water mark. */
static bool peaks_are_reset(void)
{
	return !access("/proc/self/clear_refs", W_OK);
}

START_TEST(processor_time_is_of_the_item)
{
	static const enum deed deeds[] = {BURNS, NOTHING, BURNS_BELOW, NOTHING};
	brood_results *results = results_of(deeds, 4, BROOD_OPTIONS(.workers = 1, .flags = flags[_i]));
	struct brood_cost user = cost_of(results, 0, BROOD_SUCCESS), system = cost_of(results, 2, BROOD_SUCCESS);
	ck_assert_double_ge(seconds_of(user), 0.95 * BURNED);
	ck_assert_double_gt(user.user_seconds, 0.3 * BURNED);
	ck_assert_double_ge(seconds_of(system), 0.95 * BURNED);
	ck_assert_double_gt(system.system_seconds, 0.3 * BURNED);
	ck_assert_double_lt(seconds_of(cost_of(results, 1, BROOD_SUCCESS)), 0.95 * BURNED);
	ck_assert_double_lt(seconds_of(cost_of(results, 3, BROOD_SUCCESS)), 0.95 * BURNED);
	/* BROOD_TIMED is implied. */
	for (size_t i = 0; i < 4; i++)
		ck_assert_double_gt(record_of(results, i).seconds, 0);
	ck_assert_double_ge(record_of(results, 0).seconds, 0.95 * BURNED);
	brood_results_free(results);
}
END_TEST

START_TEST(memory_is_of_the_item)
{
	static const enum deed deeds[] = {NOTHING, TOUCHES, NOTHING};
	brood_results *results = results_of(deeds, 3, BROOD_OPTIONS(.workers = 1, .flags = BROOD_COSTS));
	struct brood_cost before = cost_of(results, 0, BROOD_SUCCESS), large = cost_of(results, 1, BROOD_SUCCESS),
			  after = cost_of(results, 2, BROOD_SUCCESS);
	const uint64_t pages = LARGE / (size_t)sysconf(_SC_PAGESIZE);
	ck_assert_uint_gt(before.peak_bytes, 0);
	ck_assert_uint_ge(large.peak_bytes, before.peak_bytes + MUCH);
	ck_assert_uint_ge(large.minor_faults + large.major_faults, pages);
	ck_assert_uint_lt(after.minor_faults + after.major_faults, pages);
	if (peaks_are_reset())
		ck_assert_uint_le(after.peak_bytes + MUCH, large.peak_bytes);
	brood_results_free(results);
}
END_TEST

static size_t own_peak(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (size_t)usage.ru_maxrss * 1024;
}

START_TEST(inside_the_mark_is_left_to_the_host)
{
	static const enum deed deeds[] = {TOUCHES, NOTHING};
	brood_results *results = results_of(deeds, 2, BROOD_OPTIONS(.flags = BROOD_COSTS | BROOD_INSIDE));
	struct brood_cost large = cost_of(results, 0, BROOD_SUCCESS), after = cost_of(results, 1, BROOD_SUCCESS);
	ck_assert_uint_ge(large.peak_bytes, MUCH);
	ck_assert_uint_ge(large.minor_faults, LARGE / (size_t)sysconf(_SC_PAGESIZE));
	ck_assert_uint_ge(after.peak_bytes, MUCH);
	ck_assert_uint_ge(own_peak(), MUCH);
	brood_results_free(results);
}
END_TEST

START_TEST(who_sleeps_gives_way)
{
	static const enum deed deeds[] = {SLEEPS};
	brood_results *results = results_of(deeds, 1, BROOD_OPTIONS(.workers = 1, .flags = flags[_i]));
	struct brood_cost cost = cost_of(results, 0, BROOD_SUCCESS);
	ck_assert_uint_ge(cost.voluntary_switches, 3);
	ck_assert_double_lt(seconds_of(cost), record_of(results, 0).seconds);
	brood_results_free(results);
}
END_TEST

START_TEST(children_count_that_were_waited_for)
{
	static const enum deed deeds[] = {BURNS_IN_CHILD, NOTHING};
	brood_results *results = results_of(deeds, 2, BROOD_OPTIONS(.workers = 1, .flags = flags[_i]));
	ck_assert_double_ge(seconds_of(cost_of(results, 0, BROOD_SUCCESS)), 0.95 * BURNED);
	ck_assert_double_lt(seconds_of(cost_of(results, 1, BROOD_SUCCESS)), 0.95 * BURNED);
	brood_results_free(results);
}
END_TEST

/* --- items whose worker died --------------------------------------------------------------------------------------- */

START_TEST(death_has_its_cost)
{
	static const enum deed deeds[] = {BURNS, BURNS_AND_CRASHES, BURNS, CRASHES};
	brood_results *results = results_of(deeds, 4, BROOD_OPTIONS(.workers = 1, .flags = BROOD_COSTS));
	struct brood_cost cost = cost_of(results, 1, BROOD_ABORT);
	ck_assert_double_ge(seconds_of(cost), 0.95 * BURNED);
	ck_assert_uint_ge(cost.peak_bytes, MUCH);
	ck_assert_uint_ge(cost.minor_faults, LARGE / (size_t)sysconf(_SC_PAGESIZE));
	/* What the worker had done before is another's. */
	ck_assert_double_lt(seconds_of(cost_of(results, 3, BROOD_ABORT)), 0.95 * BURNED);
	brood_results_free(results);
}
END_TEST

START_TEST(timeout_has_its_cost)
{
	static const enum deed deeds[] = {HANGS};
	brood_results *results = results_of(deeds, 1, BROOD_OPTIONS(.workers = 1, .flags = BROOD_COSTS, .grace = -1,
					    .timeout = support_scale(0.5)));
	ck_assert_double_gt(seconds_of(cost_of(results, 0, BROOD_TIMEOUT)), 0);
	brood_results_free(results);
}
END_TEST

struct meeting {
	brood_pool *pool;
	_Atomic int *met;
};

static int come_and_hang(brood_task *task, void *context)
{
	(void)task;
	atomic_store(((struct meeting *)context)->met, 1);
	burn(1000);
	return 0;
}

static void cancel_when_met(void *context, const struct brood_event *event)
{
	struct meeting *meeting = context;
	(void)event;
	while (!atomic_load(meeting->met))
		usleep(100);
	ck_assert_int_eq(brood_pool_cancel(meeting->pool), 0);
}

START_TEST(cancel_has_the_cost_of_what_began)
{
	struct meeting meeting = {.met = shared_memory(sizeof *meeting.met)};
	const struct brood_reporter reporter = {.size = sizeof reporter, .context = &meeting, .begin = cancel_when_met};
	meeting.pool = pool_with(come_and_hang, &meeting, BROOD_OPTIONS(.workers = 1, .flags = BROOD_COSTS, .grace = -1,
				 .reporter = &reporter));
	ck_assert_int_eq(brood_pool_process_array(meeting.pool, NULL, 0, 2), 0);
	cost_of(brood_pool_results(meeting.pool), 0, BROOD_CANCELED);
	struct brood_result result = pool_record(meeting.pool, 1);
	ck_assert_int_eq(result.outcome, BROOD_CANCELED);
	ck_assert_ptr_null(result.cost);
	brood_pool_free(meeting.pool);
}
END_TEST

START_TEST(cost_is_of_the_last_attempt)
{
	static const enum deed deeds[] = {BURNS_AND_FAILS_ONCE};
	brood_results *results = results_of(deeds, 1, BROOD_OPTIONS(.workers = 1, .retries = 2, .flags = flags[_i]));
	ck_assert_uint_eq(record_of(results, 0).attempts, 2);
	ck_assert_double_lt(seconds_of(cost_of(results, 0, BROOD_SUCCESS)), 0.95 * BURNED);
	brood_results_free(results);
}
END_TEST

/* --- records ------------------------------------------------------------------------------------------------------- */

/* More items than slots, of which every third burns. */
START_TEST(stream_has_the_cost_of_each)
{
	enum { COUNT = 60 };
	brood_pool *pool = pool_with(do_deed, NULL, BROOD_OPTIONS(.workers = 2, .window = 8, .flags = flags[_i]));
	struct brood_result result;
	int submitted = 0;
	for (int taken = 0; taken < COUNT; taken++) {
		int error = 0;
		for (; submitted < COUNT && !error; submitted += !error) {
			const enum deed deed = submitted % 3 ? NOTHING : BURNS;
			error = brood_pool_submit(pool, (struct brood_bytes){&deed, sizeof deed});
		}
		ck_assert_int_eq(brood_pool_next(pool, &result, -1), 1);
		ck_assert_int_eq(result.outcome, BROOD_SUCCESS);
		ck_assert_ptr_nonnull(result.cost);
		if (result.index % 3)
			ck_assert_double_lt(seconds_of(*result.cost), 0.95 * BURNED);
		else
			ck_assert_double_ge(seconds_of(*result.cost), 0.95 * BURNED);
		ck_assert_uint_gt(result.cost->peak_bytes, 0);
	}
	brood_pool_free(pool);
}
END_TEST

START_TEST(without_the_flag_there_is_none)
{
	static const enum deed deeds[] = {NOTHING, CRASHES};
	brood_results *results = results_of(deeds, 2, BROOD_OPTIONS(.workers = 1, .flags = BROOD_TIMED));
	for (size_t i = 0; i < 2; i++)
		ck_assert_ptr_null(record_of(results, i).cost);
	brood_results_free(results);
	brood_pool *pool = pool_with(do_deed, NULL, NULL);
	struct brood_cost other;
	struct brood_result result = {.cost = &other};
	ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){deeds, sizeof *deeds}), 0);
	ck_assert_int_eq(brood_pool_next(pool, &result, -1), 1);
	ck_assert_ptr_null(result.cost);
	brood_pool_free(pool);
}
END_TEST

/* The item after the others writes over what the others' workers wrote, and dies where the item says so. */
static int scribble(brood_task *task, void *context)
{
	const struct worker *worker = task->worker;
	const int *byte = context;
	struct cost_place *places = region_at(worker->plan->region, worker->batch.costs);
	if (brood_index(task) + 1 < worker->batch.count)
		return 0;
	for (uint32_t i = 0; i < worker->batch.count; i++) {
		memset(places[i].begin, *byte < 0 ? (int)i : *byte, sizeof places[i].begin);
		memset(places[i].end, *byte < 0 ? 255 - (int)i : 255, sizeof places[i].end);
	}
	raise(SIGKILL);
	return 0;
}

START_TEST(nonsense_is_a_number_all_the_same)
{
	enum { COUNT = 20 };
	static const int bytes[] = {0, 255, -1};
	int byte = bytes[_i];
	brood_pool *pool = pool_with(scribble, &byte, BROOD_OPTIONS(.workers = 1, .flags = BROOD_COSTS));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, COUNT), 0);
	for (size_t i = 0; i < COUNT; i++) {
		struct brood_cost cost = cost_of(brood_pool_results(pool), i, i + 1 < COUNT ? BROOD_SUCCESS : BROOD_ABORT);
		ck_assert(isfinite(seconds_of(cost)));
		if (byte == 255) {
			ck_assert_uint_eq(cost.minor_faults, 0);
			ck_assert_double_le(seconds_of(cost), 0);
		}
	}
	brood_pool_free(pool);
}
END_TEST

START_TEST(what_was_read_stays)
{
	static const enum deed deeds[] = {BURNS};
	brood_results *results = results_of(deeds, 1, BROOD_OPTIONS(.flags = BROOD_COSTS));
	const struct brood_cost *cost = record_of(results, 0).cost;
	const double seconds = seconds_of(*cost);
	memset(region_at(results->region, results->batches->board.costs), 0, sizeof(struct cost_place));
	ck_assert_ptr_eq(record_of(results, 0).cost, cost);
	ck_assert_double_eq(seconds_of(*cost), seconds);
	brood_results_free(results);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool costs");
	TCase *items = support_case(suite, "items", 30);
	tcase_add_loop_test(items, processor_time_is_of_the_item, 0, 2);
	tcase_add_test(items, memory_is_of_the_item);
	tcase_add_test(items, inside_the_mark_is_left_to_the_host);
	tcase_add_loop_test(items, who_sleeps_gives_way, 0, 2);
	tcase_add_loop_test(items, children_count_that_were_waited_for, 0, 2);
	TCase *deaths = support_case(suite, "deaths", 30);
	tcase_add_test(deaths, death_has_its_cost);
	tcase_add_test(deaths, timeout_has_its_cost);
	tcase_add_test(deaths, cancel_has_the_cost_of_what_began);
	tcase_add_loop_test(deaths, cost_is_of_the_last_attempt, 0, 2);
	TCase *records = support_case(suite, "records", 30);
	tcase_add_loop_test(records, stream_has_the_cost_of_each, 0, 2);
	tcase_add_test(records, without_the_flag_there_is_none);
	tcase_add_loop_test(records, nonsense_is_a_number_all_the_same, 0, 3);
	tcase_add_test(records, what_was_read_stays);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
