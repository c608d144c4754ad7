/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_BOARD_H
#define BROOD_POOL_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The board says who does which item. It lies in memory that the host and its workers share, and takes neither locks nor
 * system calls, so that a process may die at any step. Each worker has a line:
 *
 *   range     the items that it holds and nobody has begun. Its owner takes them one by one from the front; workers
 *             that have none take the back half. Both by compare and swap.
 *   gift      items that the host gives; whoever has none takes them whole, the owner first
 *   running   the item that the owner is about to take, or has taken; written before it is taken
 *   moving    the owner is taking a gift, or another's items, into its range
 *
 * So an item that is not done is in a range or a gift, or some line's running, or under way in a worker that says so by
 * moving. When a worker has died, the host sees at its line which item it had: what running says, if that is not in its
 * range any more and not done. If it died moving, then items may be in nobody's line. The host then keeps
 * the others from moving for a moment, and what it finds nowhere it gives out again; see round_seek.
 *
 *     thief                             host
 *     moving = 1
 *     takes the back half, range 4-8
 *     dies                              is told
 *                                       frozen = 1; waits until no living worker moves
 *                                       finds 4-8 neither done, nor in a line: gives them
 *
 * Items are numbered by 32 bits that count on and wrap. A range that has come round to the same two numbers is the same
 * range, so that a late compare and swap does no harm.
 */

enum { BOARD_LINES = 2047 };

enum board_answer { BOARD_ASKED, BOARD_GRANTED, BOARD_REFUSED };

/* What a worker is to do. Only one that is active looks for items; one that rests may still have some, which others may take. */
enum board_role { BOARD_ABSENT, BOARD_SPARE, BOARD_ACTIVE, BOARD_LEAVE, BOARD_RESTING };

/* How the host sleeps: who is to ring. */
enum board_sleep { BOARD_AWAKE, BOARD_PARKED, BOARD_EACH };

struct board_line {
	_Alignas(128) _Atomic uint64_t range;
	_Atomic uint64_t running; /* a count of attempts, never 0, above the item; 0: none */
	_Atomic uint32_t moving;
	/* What follows is written rarely; apart, so that the host's looking does not slow the owner. */
	_Alignas(128) _Atomic uint64_t gift;
	_Atomic uint32_t role;
	_Atomic uint32_t parked; /* the owner sleeps here; 0 wakes it */
	_Atomic uint32_t ready;  /* the owner's start function has gone well */
	/* The arena: memory that the host gives the owner to write values in. */
	_Atomic uint64_t grant_offset, grant_size; /* to be taken where size is not 0 */
	_Atomic uint64_t wanted;                   /* bytes that the owner asks for */
	_Atomic uint32_t answer;                   /* to that: it sleeps here while this is 0 */
	_Atomic uint64_t position;                 /* up to where what was taken has been used */
};

enum board_items { BOARD_COUNT, BOARD_ARRAY, BOARD_LIST, BOARD_TABLE, BOARD_SLOTS };

/*
 * The items that there are now, and where what belongs to each lies in the region; written by the host before it gives any of
 * them. An item's slot is its number less base, cut by mask.
 */
struct board_batch {
	uint64_t serial;
	uint64_t first; /* the index of the item whose number is base */
	uint32_t base, mask, count;
	uint32_t kind;
	uint64_t states, values, times, attempts, fixed, items;
	uint64_t costs; /* 0: nobody asks for them */
	uint64_t bytes, bytes_size; /* where the bytes of items are that have an entry each */
	size_t stride, value_size;
	const void *inherited;
	uint32_t failures;  /* the host wants to know of each failure */
	uint32_t watermark; /* 0, or it may want to know of each item that is done, and wants to of every so many of a worker */
};

struct board {
	struct board_batch batch;
	_Alignas(128) _Atomic uint32_t asleep;
	_Atomic uint32_t frozen;
	_Atomic uint32_t retried; /* there are attempts to look into */
	_Atomic uint32_t last;    /* no more will be given: who finds nothing leaves */
	_Atomic uint32_t opened;  /* there has been a batch: before that there is no point in looking at all lines */
	_Atomic uint32_t spare;   /* the line of the worker that is kept ready, and 1 more; 0: none */
	_Atomic uint64_t origin;  /* of a stream: a count of items that are done, from which on to count 32 bits */
	_Alignas(128) _Atomic uint32_t tick; /* see stopwatch.h */
	_Atomic uint32_t tick_wanted;
	struct board_line line[];
};

/* What a state says of an item, in its lowest bits: nothing yet, a value of 0 to 8 bytes in its place in values, or where
   else to look. Above: whether its times are known, and the line of its worker. */
enum {
	STATE_PENDING, STATE_VALUE, STATE_ARENA = STATE_VALUE + 9, STATE_FIXED, STATE_FAILURE, STATE_DECIDED, STATE_CANCELED, STATE_KINDS,
	STATE_KIND = 15, STATE_TIMED = 16, STATE_LINE = 32
};

/* Items from begin on and before end. */
struct board_range {
	uint32_t begin, end;
};

static inline uint64_t board_pack(uint32_t begin, uint32_t end)
{
	return (uint64_t)end << 32 | begin;
}

static inline struct board_range board_unpack(uint64_t range)
{
	return (struct board_range){(uint32_t)range, (uint32_t)(range >> 32)};
}

static inline uint32_t board_left(struct board_range range)
{
	return range.end - range.begin;
}

/* Takes the first item of the line's range: false where there is none. count is that of the owner's attempts. */
static inline bool board_take(struct board_line *line, uint32_t *count, uint32_t *item)
{
	for (;;) {
		uint64_t range = atomic_load_explicit(&line->range, memory_order_relaxed);
		struct board_range r = board_unpack(range);
		if (r.begin == r.end)
			return false;
		*count = (*count + 2) | 1;
		atomic_store_explicit(&line->running, (uint64_t)*count << 32 | r.begin, memory_order_relaxed);
		if (atomic_compare_exchange_strong_explicit(&line->range, &range, board_pack(r.begin + 1, r.end),
							    memory_order_acq_rel, memory_order_relaxed)) {
			*item = r.begin;
			return true;
		}
	}
}

/* How much zeroed memory a board of that many lines is. How many there are is not written on it, where it could be changed. */
size_t board_size(uint32_t lines);

/* For a line's owner with an empty range: gets it items, a gift or another's back half. false: there are none. */
bool board_refill(struct board *, uint32_t lines, uint32_t line);

/* Whether there is anything that board_refill might get. */
bool board_offers(struct board *, uint32_t lines);

/* For the host: gives items to a line, or false where its last gift has not been taken; extends that where the items
   follow it. */
bool board_give(struct board_line *, struct board_range);

/* For the host: takes all that a line holds and nobody has begun, into two ranges that may be empty. */
void board_strip(struct board_line *, struct board_range out[2]);

/* For the host: what a dead owner was running, if it had taken it. */
bool board_guilty(struct board_line *, uint32_t *item);

/*
 * For the host, with the board frozen: whether every living owner has stood still since, so that what is in no line is nowhere.
 * living says of a line whether its owner lives.
 */
bool board_still(struct board *, uint32_t lines, const bool *living);

#endif
