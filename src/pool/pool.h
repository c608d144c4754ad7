/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_POOL_H
#define BROOD_POOL_POOL_H

#include "base/lineage.h"
#include "pool/results.h"
#include "pool/worker.h"
#include "process/nursery.h"

#include <stdatomic.h>

/*
 * A pool in the host. Its parts are the crew, which is the workers and their supervision; the round, which is what is being
 * worked on now, a batch of brood_pool_process or the stream of brood_pool_submit; the backlog, which is what is to be given to
 * workers again or later; and the results that accrue.
 */

enum mate_state { MATE_ABSENT, MATE_STARTING, MATE_PRESENT };

/* The owner of a line of the board. */
struct mate {
	enum mate_state state;
	bool spare;
	pid_t pid;
	bool resting; /* it takes no items for now; see handout_balance */
	bool used; /* the line has had an owner, which may have left something in its box */
	/* What it says that it runs, but is done with: an attempt that failed, so that the item waits for another. */
	uint64_t failed;
	/* What it was seen to run, and since when. */
	uint64_t running;
	double since;
	/* The attempt that is being killed, for this outcome; from kill_at on by SIGKILL. */
	enum brood_outcome condemned;
	uint64_t condemned_running;
	bool tracing; /* and before that it is looked at where it is */
	bool outlasted; /* it has done what it was to be killed for */
	double kill_at;
	/* The part of the region that it writes to. */
	uint64_t arena, arena_end;
};

struct crew {
	struct nursery *nursery;
	struct board *board;
	struct blackbox *boxes; /* one for each line; NULL: none */
	struct worker_plan plan;
	struct mate *mates;
	bool *living; /* of each line, whether its owner lives */
	uint32_t lines, next; /* next: the line that was last given something */
	int wanted, present; /* workers that there should be, and that there are or are being started, spares not counted */
	int resting; /* those of present that take no items for now */
	double spare_at, restart_at;
	unsigned failures; /* starts in a row of which nothing came */
	int start_error;   /* of the last of them; 0: it started, and ended */
	int broken;        /* why the pool can only be cleaned up */
	bool seek;         /* items may be in nobody's line */
	bool canceling;    /* what the round has is to be canceled, as soon as workers move nothing; until then nothing more is given */
	double frozen_at;  /* when workers were last told to move nothing */
	double mend_at;    /* when to look next whether the board has been written over */
	/* How many items are done in a second, as far as is known; and what that was measured from. */
	double rate, measured;
	uint64_t measured_done;
	double ticked; /* when the board's tick was changed last */
};

/* Items to be given to workers as soon as one takes them, but not before a time. */
struct pending {
	struct board_range range;
	double due;
};

struct backlog {
	struct pending *entries;
	size_t count, capacity;
};

/* What is being worked on. Items are counted as places from the round's first one on: before low all are done, and those from
   high on have not been given yet. */
struct round {
	struct batch *batch;
	struct records *records;
	uint64_t low, high;
	uint64_t done;  /* items seen to be done, where each is looked at */
	/* When items were last found to be lost: up to where there were any, and how many had no outcome; and how often since. */
	uint64_t lost_high, lost_pending;
	unsigned lost_again, looks;
	uint64_t inside; /* with BROOD_INSIDE: before that place all have been run once */
	bool unseen;     /* and there is something to look for all the same */
	uint64_t *seen; /* a bit for each slot; NULL: nobody wants to know of each item */
	bool streaming, reported; /* reported: the reporter wants to know of each item */
};

struct stream;

/* The descriptor for a loop of the host's; see watch.h. */
struct watch {
	int fd, timer;
	bool cold;
	bool blind; /* what the nursery says is not in the set */
};

/* Of the region. */
struct part {
	uint64_t from, end;
};

struct brood_pool {
	unsigned generation;
	brood_work_fn *function;
	void *context;
	struct brood_options options;
	struct brood_reporter reporter;
	struct region *region;
	brood_results *results;
	struct crew crew;
	struct backlog backlog;
	struct round round;
	struct stream *stream;
	struct watch watch;
	/* What a crew has had, for the next one: the board and the boxes, 0 where there are none, for so many lines. */
	uint64_t board, boxes;
	uint32_t lines;
	struct part *left; /* see arena_keep */
	uint32_t parts;    /* how many they are */
	uint64_t serial;
	uint32_t next_number; /* of the next round's first item */
	int alarm;            /* an eventfd, for brood_pool_cancel */
	atomic_bool canceled;
	atomic_uint cancels;  /* calls of brood_pool_cancel */
	bool spawned, calling; /* calling: a callback of the caller's is being run */
	size_t total;         /* items so far and of this call; 0: not known */
	double ticked;        /* when the reporter's clock was moved last */
	struct worker inside; /* with BROOD_INSIDE: the host as its own worker */
};

/* Whether pool_check has nothing to object: most calls of brood_pool_submit and brood_pool_next need no more. */
static inline bool pool_is_fit(const brood_pool *pool)
{
	return pool && pool->generation == lineage_generation() && !pool->calling && pool->spawned && !pool->crew.broken;
}

/* Whether there has been a cancel that nobody has heeded. */
static inline bool pool_is_canceled(const brood_pool *pool)
{
	return atomic_load_explicit(&pool->canceled, memory_order_acquire);
}

/* What has rung the alarm so far is no reason to wake any more. */
void pool_silence(const brood_pool *);

/* 0, or why a call with the pool is refused: -EINVAL, -EPERM, -EBUSY, -ESRCH, or why it is broken. */
int pool_check(const brood_pool *);

/* Whether the reporter is to be told of each item. */
bool pool_reports(const brood_pool *);

/* What to put into a round: a list or an array, or with neither a count. */
struct pool_items {
	const struct brood_bytes *list;
	const void *array;
	size_t size, count;
};

/* Begins a batch of inherited items, before the workers are made; and goes on until each of its items is done. */
int pool_begin(brood_pool *, const struct pool_items *, bool inherited);
int pool_finish(brood_pool *);

/* Makes the workers; gathered: not before all have started, or failed to. */
int pool_spawn(brood_pool *, int workers);

#endif
