/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_WORKER_H
#define BROOD_POOL_WORKER_H

#include "pool/board.h"
#include "pool/region.h"
#include "pool/stopwatch.h"
#include "pool/task.h"
#include "process/blackbox.h"

/* What a worker is told before it begins; it is the same for all workers of a pool. */
struct worker_plan {
	struct region *region;
	struct board *board;
	uint32_t lines; /* of the board */
	brood_work_fn *function;
	void *context;
	int (*start)(void *context);
	void (*end)(void *context);
	size_t recycle_after, recycle_size, value_size;
	uint64_t seed;
	bool timed;
	/* Kept up to date for the worker's black box; NULL: nobody wants to know. */
	_Atomic uint64_t *bottom;
	struct blackbox *boxes; /* where failures are to have tracebacks; else NULL */
	bool resets_peak; /* each item's peak is its own */
	bool limited;     /* in memory: that an allocation failed is told by errno */
	/* Wakes the host. */
	void (*ring)(void *context);
	void *ring_context;
};

/* The arena of a worker: where it writes what does not fit into its place. */
struct worker_arena {
	uint64_t start, position, end;
	uint64_t prefaulted; /* up to where; see region_prefault */
};

/* So many items ahead what is needed for them is fetched into the cache: where little is done for each item, a tenth of the time. */
enum { WORKER_AHEAD = 16 };

struct worker {
	const struct worker_plan *plan;
	struct board_line *line;
	uint32_t number, count;
	uint16_t mark; /* what it adds to each state */
	bool plain; /* the batch is one of those for which less is to be done */
	enum task_form form;  /* of an item's value at first */
	uint32_t prefault_at; /* the place of the item before which to do that next; UINT32_MAX: none */
	struct board_batch batch;
	_Atomic uint16_t *states;
	_Atomic uint64_t *values;
	struct worker_arena arena;
	struct stopwatch watch;
	size_t done;
	double measured;
	_Atomic uint64_t *bottom, no_bottom;
	brood_task task;
};

/* Runs items until the host says to leave. The exit code. For a process, or in tests a thread. */
int worker_run(const struct worker_plan *, uint32_t number);

/* For a host that runs items itself: makes a worker, makes it ready for what the board has now, and runs one. */
void worker_begin(struct worker *, const struct worker_plan *, uint32_t number);
void worker_ready(struct worker *);
void worker_do(struct worker *, uint32_t item);

/* The offset of room for size bytes at the arena's position, which is not moved; 0: there is none to be had. */
uint64_t worker_room(struct worker *, size_t size);

/* Moves the position behind what has been written. */
void worker_used(struct worker *, uint64_t end);

#endif
