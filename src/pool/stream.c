/* SPDX-License-Identifier: MIT */
#include "pool/stream.h"

#include "base/clock.h"
#include "pool/bits.h"
#include "pool/crew.h"
#include "pool/round.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* So many bytes are there for those of items at first. */
enum { RING_FIRST = 1 << 20 };

/* Who submits many items will fill the window. There are huge pages for it then: small ones were 2 ms, a tenth of a stream of a million
   no-ops. */
enum { MANY = 8192, HUGE_SLOTS = (2 << 20) / sizeof(struct item_slot), MOST_SLOTS = 8 * HUGE_SLOTS };

bool stream_busy(const brood_pool *pool)
{
	return stream_is_open(pool) && pool->stream->given < pool->stream->high;
}

void stream_free(brood_pool *pool)
{
	struct stream *stream = pool->stream;
	if (!stream)
		return;
	batch_free(&stream->batch);
	records_free(&stream->records);
	free(stream->seen);
	free(stream->taken);
	free(stream->runs);
	free(stream->ring.marks);
	free(stream->chunks);
	free(stream);
	pool->stream = NULL;
}

/* With its first place. */
static void begin(brood_pool *pool)
{
	struct stream *stream = pool->stream;
	const size_t most = STREAM_RINGS * pool->options.window_bytes;
	stream->prefault_at = MANY;
	stream->ring.capacity = most < RING_FIRST ? most : RING_FIRST;
	/* Even short items may be too long. */
	stream->ring.used = pool->options.window_bytes < ITEM_SHORT;
}

void stream_end(brood_pool *pool)
{
	struct stream *stream = pool->stream;
	if (!stream || !stream->high)
		return;
	const size_t slots = stream->mask + 1, used = stream->high < slots ? stream->high : slots;
	records_free(&stream->records);
	batch_clear(&stream->batch, slots, used);
	region_clear(pool->region, stream->batch.board.items, slots * sizeof *stream->items);
	region_clear(pool->region, stream->ring.place, STREAM_RINGS * pool->options.window_bytes);
	for (size_t i = 0; i < stream->chunk_count; i++) {
		region_clear(pool->region, stream->chunks[i].offset, stream->chunks[i].size);
		stream->chunks[i].free_from = 0;
	}
	memset(stream->seen, 0, (slots / 64 + 1) * sizeof *stream->seen);
	memset(stream->taken, 0, (slots / 64 + 1) * sizeof *stream->taken);
	memset(stream->ring.marks, 0, used * sizeof *stream->ring.marks);
	/* The memory is what it keeps. */
	*stream = (struct stream){.batch = stream->batch, .records = stream->records, .items = stream->items, .states = stream->states,
				  .values = stream->values, .window = stream->window, .mask = stream->mask, .some = stream->some,
				  .seen = stream->seen, .taken = stream->taken, .runs = stream->runs, .chunks = stream->chunks,
				  .chunk_count = stream->chunk_count, .chunk_capacity = stream->chunk_capacity,
				  .ring = {.place = stream->ring.place, .marks = stream->ring.marks}};
	begin(pool);
}

static int allocate(brood_pool *pool)
{
	const size_t window = pool->options.window, slots = 2 * window, top = pool->region->top;
	struct stream *stream = calloc(1, sizeof *stream);
	if (!stream)
		return -ENOMEM;
	pool->stream = stream;
	stream->window = window;
	stream->some = window < 1024 ? 1 : window < 65536 ? window / 1024 : 64;
	stream->mask = slots - 1;
	stream->seen = calloc(slots / 64 + 1, sizeof *stream->seen);
	stream->taken = calloc(slots / 64 + 1, sizeof *stream->taken);
	stream->runs = calloc(slots, sizeof *stream->runs);
	stream->ring.marks = calloc(slots, sizeof *stream->ring.marks);
	const struct batch_plan plan = {.count = UINT32_MAX, .slots = (uint32_t)slots, .value_size = pool->options.value_size,
					.costs = pool->options.flags & BROOD_COSTS};
	int error = batch_new(&stream->batch, pool->region, &plan);
	uint64_t items = region_take(pool->region, slots * sizeof(struct item_slot));
	const size_t most = STREAM_RINGS * pool->options.window_bytes;
	stream->ring.place = region_take(pool->region, most);
	if (error || !items || !stream->ring.place || !stream->seen || !stream->taken || !stream->runs || !stream->ring.marks) {
		stream_free(pool);
		pool->region->top = top;
		return -ENOMEM;
	}
	begin(pool);
	struct board_batch *board = &stream->batch.board;
	board->kind = BOARD_SLOTS;
	board->items = items;
	board->bytes = stream->ring.place;
	board->bytes_size = most;
	board->watermark = (uint32_t)(window / STREAM_PARTS > 1 ? window / STREAM_PARTS : 1);
	board->failures = pool->options.retries > 0;
	stream->items = region_at(pool->region, items);
	stream->states = region_at(pool->region, board->states);
	stream->values = region_at(pool->region, board->values);
	return 0;
}

int stream_open(brood_pool *pool)
{
	int error = pool->stream ? 0 : allocate(pool);
	if (error)
		return error;
	struct stream *stream = pool->stream;
	stream->batch.board.base = pool->next_number - (uint32_t)stream->high;
	stream->batch.began = clock_now();
	stream->hold = 1;
	stream->patience = 1;
	pool->total = 0;
	pool->round = (struct round){.batch = &stream->batch, .records = &stream->records, .low = stream->low, .high = stream->high,
		.inside = stream->high, .done = stream->high, .seen = stream->seen, .streaming = true, .reported = pool_reports(pool)};
	atomic_store(&pool->canceled, false);
	crew_post(pool);
	atomic_store(&pool->crew.board->origin, stream->low);
	return 0;
}

/* Each call looks again at whether it may be made. */
static void halt(struct stream *stream)
{
	stream->room = 0;
	stream->quick = 0;
	stream->more_at = 0;
}

void stream_close(brood_pool *pool)
{
	if (!stream_is_open(pool))
		return;
	pool->next_number = round_number(pool, pool->stream->high);
	halt(pool->stream);
}

int stream_broken(brood_pool *pool, int error)
{
	if (error) {
		pool->crew.broken = error;
		halt(pool->stream);
	}
	return error;
}

/* Memory for four times as many slots as have been used, at least for those of a huge page of items, but not so much at once that
   it takes long. */
static void prefault(brood_pool *pool)
{
	struct stream *stream = pool->stream;
	const size_t slots = stream->mask + 1, used = stream->high < slots ? stream->high : slots;
	const size_t more = 3 * used < HUGE_SLOTS ? HUGE_SLOTS : 3 * used < MOST_SLOTS ? 3 * used : MOST_SLOTS;
	const size_t to = more < slots - used ? used + more : slots;
	const uint64_t items = stream->batch.board.items;
	batch_prefault(&stream->batch, to);
	region_prefault(pool->region, items + used * sizeof(struct item_slot), items + to * sizeof(struct item_slot));
	stream->prefault_at = to < slots ? used + (to - used) / 2 : UINT64_MAX;
}

int stream_publish(brood_pool *pool)
{
	struct round *round = &pool->round;
	struct board_range range = {round_number(pool, round->high), round_number(pool, pool->stream->high)};
	pool->stream->room = 0;
	if (range.begin == range.end || pool->crew.canceling)
		return 0;
	round->high = pool->stream->high;
	if (round->high >= pool->stream->prefault_at)
		prefault(pool);
	if (round->low - atomic_load_explicit(&pool->crew.board->origin, memory_order_relaxed) > UINT32_MAX / 4)
		atomic_store(&pool->crew.board->origin, round->low);
	return pool->options.flags & BROOD_INSIDE ? 0 : crew_give(pool, range);
}

void stream_withdraw(brood_pool *pool)
{
	struct stream *stream = pool->stream;
	for (uint64_t place = pool->round.high; place < stream->high; place++)
		batch_cancel(&stream->batch, round_slot(pool, place));
	stream->room = 0;
	pool->round.high = stream->high;
	pool->round.unseen = true;
}

void stream_settle(brood_pool *pool)
{
	struct stream *stream = pool->stream;
	const struct run given = {stream->current.begin, stream->next};
	stream->current.begin = stream->next;
	stream->settled = stream->given;
	stream->more_at = 0;
	if (given.begin == given.end)
		return;
	bits_flip(stream->taken, stream->mask, given.begin, given.end);
	uint64_t low = bits_end_of_run(stream->taken, stream->mask, stream->low, stream->high);
	bits_flip(stream->taken, stream->mask, stream->low, low);
	bits_flip(stream->seen, stream->mask, stream->low, low);
	stream->low = pool->round.low = low;
}

void stream_done(brood_pool *pool, struct run run)
{
	struct stream *stream = pool->stream;
	if (pool->options.flags & BROOD_ORDERED)
		return;
	struct run *last = &stream->runs[(stream->runs_tail - 1) & stream->mask];
	if (stream->runs_head != stream->runs_tail && last->end == run.begin)
		last->end = run.end;
	else
		stream->runs[stream->runs_tail++ & stream->mask] = run;
}
