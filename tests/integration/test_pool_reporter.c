/* SPDX-License-Identifier: MIT */
/* What a reporter is told: each callback in its order, once for what it tells of, and by the thread that called. */
#include "pool.h"

#include <pthread.h>
#include <signal.h>

enum { COUNT = 300, PIDS = 400, WORKERS = 3 };

/* For an item. What the host learns late, it may take for later than it was, but not by that much. */
#define LIMIT support_scale(0.3)

enum word { INIT, SPAWN, BEGIN, SUCCESS, FAIL, ABORT, EXIT, CLEANUP, WORDS };

struct item {
	unsigned begins, outcomes;
	enum brood_outcome outcome;
	double began;
};

/* What has been told, and is checked as it is. */
static struct {
	brood_pool *pool;
	pthread_t thread;
	int told[WORDS], living, spawned;
	pid_t pids[PIDS]; /* 0: ended */
	struct item items[COUNT];
	double since;
	size_t cancel_at; /* after that many successes */
	bool calls_back, results_accrue;
} story;

static void tell(enum word word, void *context, const struct brood_event *event)
{
	ck_assert_ptr_eq(context, &story);
	ck_assert(pthread_equal(story.thread, pthread_self()));
	/* Between init and cleanup. */
	ck_assert(word == INIT ? story.told[INIT] == story.told[CLEANUP] : story.told[INIT] == story.told[CLEANUP] + 1);
	ck_assert_double_ge(event->time, story.since);
	ck_assert_double_le(event->time, support_now());
	ck_assert_int_ge(event->children, 0);
	/* One that takes another's place may be told of before the other's end. */
	ck_assert_int_le(event->children, WORKERS + 1);
	ck_assert_int_eq(event->result != NULL, word == SUCCESS || word == FAIL || word == ABORT);
	if (word != EXIT && word != ABORT)
		ck_assert_ptr_null(event->status);
	if (word < BEGIN || word > ABORT)
		ck_assert(!event->index && !event->item.size);
	story.told[word]++;
	if (story.calls_back) {
		struct brood_result result;
		ck_assert_int_eq(brood_pool_spawn(story.pool, 1), -EBUSY);
		ck_assert_int_eq(brood_pool_process(story.pool, NULL, 1), -EBUSY);
		ck_assert_int_eq(brood_pool_process_array(story.pool, NULL, 0, 1), -EBUSY);
		ck_assert_int_eq(brood_pool_submit(story.pool, (struct brood_bytes){0}), -EBUSY);
		ck_assert_int_eq(brood_pool_next(story.pool, &result, 0), -EBUSY);
		ck_assert_int_eq(brood_pool_cleanup(story.pool), -EBUSY);
	}
}

static void tell_init(void *context, const struct brood_event *event)
{
	tell(INIT, context, event);
	ck_assert(!event->pid && event->worker == -1 && !event->children);
}

static void tell_spawn(void *context, const struct brood_event *event)
{
	tell(SPAWN, context, event);
	ck_assert_int_gt(event->pid, 0);
	ck_assert_int_ge(event->worker, 0);
	ck_assert_int_ge(event->children, 1);
	ck_assert_int_lt(story.spawned, PIDS);
	story.pids[story.spawned++] = event->pid;
	story.living++;
}

static struct item *item_of(const struct brood_event *event)
{
	size_t number;
	ck_assert_uint_lt(event->index, COUNT);
	ck_assert_uint_eq(event->item.size, sizeof number);
	memcpy(&number, event->item.data, sizeof number);
	ck_assert_uint_eq(number, event->index);
	return &story.items[event->index];
}

static void tell_begin(void *context, const struct brood_event *event)
{
	tell(BEGIN, context, event);
	struct item *item = item_of(event);
	ck_assert_int_ge(event->worker, 0);
	ck_assert_uint_eq(item->outcomes, 0);
	item->begins++;
	item->began = event->time;
}

static void tell_outcome(enum word word, void *context, const struct brood_event *event)
{
	tell(word, context, event);
	struct item *item = item_of(event);
	const struct brood_result *result = event->result;
	ck_assert_uint_eq(result->index, event->index);
	ck_assert_int_eq(result->worker, event->worker);
	ck_assert_uint_eq(item->outcomes, 0);
	ck_assert_uint_eq(item->begins, result->attempts);
	if (item->begins)
		ck_assert_double_ge(event->time, item->began - LIMIT);
	item->outcomes++;
	item->outcome = result->outcome;
	/* What has been told of can be read. */
	if (story.results_accrue) {
		struct brood_result again = pool_record(story.pool, event->index);
		ck_assert_int_eq(again.outcome, result->outcome);
		ck_assert_uint_eq(again.value.size, result->value.size);
		ck_assert_uint_eq(again.attempts, result->attempts);
	}
	if ((size_t)story.told[SUCCESS] == story.cancel_at)
		ck_assert_int_eq(brood_pool_cancel(story.pool), 0);
}

static void tell_success(void *context, const struct brood_event *event)
{
	tell_outcome(SUCCESS, context, event);
	ck_assert_int_eq(event->result->outcome, BROOD_SUCCESS);
	value_is(*event->result, event->index);
}

static void tell_fail(void *context, const struct brood_event *event)
{
	tell_outcome(FAIL, context, event);
	ck_assert_int_eq(event->result->outcome, BROOD_FAIL);
	ck_assert_str_eq(event->result->failure->type, "Odd");
}

static void tell_abort(void *context, const struct brood_event *event)
{
	tell_outcome(ABORT, context, event);
	enum brood_outcome outcome = event->result->outcome;
	ck_assert(outcome == BROOD_ABORT || outcome == BROOD_TIMEOUT || outcome == BROOD_CANCELED);
	if (outcome != BROOD_CANCELED)
		ck_assert_int_eq(event->result->status->signal, SIGKILL);
}

static void tell_exit(void *context, const struct brood_event *event)
{
	tell(EXIT, context, event);
	int at = 0;
	while (at < story.spawned && story.pids[at] != event->pid)
		at++;
	ck_assert_int_gt(event->pid, 0);
	ck_assert_msg(at < story.spawned, "process %d ended, but had not begun, or ended before", event->pid);
	story.pids[at] = 0;
	story.living--;
	ck_assert_int_ge(event->worker, 0);
	ck_assert_ptr_nonnull(event->status);
	ck_assert_int_eq(event->status->pid, event->pid);
	ck_assert(event->status->signal == SIGKILL || !event->status->signal);
}

static void tell_cleanup(void *context, const struct brood_event *event)
{
	tell(CLEANUP, context, event);
	ck_assert(!event->pid && event->worker == -1 && !event->children);
	ck_assert_int_eq(story.living, 0);
}

static const struct brood_reporter reporter = {.size = sizeof reporter, .context = &story, .init = tell_init, .spawn = tell_spawn,
	.begin = tell_begin, .success = tell_success, .fail = tell_fail, .abort = tell_abort, .exit = tell_exit,
	.cleanup = tell_cleanup};

/* Every tenth item fails, every twentieth kills its worker, and one hangs. */
static int do_badly(brood_task *task, void *context)
{
	size_t index = brood_index(task);
	(void)context;
	if (index == 99)
		for (;;)
			pause();
	if (index % 20 == 4)
		raise(SIGKILL);
	if (index % 10 == 7)
		return brood_fail(task, 1, "Odd", "item %zu", index);
	return brood_reply(task, &index, sizeof index);
}

static enum brood_outcome expected(size_t index)
{
	return index == 99 ? BROOD_TIMEOUT : index % 20 == 4 ? BROOD_ABORT : index % 10 == 7 ? BROOD_FAIL : BROOD_SUCCESS;
}

static size_t numbers[COUNT];

static void begin_story(const struct brood_options *options)
{
	memset(&story, 0, sizeof story);
	for (size_t i = 0; i < COUNT; i++)
		numbers[i] = i;
	story.thread = pthread_self();
	story.since = support_now();
	story.cancel_at = SIZE_MAX;
	ck_assert_int_eq(brood_pool_new(&story.pool, do_badly, NULL, options), 0);
	ck_assert_int_eq(story.told[INIT], 0);
	ck_assert_int_eq(brood_pool_spawn(story.pool, 0), WORKERS);
	ck_assert(story.told[INIT] == 1 && story.told[SPAWN] == WORKERS && story.living == WORKERS);
}

static void end_story(void)
{
	ck_assert_int_eq(brood_pool_cleanup(story.pool), 0);
	ck_assert_int_eq(story.told[CLEANUP], 1);
	ck_assert_int_eq(story.told[SPAWN], story.told[EXIT]);
	/* Once, and for another spawn once more. */
	ck_assert_int_eq(brood_pool_cleanup(story.pool), 0);
	ck_assert_int_eq(story.told[CLEANUP], 1);
	ck_assert_int_eq(brood_pool_spawn(story.pool, 1), 1);
	ck_assert_int_eq(story.told[INIT], 2);
	brood_pool_free(story.pool);
	ck_assert_int_eq(story.told[CLEANUP], 2);
	ck_assert_int_eq(story.told[SPAWN], story.told[EXIT]);
}

static void check_items(unsigned attempts)
{
	for (size_t i = 0; i < COUNT; i++) {
		ck_assert_msg(story.items[i].outcomes == 1, "item %zu has %u outcomes", i, story.items[i].outcomes);
		ck_assert_msg(story.items[i].outcome == expected(i), "item %zu: outcome %d", i, story.items[i].outcome);
		ck_assert_uint_eq(story.items[i].begins, expected(i) == BROOD_SUCCESS ? 1 : attempts);
	}
	ck_assert_int_eq(story.told[SUCCESS] + story.told[FAIL] + story.told[ABORT], COUNT);
}

#define OPTIONS(...) BROOD_OPTIONS(.workers = WORKERS, .reporter = &reporter, .grace = -1, __VA_ARGS__)

START_TEST(each_item_is_told_of)
{
	begin_story(OPTIONS(.timeout = LIMIT, .retries = _i ? 1 : 0));
	story.results_accrue = true;
	ck_assert_int_eq(brood_pool_process_array(story.pool, numbers, sizeof *numbers, COUNT), 0);
	check_items(_i ? 2 : 1);
	ck_assert_int_ge(story.told[EXIT], COUNT / 20);
	end_story();
}
END_TEST

START_TEST(each_submitted_item_is_told_of)
{
	begin_story(OPTIONS(.timeout = LIMIT, .retries = 1, .flags = _i ? BROOD_ORDERED : 0));
	size_t taken = 0;
	for (size_t i = 0; i < COUNT; i++)
		ck_assert_int_eq(brood_pool_submit(story.pool, (struct brood_bytes){&numbers[i], sizeof *numbers}), 0);
	struct brood_result result;
	for (; brood_pool_next(story.pool, &result, -1) == 1; taken++)
		ck_assert_uint_eq(story.items[result.index].outcomes, 1);
	ck_assert_uint_eq(taken, COUNT);
	check_items(2);
	end_story();
}
END_TEST

START_TEST(parallelize_reports_too)
{
	brood_results *results;
	memset(&story, 0, sizeof story);
	story.thread = pthread_self();
	story.since = support_now();
	story.cancel_at = SIZE_MAX;
	for (size_t i = 0; i < COUNT; i++)
		numbers[i] = i;
	ck_assert_int_eq(brood_parallelize_array(&results, do_badly, NULL, numbers, sizeof *numbers, COUNT, OPTIONS(.timeout = LIMIT)), 0);
	check_items(1);
	ck_assert(story.told[INIT] == 1 && story.told[CLEANUP] == 1 && story.told[SPAWN] == story.told[EXIT]);
	brood_results_free(results);
}
END_TEST

START_TEST(other_calls_from_a_callback_are_ebusy)
{
	begin_story(OPTIONS(.timeout = LIMIT, .retries = 1));
	story.calls_back = true;
	ck_assert_int_eq(brood_pool_process_array(story.pool, numbers, sizeof *numbers, COUNT), 0);
	check_items(2);
	end_story();
}
END_TEST

/* Each item has its one outcome; those that never began have no begin. */
START_TEST(cancel_from_a_callback)
{
	begin_story(OPTIONS(.timeout = 0));
	story.cancel_at = 20;
	story.results_accrue = true;
	ck_assert_int_eq(brood_pool_process_array(story.pool, numbers, sizeof *numbers, COUNT), 0);
	int canceled = 0;
	for (size_t i = 0; i < COUNT; i++) {
		ck_assert_uint_eq(story.items[i].outcomes, 1);
		if (story.items[i].outcome == BROOD_CANCELED)
			canceled++;
		else
			ck_assert_int_eq(story.items[i].outcome, expected(i));
	}
	/* The one that hangs, at the least. */
	ck_assert_int_ge(canceled, 1);
	end_story();
}
END_TEST

static void count_success(void *context, const struct brood_event *event)
{
	*(int *)context += event->result->outcome == BROOD_SUCCESS;
}

START_TEST(members_that_are_null_are_skipped)
{
	int successes = 0;
	const struct brood_reporter some = {.size = sizeof some, .context = &successes, .success = count_success};
	const struct brood_reporter none = {.size = offsetof(struct brood_reporter, init)};
	brood_results *results;
	ck_assert_int_eq(brood_parallelize_array(&results, reply_index, NULL, NULL, 0, 1000, BROOD_OPTIONS(.reporter = &some)), 0);
	ck_assert_int_eq(successes, 1000);
	brood_results_free(results);
	ck_assert_int_eq(brood_parallelize_array(&results, reply_index, NULL, NULL, 0, 1000, BROOD_OPTIONS(.reporter = &none)), 0);
	ck_assert_uint_eq(brood_results_count(results), 1000);
	brood_results_free(results);
}
END_TEST

/* What a clock needs: how often it was told, and how long it was left alone at the most. */
struct clock {
	int ticks;
	size_t total;
	double last, longest;
};

static void count_tick(void *context, const struct brood_event *event)
{
	struct clock *clock = context;
	ck_assert(event->worker == -1 && !event->pid && !event->result);
	if (clock->ticks++ && event->time - clock->last > clock->longest)
		clock->longest = event->time - clock->last;
	clock->last = event->time;
	clock->total = event->total;
}

static int sleep_a_little(brood_task *task, void *context)
{
	(void)task;
	(void)context;
	support_sleep(0.4);
	return 0;
}

START_TEST(time_passes_while_a_call_is_under_way)
{
	struct clock clock = {0};
	const struct brood_reporter ticking = {.size = sizeof ticking, .context = &clock, .tick = count_tick};
	brood_results *results;
	const struct brood_options *options = BROOD_OPTIONS(.workers = 2, .reporter = &ticking);
	ck_assert_int_eq(brood_parallelize_array(&results, sleep_a_little, NULL, NULL, 0, 2, options), 0);
	brood_results_free(results);
	ck_assert_int_ge(clock.ticks, 4);
	ck_assert_uint_eq(clock.total, 2);
	ck_assert_double_le(clock.longest, support_scale(0.3));
	/* Of a stream nobody knows how many items it has; nor is there a clock between its calls. */
	brood_pool *pool = pool_with(sleep_a_little, NULL, options);
	ck_assert_int_eq(brood_pool_process(pool, NULL, 1), 0);
	ck_assert_int_eq(brood_pool_process(pool, NULL, 2), 0);
	ck_assert_uint_eq(clock.total, 3);
	ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){0}), 0);
	clock.ticks = 0;
	struct brood_result result;
	ck_assert_int_eq(brood_pool_next(pool, &result, -1), 1);
	ck_assert_int_ge(clock.ticks, 2);
	ck_assert_uint_eq(clock.total, 0);
	brood_pool_free(pool);
}
END_TEST

enum { SPEAKERS = 4, LOUD = 300 * 1000 };

/* What was told of what workers wrote: the bytes of each, one behind another. */
struct hearing {
	size_t heard[SPEAKERS + 1], pieces;
	bool ended;
};

static void hear(void *context, const struct brood_event *event)
{
	struct hearing *hearing = context;
	const unsigned char *data = event->output.data;
	ck_assert(event->worker >= 0 && event->worker <= SPEAKERS);
	ck_assert_int_gt(event->pid, 0);
	ck_assert(event->output.size > 0 && !hearing->ended);
	for (size_t i = 0; i < event->output.size; i++)
		ck_assert_uint_eq(data[i], 'a' + (hearing->heard[event->worker] + i) % 26);
	hearing->heard[event->worker] += event->output.size;
	hearing->pieces++;
}

static void stop_hearing(void *context, const struct brood_event *event)
{
	(void)event;
	((struct hearing *)context)->ended = true;
}

/* More than pipes hold, and the last of it right before the end. */
static int speak(brood_task *task, void *context)
{
	static char text[LOUD];
	(void)context;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)('a' + i % 26);
	for (size_t at = 0; at < sizeof text;) {
		ssize_t size = write(STDERR_FILENO, text + at, sizeof text - at);
		ck_assert_int_gt(size, 0);
		at += (size_t)size;
	}
	if (brood_index(task) == 0)
		raise(SIGKILL);
	support_sleep(0.2);
	return 0;
}

START_TEST(what_workers_write_is_told)
{
	struct hearing hearing = {0};
	const struct brood_reporter listening = {.size = sizeof listening, .context = &hearing, .output = hear,
		.cleanup = stop_hearing};
	brood_results *results;
	ck_assert_int_eq(brood_parallelize_array(&results, speak, NULL, NULL, 0, SPEAKERS,
		BROOD_OPTIONS(.workers = SPEAKERS, .reporter = &listening)), 0);
	size_t heard = 0;
	for (size_t i = 0; i <= SPEAKERS; i++)
		heard += hearing.heard[i];
	ck_assert_uint_eq(heard, SPEAKERS * (size_t)LOUD);
	ck_assert(hearing.ended);
	/* And it is kept all the same. */
	struct brood_result killed = record_of(results, 0);
	ck_assert_int_eq(killed.outcome, BROOD_ABORT);
	ck_assert_uint_gt(strlen(killed.failure->output), 1000);
	brood_results_free(results);
}
END_TEST

/* A program that was compiled when a reporter had fewer members. */
START_TEST(an_older_reporter_goes_on_working)
{
	int successes = 0;
	const struct brood_reporter some = {.size = offsetof(struct brood_reporter, tick), .context = &successes,
		.success = count_success, .tick = count_success, .output = count_success};
	brood_results *results;
	ck_assert_int_eq(brood_parallelize_array(&results, reply_index, NULL, NULL, 0, 10, BROOD_OPTIONS(.reporter = &some)), 0);
	ck_assert_int_eq(successes, 10);
	brood_results_free(results);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool reporter");
	TCase *all = support_case(suite, "all", 30);
	tcase_add_loop_test(all, each_item_is_told_of, 0, 2);
	tcase_add_loop_test(all, each_submitted_item_is_told_of, 0, 2);
	tcase_add_test(all, parallelize_reports_too);
	tcase_add_test(all, other_calls_from_a_callback_are_ebusy);
	tcase_add_test(all, cancel_from_a_callback);
	tcase_add_test(all, members_that_are_null_are_skipped);
	tcase_add_test(all, time_passes_while_a_call_is_under_way);
	tcase_add_test(all, an_older_reporter_goes_on_working);
	tcase_add_test(all, what_workers_write_is_told);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
