/* SPDX-License-Identifier: MIT */
#include "pool/stream.h"

#include "pool/order.h"
#include "pool/round.h"
#include "pool/watch.h"

#include <errno.h>
#include <string.h>

/*
 * How items come into the stream. The call is made for each, and takes some nanoseconds; what not each of them needs is in a
 * function that it ends with, so that it has no registers to save.
 */

/* 0, with the stream open, or why the item is refused. */
static int check(brood_pool *pool, struct brood_bytes item)
{
	int error = pool_is_fit(pool) ? 0 : pool_check(pool);
	if (!error && item.size && !item.data)
		error = -EINVAL;
	if (!error && item.size > pool->options.window_bytes)
		error = -EMSGSIZE;
	return error || stream_is_open(pool) ? error : stream_open(pool);
}

/*
 * From the end of the ring on there is more of it. What is there stays where it is: the next round begins, as ever, at the
 * first place, when that is free.
 */
static void grow_ring(struct ring *ring, size_t size, size_t most)
{
	const uint64_t before = ring->capacity, at = (ring->head - ring->origin) % before;
	const uint64_t twice = 2 * before > before + size ? 2 * before : before + size;
	ring->head += at ? before - at : 0;
	ring->capacity = twice < most ? twice : most;
	ring->origin = ring->head - before;
}

/* Whether size bytes are free in one piece, with how many to be skipped before it. */
static bool has_room(const struct ring *ring, size_t size, uint64_t *skip)
{
	const uint64_t at = (ring->head - ring->origin) % ring->capacity;
	*skip = size > ring->capacity - at ? ring->capacity - at : 0;
	return ring->head + *skip + size - ring->tail <= ring->capacity;
}

/* Room for an item's bytes in the ring, in one piece: its offset, or 0. */
static uint64_t ring_room(brood_pool *pool, size_t size)
{
	struct ring *ring = &pool->stream->ring;
	const size_t window = pool->options.window_bytes, most = STREAM_RINGS * window;
	const uint64_t used = ring->total - stream_mark_of_low(pool->stream).total;
	uint64_t skip;
	if (used && used + size > window)
		return 0;
	while (!has_room(ring, size, &skip)) {
		/* Where half of it is not used, it is only for the moment that there is none. */
		if (ring->capacity == most || (used && 2 * (used + size) < ring->capacity))
			return 0;
		grow_ring(ring, size, most);
	}
	ring->head += skip + size;
	ring->total += size;
	return ring->place + (ring->head - size - ring->origin) % ring->capacity;
}

/* Puts a copy of a longer item into the ring: false, there is no room. */
__attribute__((noinline)) static bool put_bytes(brood_pool *pool, struct item_slot *place, struct brood_bytes item)
{
	struct stream *stream = pool->stream;
	uint64_t offset = ring_room(pool, item.size);
	if (!offset) {
		stream_settle(pool);
		offset = ring_room(pool, item.size);
	}
	if (!offset)
		return false;
	stream->ring.used = true;
	stream->quick = 0;
	place->size = item.size;
	place->offset = offset;
	memcpy(region_at(pool->region, offset), item.data, item.size);
	return true;
}

/* So many items can be submitted now, with what there is to do before that. 0: none; or a negative errno. */
static int make_room(brood_pool *pool)
{
	struct stream *stream = pool->stream;
	if (stream->given - stream->settled >= stream->some || stream->given == stream->high)
		stream_settle(pool);
	if (stream_kept(pool) >= stream->hold) {
		/* The first go out at once, and the more there are the more go together. */
		stream->hold = 2 * stream->hold < stream->window / STREAM_PARTS ? 2 * stream->hold : stream->window / STREAM_PARTS + 1;
		int error = stream_broken(pool, stream_publish(pool));
		if (error)
			return error;
	}
	/* Where nothing may be given just now more is kept back, which each tries again. */
	const uint64_t kept = stream_kept(pool), more = kept < stream->hold ? stream->hold - kept : 1;
	const size_t window = stream->window - (stream->high - stream->low);
	stream->room = window < more ? window : more;
	/* Who fills the window tries once for each record that is taken. */
	if (!window)
		stream->more_at = stream->settled + stream->some < stream->high ? stream->settled + stream->some : stream->high;
	return stream->room > 0;
}

static __attribute__((noinline)) int send_off(brood_pool *pool)
{
	const struct stream *stream = pool->stream;
	int result = stream_kept(pool) < stream->hold ? 0 : make_room(pool);
	return result < 0 ? result : 0;
}

/* The item in the slot is the stream's next; and the last that goes out with others goes at once. */
static inline int take_in(brood_pool *pool, struct stream *stream, size_t slot)
{
	atomic_store_explicit(&stream->states[slot], STATE_PENDING, memory_order_relaxed);
	stream->high++;
	return --stream->room ? 0 : send_off(pool);
}

static __attribute__((noinline)) int submit_slowly(brood_pool *pool, struct brood_bytes item)
{
	int error = check(pool, item);
	if (error)
		return error;
	struct stream *stream = pool->stream;
	/* What was canceled before is not this. */
	order_heed_cancel(pool);
	if (!stream->room) {
		int result = stream->given < stream->more_at ? 0 : make_room(pool);
		if (result <= 0)
			return result ? result : -EAGAIN;
	}
	const size_t slot = stream->high & stream->mask;
	struct item_slot *place = &stream->items[slot];
	if (item.size > ITEM_SHORT) {
		if (!put_bytes(pool, place, item))
			return -EAGAIN;
	} else {
		place->size = item.size;
		if (item.size)
			memcpy(place->bytes, item.data, item.size);
	}
	if (stream->ring.used)
		stream->ring.marks[slot] = (struct ring_mark){stream->ring.head, stream->ring.total};
	/* A host that sleeps at the descriptor next has not looked since. */
	watch_heat(pool);
	return take_in(pool, stream, slot);
}

BROOD_API int brood_pool_submit(brood_pool *pool, struct brood_bytes item)
{
	struct stream *stream = stream_at_hand(pool);
	if (!stream || item.size != ITEM_SHORT || !item.data)
		return submit_slowly(pool, item);
	if (stream->given < stream->more_at)
		return -EAGAIN;
	if (!stream->room || stream->ring.used || pool_is_canceled(pool))
		return submit_slowly(pool, item);
	const size_t slot = stream->high & stream->mask;
	struct item_slot *place = &stream->items[slot];
	/* What follows is in another processor's cache, which takes the time of several items. */
	__builtin_prefetch(&stream->items[(slot + STREAM_AHEAD) & stream->mask], 1);
	place->size = ITEM_SHORT;
	memcpy(place->bytes, item.data, ITEM_SHORT);
	return take_in(pool, stream, slot);
}
