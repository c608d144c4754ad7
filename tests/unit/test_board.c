/* SPDX-License-Identifier: MIT */
/* What workers and the host do to the board, by threads in one process; and the host's books beside it. */
#include "traffic.h"

#include "base/clock.h"
#include "pool/backlog.h"
#include "pool/board.h"
#include "pool/items.h"
#include "pool/record.h"
#include "pool/stopwatch.h"

#include <math.h>

enum { LINES = 4 };

static struct board *board;

static struct board *new_board(void)
{
	size_t size = (board_size(LINES) + 127) / 128 * 128;
	struct board *made = aligned_alloc(128, size);
	MUST(made);
	memset(made, 0, size);
	return made;
}

static bool is_range(struct board_range range, uint32_t begin, uint32_t end)
{
	return range.begin == begin && range.end == end;
}

/* --- steps by hand ------------------------------------------------------------------------------------------------- */

START_TEST(gifts_that_follow_each_other_are_one)
{
	board = new_board();
	struct board_line *line = &board->line[0];
	MUST(!board_offers(board, LINES));
	MUST(board_give(line, (struct board_range){10, 20}));
	MUST(board_offers(board, LINES));
	MUST(board_give(line, (struct board_range){20, 25}));
	MUST(!board_give(line, (struct board_range){26, 30}));
	MUST(!board_give(line, (struct board_range){5, 10}));
	MUST(is_range(board_unpack(atomic_load(&line->gift)), 10, 25));
	MUST(board_refill(board, LINES, 0));
	MUST(board_give(line, (struct board_range){26, 30}));
	MUST(is_range(board_unpack(atomic_load(&line->range)), 10, 25));
	free(board);
}
END_TEST

START_TEST(numbers_wrap)
{
	board = new_board();
	struct board_line *line = &board->line[0];
	uint32_t count = UINT32_MAX - 1, item;
	MUST(board_give(line, (struct board_range){UINT32_MAX - 2, 0}));
	MUST(board_give(line, (struct board_range){0, 5}));
	MUST(board_refill(board, LINES, 1));
	for (uint32_t i = UINT32_MAX - 2; i != 5; i++) {
		MUST(board_take(&board->line[1], &count, &item));
		MUST(item == i);
		MUST(count);
		MUST(board_guilty(&board->line[1], &item) && item == i);
	}
	MUST(!board_take(&board->line[1], &count, &item));
	free(board);
}
END_TEST

START_TEST(who_has_none_takes_the_back_half)
{
	board = new_board();
	atomic_store(&board->line[0].range, board_pack(0, 7));
	MUST(board_refill(board, LINES, 2));
	MUST(is_range(board_unpack(atomic_load(&board->line[0].range)), 0, 3));
	MUST(is_range(board_unpack(atomic_load(&board->line[2].range)), 3, 7));
	/* The last one as well; and while the board is frozen nothing. */
	atomic_store(&board->line[2].range, 0);
	atomic_store(&board->line[0].range, board_pack(5, 6));
	atomic_store(&board->frozen, 1);
	MUST(!board_refill(board, LINES, 1));
	atomic_store(&board->frozen, 0);
	MUST(board_refill(board, LINES, 1));
	MUST(is_range(board_unpack(atomic_load(&board->line[0].range)), 5, 5));
	MUST(!board_refill(board, LINES, 3) || is_range(board_unpack(atomic_load(&board->line[3].range)), 5, 6));
	free(board);
}
END_TEST

START_TEST(a_strip_keeps_begin)
{
	board = new_board();
	struct board_line *line = &board->line[0];
	struct board_range held[2];
	uint32_t count = 0, item;
	atomic_store(&line->range, board_pack(5, 9));
	MUST(board_give(line, (struct board_range){20, 22}));
	MUST(board_take(line, &count, &item) && item == 5);
	board_strip(line, held);
	MUST(is_range(held[0], 6, 9) && is_range(held[1], 20, 22));
	MUST(is_range(board_unpack(atomic_load(&line->range)), 6, 6));
	MUST(!board_offers(board, LINES));
	MUST(board_guilty(line, &item) && item == 5);
	free(board);
}
END_TEST

START_TEST(guilty_is_what_was_taken)
{
	board = new_board();
	struct board_line *line = &board->line[0];
	struct board_range held[2];
	uint32_t item = 77;
	MUST(!board_guilty(line, &item));
	/* Said, and not taken; then taken from behind by another; then by the host. */
	atomic_store(&line->range, board_pack(5, 6));
	atomic_store(&line->running, UINT64_C(1) << 32 | 5);
	MUST(!board_guilty(line, &item));
	MUST(board_refill(board, LINES, 1));
	MUST(!board_guilty(line, &item));
	board_strip(line, held);
	MUST(!board_guilty(line, &item) && item == 77);
	/* Taken. */
	atomic_store(&line->range, board_pack(6, 6));
	MUST(board_guilty(line, &item) && item == 5);
	/* Item 0, of the first attempt. */
	atomic_store(&line->range, board_pack(1, 9));
	atomic_store(&line->running, UINT64_C(1) << 32);
	MUST(board_guilty(line, &item) && item == 0);
	free(board);
}
END_TEST

/* --- threads ------------------------------------------------------------------------------------------------------- */

static _Atomic uint8_t *seen;
static _Atomic uint32_t done;
static atomic_bool over;
static uint32_t base, numbers;

static void *worker(void *context)
{
	const uint32_t number = (uint32_t)(uintptr_t)context;
	struct board_line *line = &board->line[number];
	uint32_t count = 0, item;
	while (!atomic_load(&over)) {
		while (board_take(line, &count, &item)) {
			MUST(item - base < numbers);
			MUST(!atomic_fetch_add(&seen[item - base], 1));
			atomic_fetch_add(&done, 1);
		}
		if (!board_refill(board, LINES, number))
			sched_yield();
	}
	return NULL;
}

/* On a still board what has been given is done, or in a line, or in the hands of a worker, of which each has one item. */
static void look(uint32_t given)
{
	static const bool living[LINES] = {true, true, true, true};
	atomic_store(&board->frozen, 1);
	while (!board_still(board, LINES, living))
		sched_yield();
	uint32_t before = atomic_load(&done), held = 0;
	for (int i = 0; i < LINES; i++)
		held += board_left(board_unpack(atomic_load(&board->line[i].gift))) + board_left(board_unpack(atomic_load(&board->line[i].range)));
	uint32_t after = atomic_load(&done);
	MUST(given - held >= before && given - held <= after + LINES);
	atomic_store(&board->frozen, 0);
}

START_TEST(each_number_is_taken_once)
{
	pthread_t threads[LINES];
	traffic_ready_threads();
	board = new_board();
	numbers = 1000000 / traffic_slow();
	base = UINT32_MAX - numbers / 2;
	seen = calloc(numbers, 1);
	uint64_t random = 5;
	uint32_t next = 0;
	struct board_range back[2 * 1024];
	size_t backs = 0;
	for (uintptr_t i = 0; i < LINES; i++)
		MUST(!pthread_create(&threads[i], NULL, worker, (void *)i));
	for (uint32_t turn = 1; next < numbers || backs || atomic_load(&done) < numbers; turn++) {
		struct board_line *line = &board->line[traffic_below(&random, LINES)];
		uint32_t size = (uint32_t)traffic_below(&random, 3000) + 1, rest = numbers - next;
		struct board_range some = {base + next, base + next + (size < rest ? size : rest)};
		if (backs && board_give(line, back[backs - 1]))
			backs--;
		else if (rest && board_give(line, some))
			next += board_left(some);
		if (turn % 16 == 0 && backs + 2 <= sizeof back / sizeof *back) {
			struct board_range held[2];
			board_strip(line, held);
			for (int i = 0; i < 2; i++)
				if (board_left(held[i]))
					back[backs++] = held[i];
		}
		uint32_t here = 0;
		for (size_t i = 0; i < backs; i++)
			here += board_left(back[i]);
		if (turn % 64 == 0)
			look(next - here);
	}
	atomic_store(&over, true);
	for (int i = 0; i < LINES; i++)
		pthread_join(threads[i], NULL);
	for (uint32_t i = 0; i < numbers; i++)
		MUST(seen[i] == 1);
	free(seen);
	free(board);
}
END_TEST

/* --- the host's books ---------------------------------------------------------------------------------------------- */

static void spin(uint64_t nanoseconds)
{
	for (uint64_t end = clock_nanoseconds() + nanoseconds; clock_nanoseconds() < end;)
		;
}

/* An item has ended: whether there are times to note. */
static bool lap_of(struct stopwatch *watch, struct lap *lap)
{
	return stopwatch_due(watch) && stopwatch_look(watch, lap);
}

START_TEST(long_items_are_timed_and_runs_of_short_ones_are_not)
{
	struct stopwatch watch;
	struct lap lap;
	_Atomic uint32_t tick = 0;
	stopwatch_init(&watch, &tick, false);
	/* The rate of the ticks is known the better the longer it has been measured. */
	spin(2000000);
	stopwatch_start(&watch);
	/* Now and then the processor is another's between two looks at the clock. */
	int exact = 0;
	for (int i = 0; i < 5; i++) {
		uint64_t began = clock_nanoseconds();
		spin(3000000);
		MUST(lap_of(&watch, &lap));
		uint64_t took = clock_nanoseconds() - began;
		MUST(lap.items == 1);
		exact += fabs((double)lap.span - (double)took) < 0.1 * (double)took &&
			 fabs((double)lap.began - (double)began) < 0.1 * (double)took;
		stopwatch_start(&watch);
	}
	MUST(exact >= 3);
	int timed = 0, wanted = 0;
	for (int i = 0; i < 100000; i++) {
		timed += lap_of(&watch, &lap);
		if (watch.credit == 1) {
			stopwatch_start(&watch);
			wanted += watch.credit > 1;
		}
	}
	MUST(timed < 1000);
	MUST(wanted >= 1);
	/* A long one among them gets the time since the last look, where the host has ticked. */
	while (watch.credit == 1 || watch.since) {
		lap_of(&watch, &lap);
		if (watch.credit == 1)
			stopwatch_start(&watch);
	}
	spin(2000000);
	atomic_fetch_add(&tick, 1);
	MUST(lap_of(&watch, &lap));
	MUST(lap.items == 1 && lap.span > 1800000);
}
END_TEST

START_TEST(exact_times_each)
{
	struct stopwatch watch;
	struct lap lap;
	_Atomic uint32_t tick = 0;
	stopwatch_init(&watch, &tick, true);
	for (int i = 0; i < 1000; i++) {
		stopwatch_start(&watch);
		MUST(lap_of(&watch, &lap) && lap.items == 1);
	}
}
END_TEST

START_TEST(backlog_joins_what_follows)
{
	struct backlog backlog = {0};
	MUST(isinf(backlog_due(&backlog)));
	GIVES(backlog_add(&backlog, (struct board_range){3, 3}, 0), 0);
	GIVES(backlog.count, 0);
	GIVES(backlog_add(&backlog, (struct board_range){UINT32_MAX - 1, 0}, 0), 0);
	GIVES(backlog_add(&backlog, (struct board_range){0, 5}, 0), 0);
	GIVES(backlog.count, 1);
	MUST(is_range(backlog.entries[0].range, UINT32_MAX - 1, 5));
	GIVES(backlog_add(&backlog, (struct board_range){5, 6}, 2), 0);
	GIVES(backlog_add(&backlog, (struct board_range){7, 8}, 1), 0);
	GIVES(backlog.count, 3);
	for (uint32_t i = 0; i < 100; i++)
		GIVES(backlog_add(&backlog, (struct board_range){100 + 2 * i, 101 + 2 * i}, 3), 0);
	GIVES(backlog.count, 103);
	MUST(backlog_due(&backlog) <= 0);
	backlog.entries[0].due = 9;
	MUST(fabs(backlog_due(&backlog) - 1) < 1e-9);
	backlog_clear(&backlog);
	GIVES(backlog.count, 0);
}
END_TEST

START_TEST(records_are_found_by_index)
{
	struct records records = {0};
	MUST(!record_find(&records, 1));
	for (size_t i = 0; i < 5000; i++) {
		struct record *record = record_make(&records, i * 64);
		MUST(record && record->index == i * 64 && record_make(&records, i * 64) == record);
		const struct brood_failure failure = {.type = "a", .message = "bcd", .traceback = "", .code = (int)i,
						      .output = "e\0f"};
		GIVES(record_fail(record, &failure, (const size_t[RECORD_STRINGS]){1, 2, 0, 0}), 0);
		GIVES(record_fail(record, &failure, (const size_t[RECORD_STRINGS]){1, 3, 0, 3}), 0);
	}
	GIVES(records.count, 5000);
	for (size_t i = 0; i < 5000; i += 2)
		record_drop(&records, i * 64);
	record_drop(&records, 7);
	for (size_t i = 0; i < 5000; i++) {
		struct record *record = record_find(&records, i * 64);
		MUST(!record == !(i % 2));
		MUST(!record || (record->failure.code == (int)i && !strcmp(record->failure.message, "bcd")));
		MUST(!record || (!strcmp(record->failure.traceback, "") && !strcmp(record->failure.output, "e?f")));
	}
	GIVES(records.count, 2500);
	records_free(&records);
	GIVES(records.count, 0);
}
END_TEST

/* Whatever an entry says, what it gives is among the bytes of items. */
START_TEST(hostile_entries_are_cut_off)
{
	struct region *region;
	struct board_batch batch = {0};
	const struct brood_bytes items[] = {{"first", 5}, {NULL, 0}, {"the third", 9}};
	GIVES(region_new(&region), 0);
	GIVES(items_copy_list(region, &batch, items, 3), 0);
	for (uint32_t i = 0; i < 3; i++) {
		struct brood_bytes item = items_at(region, &batch, i);
		MUST(item.size == items[i].size && (!item.size || !memcmp(item.data, items[i].data, item.size)));
	}
	struct item_entry *table = region_at(region, batch.items);
	const uint64_t from = table[0].offset, size = 14;
	const uint64_t odd[] = {0, 1, from - 1, from, from + 1, from + size - 1, from + size, from + size + 1, region->size - 1, region->size,
		UINT64_MAX, UINT64_MAX - from, UINT64_MAX - from + 1, INT64_MAX};
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		for (size_t j = 0; j < sizeof odd / sizeof *odd; j++) {
			table[1] = (struct item_entry){odd[i], odd[j]};
			struct brood_bytes item = items_at(region, &batch, 1);
			const unsigned char *data = item.data;
			MUST(!item.size || (data >= region->base + from && item.size <= size && data + item.size <= region->base + from + size));
			bool fits = odd[i] >= from && odd[i] <= from + size && odd[j] <= from + size - odd[i];
			MUST(item.size == (fits ? odd[j] : 0));
		}
	}
	region_free(region);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("board");
	TCase *tests = support_case(suite, "board", 30);
	tcase_add_test(tests, gifts_that_follow_each_other_are_one);
	tcase_add_test(tests, numbers_wrap);
	tcase_add_test(tests, who_has_none_takes_the_back_half);
	tcase_add_test(tests, a_strip_keeps_begin);
	tcase_add_test(tests, guilty_is_what_was_taken);
	tcase_add_test(tests, each_number_is_taken_once);
	tcase_add_test(tests, long_items_are_timed_and_runs_of_short_ones_are_not);
	tcase_add_test(tests, exact_times_each);
	tcase_add_test(tests, backlog_joins_what_follows);
	tcase_add_test(tests, records_are_found_by_index);
	tcase_add_test(tests, hostile_entries_are_cut_off);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
