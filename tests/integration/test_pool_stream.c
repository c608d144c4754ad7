/* SPDX-License-Identifier: MIT */
/* Items one by one: brood_pool_submit and brood_pool_next. */
#include "stream.h"

#include <signal.h>
#include <stdatomic.h>

START_TEST(each_result_is_given_once)
{
	enum { COUNT = 3000 };
	static bool seen[COUNT];
	const bool ordered = _i % 2, large = _i / 2;
	brood_pool *pool = pool_with(reply_late, NULL, BROOD_OPTIONS(.workers = 3, .window = large ? 0 : 64,
				     .flags = ordered ? BROOD_ORDERED : 0));
	uint64_t submitted = 0, taken = 0;
	must_end(pool);
	while (taken < COUNT) {
		int error = 0;
		while (submitted < COUNT && !(error = submit_number(pool, ~submitted)))
			submitted++;
		ck_assert(!error || error == -EAGAIN);
		struct brood_result result = must_next(pool);
		ck_assert_uint_lt(result.index, submitted);
		ck_assert(!seen[result.index]);
		seen[result.index] = true;
		if (ordered)
			ck_assert_uint_eq(result.index, taken);
		is_number(result, ~(uint64_t)result.index);
		ck_assert_uint_eq(result.attempts, 1);
		taken++;
	}
	must_end(pool);
	/* They do not accrue. */
	ck_assert_uint_eq(brood_results_count(brood_pool_results(pool)), 0);
	brood_pool_free(pool);
}
END_TEST

static int wait_if_first(brood_task *task, void *context)
{
	volatile bool *go = context;
	while (brood_index(task) == 0 && !*go)
		support_sleep(0.001);
	return reply_item(task, NULL);
}

START_TEST(results_come_as_they_complete)
{
	volatile bool *go = shared_memory(sizeof *go);
	brood_pool *pool = pool_with(wait_if_first, (void *)(uintptr_t)go, BROOD_OPTIONS(.workers = 2));
	for (uint64_t i = 0; i < 10; i++)
		must_submit(pool, i);
	for (int i = 1; i < 10; i++)
		ck_assert_uint_ne(must_next(pool).index, 0);
	struct brood_result result;
	ck_assert_int_eq(brood_pool_next(pool, &result, 0), -ETIMEDOUT);
	*go = true;
	is_number(must_next(pool), 0);
	must_end(pool);
	brood_pool_free(pool);
}
END_TEST

START_TEST(next_keeps_to_its_limit)
{
	volatile bool *go = shared_memory(sizeof *go);
	brood_pool *pool = pool_with(wait_if_first, (void *)(uintptr_t)go, BROOD_OPTIONS(.workers = 1, .flags = BROOD_ORDERED));
	struct brood_result result = {.index = 99};
	must_submit(pool, 0);
	must_submit(pool, 1);
	double begin = support_now();
	ck_assert_int_eq(brood_pool_next(pool, &result, 0), -ETIMEDOUT);
	ck_assert_double_lt(support_now() - begin, support_scale(0.5));
	begin = support_now();
	ck_assert_int_eq(brood_pool_next(pool, &result, 0.1), -ETIMEDOUT);
	ck_assert_double_ge(support_now() - begin, 0.1);
	ck_assert_double_lt(support_now() - begin, support_scale(2));
	ck_assert_uint_eq(result.index, 99);
	*go = true;
	ck_assert_int_eq(brood_pool_next(pool, &result, 1e9), 1);
	is_number(result, 0);
	is_number(must_next(pool), 1);
	must_end(pool);
	brood_pool_free(pool);
}
END_TEST

/* --- windows ------------------------------------------------------------------------------------------------------- */

START_TEST(window_bounds_how_far_apart_items_are)
{
	static const size_t windows[][2] = {{1, 1}, {2, 2}, {3, 4}, {10, 16}, {1000, 1024}};
	const size_t bound = windows[_i][1];
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 2, .window = windows[_i][0], .flags = BROOD_ORDERED));
	for (uint64_t i = 0; i < bound; i++)
		must_submit(pool, i);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(submit_number(pool, 99), -EAGAIN);
	for (uint64_t i = 0; i < bound; i++)
		is_number(must_next(pool), i);
	must_end(pool);
	/* Round and round. */
	for (uint64_t i = 0, next = 0; next < 5 * bound; next++) {
		while (i < 5 * bound && !submit_number(pool, i))
			i++;
		ck_assert_uint_le(i - next, bound);
		is_number(must_next(pool), next);
	}
	must_end(pool);
	brood_pool_free(pool);
}
END_TEST

START_TEST(window_of_bytes)
{
	enum { BYTES = 1 << 20 };
	static unsigned char data[BYTES + 1];
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 2, .window_bytes = BYTES));
	ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){data, BYTES + 1}), -EMSGSIZE);
	must_end(pool);
	for (size_t round = 0; round < 5; round++) {
		/* The whole of it, and then by halves. */
		fill(data, 3 * round, BYTES);
		ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){data, BYTES}), 0);
		ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){data, 25}), -EAGAIN);
		struct brood_result result = must_next(pool);
		ck_assert(result.value.size == BYTES && result.item.size == BYTES && is_filled(result.value, 3 * round));
		must_end(pool);
		for (size_t half = 1; half <= 2; half++) {
			fill(data, 3 * round + half, BYTES / 2);
			ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){data, BYTES / 2}), 0);
		}
		ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){data, 25}), -EAGAIN);
		memset(data, 0, BYTES);
		for (int half = 0; half < 2; half++) {
			result = must_next(pool);
			ck_assert(result.value.size == BYTES / 2 && is_filled(result.value, result.index));
		}
		must_end(pool);
	}
	brood_pool_free(pool);
}
END_TEST

/* Whatever else is to be said of the window, and however short the items. */
START_TEST(item_that_is_wrong_is_refused_at_once)
{
	const uint64_t number = 1;
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 1, .window = 2048, .window_bytes = 4));
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){&number, 4}), 0);
		ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){&number, sizeof number}), -EMSGSIZE);
		ck_assert_uint_eq(must_next(pool).value.size, 4);
	}
	int error;
	while (!(error = brood_pool_submit(pool, (struct brood_bytes){&number, 4})))
		;
	ck_assert_int_eq(error, -EAGAIN);
	ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){&number, 5}), -EMSGSIZE);
	ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){NULL, 4}), -EINVAL);
	brood_pool_free(pool);
	pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 1, .window = 2048));
	while (!(error = submit_number(pool, number)))
		;
	ck_assert_int_eq(error, -EAGAIN);
	ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){NULL, sizeof number}), -EINVAL);
	ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){&number, SIZE_MAX}), -EMSGSIZE);
	brood_pool_free(pool);
}
END_TEST

START_TEST(items_of_any_size)
{
	enum { COUNT = 2000 };
	static const size_t sizes[] = {0, 1, 8, 23, 24, 25, 26, 100, 4095, 4097, 100000};
	static unsigned char data[100000];
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 2, .window = 256, .window_bytes = 1 << 20));
	size_t submitted = 0, taken = 0;
	while (taken < COUNT) {
		int error = 0;
		while (submitted < COUNT && !error) {
			size_t size = sizes[submitted * 7 % (sizeof sizes / sizeof *sizes)];
			fill(data, submitted, size);
			error = brood_pool_submit(pool, (struct brood_bytes){data, size});
			submitted += !error;
		}
		ck_assert(!error || error == -EAGAIN);
		struct brood_result result;
		/* The bytes of the record that was given last are the pool's again with the next call, even if it gives none. */
		int got = brood_pool_next(pool, &result, -1);
		ck_assert_int_eq(got, submitted > taken);
		if (!got)
			continue;
		taken++;
		ck_assert_int_eq(result.outcome, BROOD_SUCCESS);
		ck_assert_uint_eq(result.value.size, sizes[result.index * 7 % (sizeof sizes / sizeof *sizes)]);
		ck_assert_uint_eq(result.item.size, result.value.size);
		ck_assert(is_filled(result.item, result.index) && is_filled(result.value, result.index));
	}
	must_end(pool);
	brood_pool_free(pool);
}
END_TEST

static size_t resident_kilobytes(void)
{
	char line[128];
	size_t kilobytes = 0;
	FILE *file = fopen("/proc/self/status", "re");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof line, file))
		if (sscanf(line, "VmRSS: %zu", &kilobytes) == 1)
			break;
	fclose(file);
	return kilobytes;
}

enum { VALUE = 10000 };

static int reply_10_kB(brood_task *task, void *context)
{
	unsigned char *data = brood_reply_reserve(task, VALUE);
	(void)context;
	if (!data)
		return 1;
	memset(data, (int)(brood_index(task) % 255 + 1), VALUE);
	return 0;
}

START_TEST(memory_does_not_grow)
{
	enum { COUNT = 100000 };
	const size_t count = (size_t)rounds(COUNT);
	brood_pool *pool = pool_with(reply_10_kB, NULL, BROOD_OPTIONS(.workers = 2, .window = 1024));
	size_t before = resident_kilobytes(), most = 0;
	for (size_t submitted = 0, taken = 0; taken < count; taken++) {
		while (submitted < count && !brood_pool_submit(pool, (struct brood_bytes){0}))
			submitted++;
		struct brood_result result = must_next(pool);
		ck_assert_int_eq(result.outcome, BROOD_SUCCESS);
		ck_assert_uint_eq(result.value.size, VALUE);
		const unsigned char *value = result.value.data;
		ck_assert(value[0] == result.index % 255 + 1 && value[VALUE - 1] == value[0] && value[VALUE / 2] == value[0]);
		if (taken % 1000 == 0 && resident_kilobytes() > most)
			most = resident_kilobytes();
	}
	must_end(pool);
	if (!RUNNING_ON_VALGRIND)
		ck_assert_msg(most - before < 200000, "%zu kB more", most - before);
	brood_pool_free(pool);
}
END_TEST

/* --- what goes wrong, and what comes between ----------------------------------------------------------------------- */

static int die_or_fail(brood_task *task, void *context)
{
	if (brood_index(task) % 40 == 7)
		raise(SIGKILL);
	if (brood_index(task) % 40 == 11)
		return brood_fail(task, 3, "Odd", "item %zu, attempt %u", brood_index(task), brood_attempt(task));
	return reply_item(task, context);
}

START_TEST(every_submitted_item_has_a_record)
{
	enum { COUNT = 400 };
	brood_pool *pool = pool_with(die_or_fail, NULL, BROOD_OPTIONS(.workers = 2, .retries = (unsigned)_i, .flags = BROOD_ORDERED));
	for (uint64_t i = 0; i < COUNT; i++)
		must_submit(pool, i);
	for (uint64_t i = 0; i < COUNT; i++) {
		struct brood_result result = must_next(pool);
		char message[64];
		ck_assert_uint_eq(result.index, i);
		if (i % 40 == 7) {
			ck_assert_int_eq(result.outcome, BROOD_ABORT);
			ck_assert_int_eq(result.status->signal, SIGKILL);
		} else if (i % 40 == 11) {
			snprintf(message, sizeof message, "item %d, attempt %d", (int)i, _i + 1);
			ck_assert_int_eq(result.outcome, BROOD_FAIL);
			ck_assert_str_eq(result.failure->message, message);
		} else {
			is_number(result, i);
		}
		ck_assert_uint_eq(result.attempts, i % 40 == 7 || i % 40 == 11 ? 1 + (unsigned)_i : 1);
	}
	must_end(pool);
	brood_pool_free(pool);
}
END_TEST

START_TEST(process_between_streams)
{
	brood_pool *pool = pool_with(reply_item, NULL, BROOD_OPTIONS(.workers = 2, .window = 32));
	size_t count = 0;
	for (uint64_t round = 0; round < 20; round++) {
		uint64_t numbers[] = {round, round + 1, round + 2};
		for (uint64_t i = 0; i < 1 + round; i++)
			must_submit(pool, 100 * round + i);
		ck_assert_int_eq(brood_pool_process_array(pool, numbers, sizeof *numbers, 3), -EBUSY);
		ck_assert_int_eq(brood_pool_process(pool, NULL, 1), -EBUSY);
		for (uint64_t i = 0; i < 1 + round; i++)
			ck_assert_int_eq(must_next(pool).outcome, BROOD_SUCCESS);
		ck_assert_int_eq(brood_pool_process_array(pool, numbers, sizeof *numbers, 3), 0);
		count += 3;
		ck_assert_uint_eq(brood_results_count(brood_pool_results(pool)), count);
		for (uint64_t i = 0; i < 3; i++)
			is_number(pool_record(pool, count - 3 + i), numbers[i]);
		must_end(pool);
	}
	brood_pool_free(pool);
}
END_TEST

static int reply_filled(brood_task *task, void *context)
{
	unsigned char value[100];
	uint64_t number;
	(void)context;
	memcpy(&number, brood_item(task).data, sizeof number);
	fill(value, number, sizeof value);
	return brood_reply(task, value, sizeof value);
}

/* Values that are too long for their places are not written over by those of a stream, nor of the batches after it. */
START_TEST(results_outlast_streams)
{
	enum { ITEMS = 200, ROUNDS = 4 };
	brood_pool *pool = pool_with(reply_filled, NULL, BROOD_OPTIONS(.workers = 2));
	for (uint64_t round = 0; round < ROUNDS; round++) {
		uint64_t numbers[ITEMS];
		for (uint64_t i = 0; i < ITEMS; i++)
			numbers[i] = round * ITEMS + i;
		ck_assert_int_eq(brood_pool_process_array(pool, numbers, sizeof *numbers, ITEMS), 0);
		if (round == 2) {
			ck_assert_int_eq(brood_pool_cleanup(pool), 0);
			ck_assert_int_ge(brood_pool_spawn(pool, 0), 1);
		}
		for (uint64_t i = 0; i < ITEMS; i++)
			must_submit(pool, ~i);
		for (uint64_t i = 0; i < ITEMS; i++) {
			const struct brood_result result = must_next(pool);
			uint64_t number;
			memcpy(&number, result.item.data, sizeof number);
			ck_assert(result.value.size == 100 && is_filled(result.value, number));
		}
	}
	for (uint64_t i = 0; i < ROUNDS * ITEMS; i++)
		ck_assert_msg(is_filled(pool_record(pool, i).value, i), "item %zu", (size_t)i);
	brood_pool_free(pool);
}
END_TEST

START_TEST(cleanup_gives_up_what_was_submitted)
{
	brood_pool *pool = pool_with(reply_late, NULL, BROOD_OPTIONS(.workers = 2));
	for (int round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < 1000; i++)
			must_submit(pool, i);
		must_next(pool);
		ck_assert_int_eq(brood_pool_cleanup(pool), 0);
		ck_assert_int_eq(brood_pool_spawn(pool, 0), 2);
		must_end(pool);
		must_submit(pool, 77);
		is_number(must_next(pool), 77);
		must_end(pool);
	}
	must_submit(pool, 1);
	brood_pool_free(pool);
}
END_TEST

static int free_outer(brood_task *task, void *context)
{
	brood_pool **outer = context;
	brood_pool_free(*outer);
	*outer = NULL;
	return reply_item(task, context);
}

/* A worker's copy of the pool that it works for is one that may be freed, as any is. */
START_TEST(worker_may_free_its_copy)
{
	static brood_pool *pool;
	ck_assert_int_eq(brood_pool_new(&pool, free_outer, &pool, BROOD_OPTIONS(.workers = 2)), 0);
	ck_assert_int_eq(brood_pool_spawn(pool, 0), 2);
	for (uint64_t i = 0; i < 50; i++)
		must_submit(pool, i);
	for (int i = 0; i < 50; i++) {
		struct brood_result result = must_next(pool);
		is_number(result, result.index);
	}
	must_end(pool);
	brood_pool_free(pool);
}
END_TEST

/* --- memory -------------------------------------------------------------------------------------------------------- */

static size_t shared_kibibytes(void)
{
	char line[256];
	size_t size = 0;
	FILE *file = fopen("/proc/self/status", "re");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof line, file))
		if (sscanf(line, "RssShmem: %zu", &size) == 1)
			break;
	fclose(file);
	return size;
}

enum { PIECES = 60000 };

/* From nothing to some thousand bytes, and now and then 300 KB. */
static size_t piece_size(size_t index)
{
	return index % 1000 == 999 ? 300000 : index * 7919 % 4001;
}

static int check_piece(brood_task *task, void *context)
{
	const struct brood_bytes item = brood_item(task);
	const size_t index = brood_index(task);
	(void)context;
	if (item.size != piece_size(index))
		return 1;
	for (size_t at = 0; at < item.size; at += 97)
		if (((const unsigned char *)item.data)[at] != pattern(index, at))
			return 2;
	return 0;
}

/* Though 64 MiB may be under way, no more is held than has been. */
START_TEST(memory_is_for_what_is_under_way)
{
	static unsigned char data[300000];
	const size_t before = shared_kibibytes();
	brood_pool *pool = pool_with(check_piece, NULL, BROOD_OPTIONS(.workers = 2, .window = 64, .flags = _i ? BROOD_ORDERED : 0));
	struct brood_result result;
	for (size_t submitted = 0, taken = 0; taken < PIECES; taken++) {
		for (; submitted < PIECES; submitted++) {
			const size_t size = piece_size(submitted);
			for (size_t at = 0; at < size; at++)
				data[at] = pattern(submitted, at);
			int error = brood_pool_submit(pool, (struct brood_bytes){data, size});
			if (error == -EAGAIN)
				break;
			ck_assert_int_eq(error, 0);
		}
		ck_assert_int_eq(brood_pool_next(pool, &result, -1), 1);
		if (result.outcome != BROOD_SUCCESS || result.item.size != piece_size(result.index))
			ck_abort_msg("item %zu: outcome %d, %zu bytes", result.index, result.outcome, result.item.size);
	}
	ck_assert_uint_lt(shared_kibibytes() - before, 16 * 1024);
	brood_pool_free(pool);
}
END_TEST

/* Every third attempt at first fails; the rest reply what they got, to which each spawn gives other bytes. */
static int reply_or_fail(brood_task *task, void *context)
{
	const struct brood_bytes item = brood_item(task);
	(void)context;
	if (brood_index(task) % 3 == 1 && brood_attempt(task) == 1)
		return 1;
	return brood_reply(task, item.data, item.size);
}

/* Nor does a stream leave memory behind, or anything that the one after the next spawn would take for its own. */
START_TEST(each_spawn_has_a_new_stream)
{
	enum { SPAWNS = 60, EARLY = 10, ITEMS = 900, SIZE = 900 };
	const unsigned flags[] = {0, BROOD_ORDERED, BROOD_COSTS, BROOD_INSIDE};
	brood_pool *pool;
	ck_assert_int_eq(brood_pool_new(&pool, reply_or_fail, NULL, BROOD_OPTIONS(.workers = 2, .retries = 1, .window = 1024,
			 .flags = flags[_i])), 0);
	size_t early = 0;
	for (int spawn = 0; spawn < SPAWNS; spawn++) {
		unsigned char data[SIZE];
		ck_assert_int_ge(brood_pool_spawn(pool, 0), 1);
		for (size_t i = 0; i < ITEMS; i++) {
			memset(data, spawn + (int)(i % 100), sizeof data);
			ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){data, sizeof data - i % 100}), 0);
		}
		/* Now and then most are given up. */
		const size_t taken = spawn % 5 ? ITEMS : 30;
		for (size_t i = 0; i < taken; i++) {
			const struct brood_result result = must_next(pool);
			memset(data, spawn + (int)(result.index % 100), sizeof data);
			ck_assert_uint_lt(result.index, ITEMS);
			ck_assert_int_eq(result.outcome, BROOD_SUCCESS);
			ck_assert_uint_eq(result.attempts, 1 + (result.index % 3 == 1));
			ck_assert_uint_eq(result.value.size, sizeof data - result.index % 100);
			ck_assert_mem_eq(result.value.data, data, result.value.size);
		}
		if (taken == ITEMS)
			must_end(pool);
		ck_assert_int_eq(brood_pool_cleanup(pool), 0);
		early = spawn < EARLY ? shared_kibibytes() : early;
	}
	ck_assert_uint_le(shared_kibibytes(), early + 512);
	brood_pool_free(pool);
}
END_TEST

/* Longer items find room also behind short ones. */
START_TEST(each_spawn_has_room)
{
	static const char data[1000];
	brood_pool *pool;
	ck_assert_int_eq(brood_pool_new(&pool, reply_item, NULL, BROOD_OPTIONS(.workers = 1, .window = 16, .window_bytes = 4096)), 0);
	for (size_t spawn = 0; spawn < 8; spawn++) {
		ck_assert_int_eq(brood_pool_spawn(pool, 0), 1);
		for (size_t i = 0; i < 40; i++) {
			const size_t size = i < 5 * (spawn % 4) ? 8 : sizeof data;
			ck_assert_int_eq(brood_pool_submit(pool, (struct brood_bytes){data, size}), 0);
			ck_assert_uint_eq(must_next(pool).value.size, size);
		}
		must_end(pool);
		ck_assert_int_eq(brood_pool_cleanup(pool), 0);
	}
	brood_pool_free(pool);
}
END_TEST

enum { EVERY = 100000, PAIRS = 5 };

/* Of each EVERY items, which are more than the window, two need one another: that in the middle waits for that behind it. */
static int pair_up(brood_task *task, void *context)
{
	atomic_bool *met = context;
	const size_t index = brood_index(task), pair = index / EVERY;
	if (index % EVERY == EVERY / 2 + 1)
		atomic_store(&met[pair], true);
	if (index % EVERY != EVERY / 2)
		return reply_index(task, NULL);
	for (int i = 0; i < 5000 && !atomic_load(&met[pair]); i++)
		support_sleep(0.001);
	return atomic_load(&met[pair]) ? reply_index(task, NULL) : 1;
}

/* Submits what there is room for, and takes records until all before end have been given. An assertion takes longer than an item. */
static void drive(brood_pool *pool, uint64_t *submitted, uint64_t taken, uint64_t end)
{
	for (; taken < end; taken++) {
		int error = 0;
		while (*submitted < end && !(error = submit_number(pool, *submitted)))
			++*submitted;
		struct brood_result result;
		if ((error && error != -EAGAIN) || brood_pool_next(pool, &result, -1) != 1)
			ck_abort_msg("%d, and %zu taken", error, (size_t)taken);
		if (result.outcome != BROOD_SUCCESS)
			ck_abort_msg("item %zu waited in vain for the one behind it", result.index);
	}
}

/* While items are so short that one worker does them alone, the other rests; but it is there for what waits behind a long one. */
START_TEST(who_rests_comes_back)
{
	atomic_bool *met = shared_memory(PAIRS * sizeof *met);
	brood_pool *pool = pool_with(pair_up, met, BROOD_OPTIONS(.workers = 2, .flags = _i ? BROOD_ORDERED : 0));
	uint64_t submitted = 0;
	drive(pool, &submitted, 0, PAIRS * EVERY);
	must_end(pool);
	brood_pool_free(pool);
	munmap(met, PAIRS * sizeof *met);
}
END_TEST

/* Also where the host is away from now on. */
START_TEST(who_rests_needs_no_host)
{
	enum { FIRST = 3 * EVERY + EVERY / 2, LAST = FIRST + 100 };
	atomic_bool *met = shared_memory(PAIRS * sizeof *met);
	brood_pool *pool = pool_with(pair_up, met, BROOD_OPTIONS(.workers = 2));
	uint64_t submitted = 0;
	drive(pool, &submitted, 0, FIRST);
	while (submitted < LAST)
		must_submit(pool, submitted++);
	for (int i = 0; i < 3000 && !atomic_load(&met[3]); i++)
		support_sleep(0.001);
	ck_assert(atomic_load(&met[3]));
	drive(pool, &submitted, FIRST, LAST);
	must_end(pool);
	brood_pool_free(pool);
	munmap(met, PAIRS * sizeof *met);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool stream");
	TCase *next = support_case(suite, "next", 30);
	tcase_add_loop_test(next, each_result_is_given_once, 0, 4);
	tcase_add_test(next, results_come_as_they_complete);
	tcase_add_test(next, next_keeps_to_its_limit);
	TCase *window = support_case(suite, "window", 60);
	tcase_add_loop_test(window, window_bounds_how_far_apart_items_are, 0, 5);
	tcase_add_test(window, window_of_bytes);
	tcase_add_test(window, item_that_is_wrong_is_refused_at_once);
	tcase_add_test(window, items_of_any_size);
	tcase_add_test(window, memory_does_not_grow);
	TCase *between = support_case(suite, "between", 30);
	tcase_add_loop_test(between, every_submitted_item_has_a_record, 0, 3);
	tcase_add_test(between, process_between_streams);
	tcase_add_test(between, results_outlast_streams);
	tcase_add_test(between, cleanup_gives_up_what_was_submitted);
	tcase_add_test(between, worker_may_free_its_copy);
	tcase_add_loop_test(between, who_rests_comes_back, 0, 2);
	tcase_add_loop_test(between, who_rests_needs_no_host, 0, 5);
	tcase_add_loop_test(between, memory_is_for_what_is_under_way, 0, 2);
	tcase_add_loop_test(between, each_spawn_has_a_new_stream, 0, 4);
	tcase_add_test(between, each_spawn_has_room);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
