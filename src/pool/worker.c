/* SPDX-License-Identifier: MIT */
#include "pool/worker.h"

#include "base/clock.h"
#include "base/futex.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/* Items shorter than that many ticks are not worth a look at the clock, which takes 25 nanoseconds, and ticks 10. */
enum { NOTABLE = 2500 };

/* How often a worker that has nothing to do looks again before it sleeps: about 2 microseconds. */
enum { LOOKS = 40 };

/* Without a huge page's worth of values, small pages are quicker. */
#define SMALL_PAGES ((uint64_t)2 << 20)

static uint64_t ticks(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#elif defined(__aarch64__)
	uint64_t count;
	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
	return count << 5;
#else
	return clock_nanoseconds();
#endif
}

static void pause_briefly(void)
{
#if defined(__x86_64__)
	_mm_pause();
#endif
}

static void start_clock(struct worker_clock *clock)
{
	clock->last_ticks = ticks();
	clock->last = clock_nanoseconds();
	if (!clock->first) {
		clock->first_ticks = clock->last_ticks;
		clock->first = clock->last;
	}
}

/* When the item began that ends now; both in nanoseconds. */
static uint64_t measure(struct worker_clock *clock, uint64_t now_ticks, uint64_t now)
{
	uint64_t began = clock->last;
	if (!began) {
		double rate = (double)(now - clock->first) / (double)(now_ticks - clock->first_ticks);
		began = now - (uint64_t)((double)(now_ticks - clock->last_ticks) * rate);
	}
	return began;
}

/* Notes the times of an item that was long enough, or that are asked for. */
static uint16_t note_times(struct worker *worker, uint64_t now_ticks)
{
	struct worker_clock *clock = &worker->clock;
	uint64_t now = clock_nanoseconds();
	_Atomic uint64_t *times = region_at(worker->plan->region, worker->batch.times);
	uint64_t began = measure(clock, now_ticks, now);
	atomic_store_explicit(&times[2 * (size_t)worker->task.slot], began, memory_order_relaxed);
	atomic_store_explicit(&times[2 * (size_t)worker->task.slot + 1], now, memory_order_relaxed);
	clock->last = now;
	return STATE_TIMED;
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

void worker_do(struct worker *worker, uint32_t item)
{
	const struct worker_plan *plan = worker->plan;
	brood_task *task = &worker->task;
	const uint32_t place = item - worker->batch.base, slot = place & worker->batch.mask;
	if (worker->batch.kind == BOARD_SLOTS) {
		uint64_t origin = atomic_load_explicit(&plan->board->origin, memory_order_relaxed);
		task_begin(task, worker->batch.first + origin + (uint32_t)(place - (uint32_t)origin), slot);
	} else {
		/* A number that is none of the batch's is not the host's. */
		if (place >= worker->batch.count)
			return;
		task_begin(task, worker->batch.first + place, slot);
	}
	uint16_t state = task_end(task, plan->function(task, plan->context));
	uint64_t now = ticks();
	if (now - worker->clock.last_ticks > NOTABLE || plan->timed)
		state |= note_times(worker, now);
	else
		worker->clock.last = 0;
	worker->clock.last_ticks = now;
	worker->done++;
	state |= (uint16_t)(worker->number * STATE_LINE);
	if (worker->batch.watermark || worker->batch.failures) {
		/* Either the host sees the state, or this sees the host asleep. */
		atomic_store(&worker->states[slot], state);
		tell(worker, state);
	} else {
		atomic_store_explicit(&worker->states[slot], state, memory_order_release);
	}
}

uint64_t worker_room(struct worker *worker, size_t size)
{
	struct worker_arena *arena = &worker->arena;
	struct board_line *line = worker->line;
	if (size <= arena->end - arena->position) {
		/* Large values are worth large pages. */
		if (!arena->advised && arena->position + size - arena->start > SMALL_PAGES) {
			arena->advised = true;
			region_advise(worker->plan->region, arena->position, arena->end - arena->position);
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

static void take_batch(struct worker *worker)
{
	const struct board_batch *batch = &worker->plan->board->batch;
	struct region *region = worker->plan->region;
	if (batch->serial == worker->batch.serial)
		return;
	worker->batch = *batch;
	worker->arena = (struct worker_arena){0};
	worker->states = region_at(region, batch->states);
	worker->values = region_at(region, batch->values);
	size_t slots = batch->mask < batch->count ? batch->mask + (size_t)1 : batch->count;
	region_advise(region, batch->states, slots * sizeof *worker->states);
	region_advise(region, batch->values, slots * sizeof *worker->values);
	if (batch->value_size)
		region_advise(region, batch->fixed, slots * batch->value_size);
}

void worker_ready(struct worker *worker)
{
	take_batch(worker);
	start_clock(&worker->clock);
}

/* Gets items, or sleeps until there may be some. false: the host says to leave. */
static bool next(struct worker *worker)
{
	struct board *board = worker->plan->board;
	struct board_line *line = worker->line;
	for (int looks = 0;;) {
		uint32_t role = atomic_load(&line->role);
		if (role == BOARD_LEAVE)
			return false;
		if (role == BOARD_ACTIVE && board_refill(board, worker->number)) {
			worker_ready(worker);
			return true;
		}
		if (looks++ < LOOKS) {
			pause_briefly();
			continue;
		}
		looks = 0;
		atomic_store(&line->parked, 1);
		if (atomic_load(&line->role) == role && (role != BOARD_ACTIVE || atomic_load(&board->frozen) || !board_offers(board))) {
			ring(worker);
			while (atomic_load(&line->parked))
				futex_wait(&line->parked, 1);
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
	if (!plan->recycle_size || worker->clock.last_ticks - worker->measured < 1000 * NOTABLE)
		return false;
	worker->measured = worker->clock.last_ticks;
	return resident_bytes() > plan->recycle_size;
}

void worker_begin(struct worker *worker, const struct worker_plan *plan, uint32_t number)
{
	*worker = (struct worker){.plan = plan, .line = &plan->board->line[number], .number = number, .task.worker = worker};
	worker_ready(worker);
}

static void work(struct worker *worker)
{
	const bool recycles = worker->plan->recycle_after || worker->plan->recycle_size;
	do {
		uint32_t item;
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
	atomic_store(&worker.line->quit, 1);
	if (plan->end)
		plan->end(plan->context);
	return 0;
}
