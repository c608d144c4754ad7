/* SPDX-License-Identifier: MIT */
#include "pool/worker.h"

#include "base/clock.h"
#include "base/futex.h"
#include "pool/cost.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How many lines a worker that has nothing to do looks at again before it sleeps: about 2 microseconds. Forty times at all
   lines were a third of what it took to make 1,000 workers. */
enum { LOOKS = 160 };

/* How long one rests, in nanoseconds. */
enum { REST = 10000000 };

/* Up to here a worker's values that have no place of their own are in small pages: a worker may have only a few of them. */
#define SMALL_PAGES ((uint64_t)2 << 20)

static void pause_briefly(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

/* Writes the times of the item that has just ended, and of those before it in the lap; and its cost, with which each item is a
   lap of its own. */
static void note(struct worker *worker, const struct lap *lap, uint32_t slot)
{
	struct region *region = worker->plan->region;
	_Atomic uint64_t *times = region_at(region, worker->batch.times);
	if (worker->batch.costs)
		cost_end(worker, slot);
	/* In a stream the slots of those before may be another's by now. */
	const uint32_t first = worker->batch.kind == BOARD_SLOTS ? lap->items - 1 : 0;
	for (uint32_t i = first; i < lap->items; i++) {
		uint32_t at = (slot - (lap->items - 1 - i)) & worker->batch.mask;
		uint64_t began = lap->began + i * lap->span;
		atomic_store_explicit(&times[2 * (size_t)at], began, memory_order_relaxed);
		atomic_store_explicit(&times[2 * (size_t)at + 1], began + lap->span, memory_order_relaxed);
		/* The last one's state is still to be stored. */
		if (i + 1 < lap->items)
			atomic_fetch_or_explicit(&worker->states[at], STATE_TIMED, memory_order_release);
	}
}

static void ring(const struct worker *worker)
{
	_Atomic uint32_t *asleep = &worker->plan->board->asleep;
	if (atomic_load(asleep) != BOARD_AWAKE && atomic_exchange(asleep, BOARD_AWAKE) != BOARD_AWAKE)
		worker->plan->ring(worker->plan->ring_context);
}

static void tell(struct worker *worker, uint16_t state)
{
	const struct board_batch *batch = &worker->batch;
	bool due = batch->failures && (state & STATE_KIND) == STATE_FAILURE;
	if (batch->watermark)
		due |= !(worker->done % batch->watermark) || atomic_load(&worker->plan->board->asleep) == BOARD_EACH;
	if (due)
		ring(worker);
}

/* The next item begins now. Where not each is looked at, the host's tick finds those that are long. */
static void start_watch(struct worker *worker)
{
	_Atomic uint32_t *wanted = &worker->plan->board->tick_wanted;
	stopwatch_start(&worker->watch);
	if (worker->watch.credit > 1 && !atomic_load(wanted)) {
		atomic_store(wanted, 1);
		ring(worker);
	}
}

/* Before the item at a place, memory for it and for some behind it; see region_prefault_some. */
static __attribute__((noinline)) void prefault(struct worker *worker, uint32_t place)
{
	const struct board_batch *batch = &worker->batch;
	const struct {
		uint64_t offset;
		size_t size;
	} arrays[] = {{batch->states, sizeof *worker->states},
		      {batch->value_size ? batch->fixed : batch->values, batch->value_size ? batch->value_size : sizeof *worker->values}};
	const uint32_t end = board_unpack(atomic_load_explicit(&worker->line->range, memory_order_relaxed)).end - batch->base;
	worker->prefault_at = UINT32_MAX;
	if (place >= end || end > batch->count)
		return;
	uint32_t next = end;
	for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
		const size_t size = arrays[i].size;
		const uint64_t from = arrays[i].offset + place * size, to = arrays[i].offset + end * size;
		const uint64_t limit = region_prefault_some(worker->plan->region, from, to);
		if (limit < to && (limit - from) / size < next - place)
			next = place + (uint32_t)((limit - from) / size);
	}
	worker->prefault_at = next < end ? next : UINT32_MAX;
	/* That was none of the item's time. */
	start_watch(worker);
}

/* What is to be done where it is time to look at the clock. What to add to the state. */
static __attribute__((noinline)) uint16_t look(struct worker *worker, uint32_t slot)
{
	struct lap lap;
	if (!stopwatch_look(&worker->watch, &lap))
		return 0;
	note(worker, &lap, slot);
	return STATE_TIMED;
}

/* Where each item is timed what a page fault took is not the next one's. */
static __attribute__((noinline)) void look_anew(struct worker *worker)
{
	if (worker->watch.credit == 1)
		start_watch(worker);
}

/* plain: known where this is compiled, so that a batch as most are has none of the rest's questions asked for each item. */
static inline __attribute__((always_inline)) void do_item(struct worker *worker, uint32_t item, const bool plain)
{
	const struct worker_plan *plan = worker->plan;
	brood_task *task = &worker->task;
	const uint32_t place = item - worker->batch.base, slot = plain ? place : place & worker->batch.mask;
	if (!plain && worker->batch.kind == BOARD_SLOTS) {
		uint64_t origin = atomic_load_explicit(&plan->board->origin, memory_order_relaxed);
		task_begin(task, worker->batch.first + origin + (uint32_t)(place - (uint32_t)origin), slot, worker->form);
		/* Where the value goes may be in the host's cache. */
		__builtin_prefetch(&worker->values[(slot + WORKER_AHEAD) & worker->batch.mask], 1);
	} else {
		/* A number that is none of the batch's is not the host's. */
		if (place >= worker->batch.count)
			return;
		task_begin(task, worker->batch.first + place, slot, plain ? TASK_SHORT : worker->form);
		if (plain)
			__builtin_prefetch(&worker->values[slot + WORKER_AHEAD], 1);
		if (place == worker->prefault_at)
			prefault(worker, place);
	}
	if (!plain && worker->batch.costs)
		cost_begin(worker, item, slot);
	/* An allocation that failed in an earlier item is no reason for what this one may die of. */
	if (!plain && plan->limited)
		errno = 0;
	const int returned = plan->function(task, plan->context);
	const bool due = stopwatch_due(&worker->watch);
	uint16_t state = worker->mark;
	if (due)
		state |= look(worker, slot);
	if (!returned && task->form == TASK_SHORT) {
		uint64_t bytes;
		memcpy(&bytes, task->value, sizeof bytes);
		atomic_store_explicit(&worker->values[slot], bytes, memory_order_relaxed);
		state |= (uint16_t)(STATE_VALUE + task->size);
	} else {
		state |= task_end_slowly(task, returned);
	}
	if (!plain)
		worker->done++;
	if (!plain && (worker->batch.watermark || worker->batch.failures)) {
		/* Either the host sees the state, or this sees the host asleep. */
		atomic_store(&worker->states[slot], state);
		tell(worker, state);
	} else {
		atomic_store_explicit(&worker->states[slot], state, memory_order_release);
	}
	if (due)
		look_anew(worker);
}

/* Where brood's own calls end, for whoever looks at the worker's. */
static inline __attribute__((always_inline)) void set_bottom(struct worker *worker)
{
	atomic_store_explicit(worker->bottom, (uint64_t)(uintptr_t)__builtin_frame_address(0), memory_order_relaxed);
}

void worker_do(struct worker *worker, uint32_t item)
{
	set_bottom(worker);
	do_item(worker, item, false);
}

uint64_t worker_room(struct worker *worker, size_t size)
{
	struct worker_arena *arena = &worker->arena;
	struct board_line *line = worker->line;
	if (size <= arena->end - arena->position) {
		const uint64_t end = arena->position + size;
		if (end > arena->prefaulted && end - arena->start > SMALL_PAGES) {
			const uint64_t limit = region_huge_end(end);
			const uint64_t from = arena->prefaulted > arena->position ? arena->prefaulted : arena->position;
			arena->prefaulted = limit < arena->end ? limit : arena->end;
			region_prefault(worker->plan->region, from, arena->prefaulted);
		}
		return arena->position;
	}
	for (;;) {
		uint64_t granted = atomic_exchange(&line->grant_size, 0);
		if (granted) {
			uint64_t from = atomic_load(&line->grant_offset);
			*arena = (struct worker_arena){.start = from, .position = from, .end = from + granted};
			atomic_store(&line->position, from);
			if (size <= granted)
				return worker_room(worker, size);
		}
		atomic_store(&line->answer, BOARD_ASKED);
		atomic_store(&line->wanted, size);
		ring(worker);
		while (atomic_load(&line->answer) == BOARD_ASKED)
			futex_wait(&line->answer, BOARD_ASKED);
		if (atomic_load(&line->answer) == BOARD_REFUSED)
			return 0;
	}
}

void worker_used(struct worker *worker, uint64_t end)
{
	struct worker_arena *arena = &worker->arena;
	uint64_t position = (end + 15) / 16 * 16;
	arena->position = position < arena->end ? position : arena->end;
	atomic_store_explicit(&worker->line->position, arena->position, memory_order_relaxed);
}

static bool is_plain(const struct worker *worker)
{
	const struct board_batch *batch = &worker->batch;
	const struct worker_plan *plan = worker->plan;
	return worker->form == TASK_SHORT && batch->kind != BOARD_SLOTS && !batch->costs && !batch->watermark && !batch->failures &&
	       !plan->limited && !plan->recycle_after && !plan->recycle_size;
}

/* Who has got items of it knows that it is whole. */
static void take_batch(struct worker *worker)
{
	const struct board_batch *batch = &worker->plan->board->batch;
	struct region *region = worker->plan->region;
	if (batch->serial == worker->batch.serial)
		return;
	worker->batch = *batch;
	/* Of one that was written over the board a worker would fill up each value for as long as there are addresses. */
	worker->batch.value_size = worker->plan->value_size;
	worker->arena = (struct worker_arena){0};
	worker->states = region_at(region, worker->batch.states);
	worker->values = region_at(region, worker->batch.values);
	worker->form = worker->batch.value_size ? TASK_FIXED : TASK_SHORT;
	worker->plain = is_plain(worker);
}

void worker_ready(struct worker *worker)
{
	take_batch(worker);
	worker->prefault_at = board_unpack(atomic_load_explicit(&worker->line->range, memory_order_relaxed)).begin - worker->batch.base;
	start_watch(worker);
}

static bool is_offered(struct board *board, uint32_t lines)
{
	return atomic_load(&board->opened) && board_offers(board, lines);
}

/* Sleeps until it is woken. Who rests is active again after a while of itself: the host may be away, and what it took for little have
   turned out to be much. */
static void sleep_in(struct board_line *line, uint32_t role)
{
	while (atomic_load(&line->parked)) {
		if (role != BOARD_RESTING) {
			futex_wait(&line->parked, 1);
		} else if (!futex_wait_for(&line->parked, 1, REST)) {
			atomic_compare_exchange_strong(&line->role, &role, BOARD_ACTIVE);
			return;
		}
	}
}

/* Gets items, or sleeps until there may be some. false: the host says to leave. */
static bool next(struct worker *worker)
{
	struct board *board = worker->plan->board;
	const uint32_t lines = worker->plan->lines;
	struct board_line *line = worker->line;
	for (uint32_t looks = 0;;) {
		uint32_t role = atomic_load(&line->role);
		if (role == BOARD_LEAVE)
			return false;
		if (role == BOARD_ACTIVE && atomic_load(&board->opened) && board_refill(board, lines, worker->number)) {
			worker_ready(worker);
			return true;
		}
		looks += lines;
		if (looks < LOOKS) {
			pause_briefly();
			continue;
		}
		looks = 0;
		if (atomic_load(&board->last) && !atomic_load(&board->frozen) && !board_offers(board, lines))
			return false;
		/* What is not its own writing would look as if it ran, or moved, something. */
		if (role != BOARD_ACTIVE) {
			atomic_store(&line->running, 0);
			atomic_store(&line->moving, 0);
		}
		atomic_store(&line->parked, 1);
		if (atomic_load(&line->role) == role && (role != BOARD_ACTIVE || atomic_load(&board->frozen) || !is_offered(board, lines))) {
			ring(worker);
			sleep_in(line, role);
		}
		atomic_store(&line->parked, 0);
	}
}

static size_t resident_bytes(void)
{
	unsigned long resident = 0, shared = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	if (!file)
		return 0;
	if (fscanf(file, "%*u %lu %lu", &resident, &shared) != 2 || shared > resident)
		resident = shared = 0;
	fclose(file);
	return (resident - shared) * (size_t)sysconf(_SC_PAGESIZE);
}

/* Whether another should take this one's place. Memory is looked at every millisecond at most. */
static bool spent(struct worker *worker)
{
	const struct worker_plan *plan = worker->plan;
	if (plan->recycle_after && worker->done >= plan->recycle_after)
		return true;
	if (!plan->recycle_size)
		return false;
	double now = clock_now();
	if (now - worker->measured < 0.001)
		return false;
	worker->measured = now;
	return resident_bytes() > plan->recycle_size;
}

void worker_begin(struct worker *worker, const struct worker_plan *plan, uint32_t number)
{
	*worker = (struct worker){.plan = plan, .line = &plan->board->line[number], .number = number, .mark = (uint16_t)(number * STATE_LINE),
				  .prefault_at = UINT32_MAX, .task.worker = worker};
	worker->bottom = plan->bottom ? plan->bottom : &worker->no_bottom;
	stopwatch_init(&worker->watch, &plan->board->tick, plan->timed);
}

static __attribute__((noinline)) void work_plainly(struct worker *worker)
{
	uint32_t item;
	set_bottom(worker);
	while (board_take(worker->line, &worker->count, &item))
		do_item(worker, item, true);
}

static void work(struct worker *worker)
{
	const bool recycles = worker->plan->recycle_after || worker->plan->recycle_size;
	do {
		uint32_t item;
		if (worker->plain)
			work_plainly(worker);
		while (board_take(worker->line, &worker->count, &item)) {
			worker_do(worker, item);
			if (recycles && spent(worker))
				return;
		}
	} while (next(worker));
}

int worker_run(const struct worker_plan *plan, uint32_t number)
{
	struct worker worker;
	if (atomic_load(&plan->board->line[number].role) == BOARD_LEAVE)
		return 0;
	worker_begin(&worker, plan, number);
	if (plan->start && plan->start(plan->context))
		return 1;
	atomic_store(&worker.line->ready, 1);
	work(&worker);
	if (plan->end)
		plan->end(plan->context);
	return 0;
}
