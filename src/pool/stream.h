/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_STREAM_H
#define BROOD_POOL_STREAM_H

#include "pool/items.h"
#include "pool/pool.h"

/*
 * Items that are submitted one by one: a batch without an end, of which the window's slots are used again and again. A slot
 * is free again once the records of its item, and of all before it, have been given.
 *
 * There are twice as many slots as may be in use, so that the one of the record that the caller looks at is left alone until
 * the next call.
 */

/* Places that follow one another. */
struct run {
	uint64_t begin, end;
};

/* Memory of the region that values are written to. While a line has it, it is not free before the place NEVER; after that, not
   before a place from which on no value can be in it. */
struct chunk {
	uint64_t offset, free_from;
	size_t size;
	uint32_t line;
};

struct stream {
	struct batch batch;
	struct records records;
	struct item_slot *items;
	_Atomic uint16_t *states;
	const _Atomic uint64_t *values;
	size_t window, mask;
	uint64_t prefault_at; /* when so many have been submitted, there is to be memory for more slots */
	size_t some;         /* so many slots are freed together */
	size_t room;         /* so many items can be submitted before there is anything else to do; 0: or anything has to be looked at */
	uint64_t more_at;    /* before so many have been given there is no slot for another item */
	size_t hold;         /* so many are kept back, to be given at once */
	/* Places: all before low have been given, and their slots are free; those from high on have not been submitted. given
	   counts all that have been, settled those of them that low and taken know of. */
	uint64_t low, high, given, settled;
	uint64_t *seen, *taken; /* a bit for each slot */
	/* Of what is done and has not been given: the run that is being given, up to next, and those after it. */
	struct run current, *runs;
	uint64_t next, runs_head, runs_tail;
	bool held;              /* the caller looks at the record of this place */
	uint64_t held_place;
	/* Bytes of items that are too long for their slots, as a ring of capacity bytes that grows, where a count of bytes less origin
	   says the place: up to head they are used, and from tail on. For each slot where they end, and how many there were in all
	   up to there without those that were skipped. */
	struct ring {
		uint64_t place, capacity, origin, head, tail, total;
		struct ring_mark {
			uint64_t end, total;
		} *marks;
		bool used; /* or each item has to be looked at for other reasons */
	} ring;
	struct chunk *chunks;
	size_t chunk_count, chunk_capacity;
	/* The workers are tended also while there is always a record to give: in so many records the ticks are looked at; quick is how
	   many of those are left, 0 also where each record has more to it. */
	uint32_t patience, quick;
	uint64_t asked, tended; /* ticks: when they were looked at, and when the workers were tended */
	double seen_at; /* when it was last looked for what is done */
};

/* At the most this part of the window is kept back. */
enum { STREAM_PARTS = 16 };

/* So many times window_bytes may there be for the bytes of items: so that one of that size finds room in one piece beside the item
   of the record that the caller looks at. */
enum { STREAM_RINGS = 3 };

/* So many slots ahead are fetched into the cache. */
enum { STREAM_AHEAD = 32 };

static inline bool stream_is_open(const brood_pool *pool)
{
	return pool->stream && pool->round.streaming;
}

/* The stream for a call that is made for each item, where nothing is known to be against the call; what else may be says that
   there is no room in it, or that nothing can be had quickly. */
static inline struct stream *stream_at_hand(const brood_pool *pool)
{
	return pool && pool->generation == lineage_generation() && !pool->calling ? pool->stream : NULL;
}

/* Of the items before low. */
static inline struct ring_mark stream_mark_of_low(const struct stream *stream)
{
	return stream->low ? stream->ring.marks[(stream->low - 1) & stream->mask] : (struct ring_mark){0};
}

/* Begins the stream's round, or goes on with it: 0 or -ENOMEM. */
int stream_open(brood_pool *);

/* Gives workers what has been kept back; but what was submitted after a cancel only once that has been carried out. 0 or -ENOMEM. */
int stream_publish(brood_pool *);

/* How many items are kept back. */
static inline uint64_t stream_kept(const brood_pool *pool)
{
	return pool->stream->high - pool->round.high;
}

/* What has been kept back is given to nobody, but canceled. */
void stream_withdraw(brood_pool *);

/* What has been given is put down as such, and the window moves on. Not for each record by itself, but for many at once. */
void stream_settle(brood_pool *);

/* Gives back the error; where it is not 0 the pool is broken. */
int stream_broken(brood_pool *, int error);

/* Whether there are items of which the records have not been given. */
bool stream_busy(const brood_pool *);

/* Whether there is a record to be given at once. */
bool stream_ready(const brood_pool *);

/* Leaves the round to a batch; the stream goes on with the next item that is submitted. */
void stream_close(brood_pool *);

/* With the workers it ends, and begins again with the first item that is submitted after the next spawn. */
void stream_end(brood_pool *);

void stream_free(brood_pool *);

/* Items of the stream's round have got their outcomes. */
void stream_done(brood_pool *, struct run);

/* Room for values of the line's owner, size bytes at least, and how many are granted; 0: there is none. What it had before is
   free as soon as the records in it have been given. */
uint64_t stream_chunk(brood_pool *, uint32_t line, size_t size, size_t *granted);

/* The line has no owner any more. */
void stream_chunk_close(brood_pool *, uint32_t line);

#endif
