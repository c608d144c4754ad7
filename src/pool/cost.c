/* SPDX-License-Identifier: MIT */
#include "pool/cost.h"

#include "pool/worker.h"

#include <unistd.h>

static struct cost_place *place_at(const struct region *region, const struct board_batch *batch, uint32_t slot)
{
	return (struct cost_place *)region_at(region, batch->costs) + slot;
}

static void put(_Atomic uint64_t *words, const struct usage *usage)
{
	for (int i = 0; i < USAGE_WORDS; i++)
		atomic_store_explicit(&words[i], usage->words[i], memory_order_relaxed);
}

static struct usage get(const _Atomic uint64_t *words)
{
	struct usage usage;
	for (int i = 0; i < USAGE_WORDS; i++)
		usage.words[i] = atomic_load_explicit(&words[i], memory_order_relaxed);
	return usage;
}

void cost_begin(struct worker *worker, uint32_t item, uint32_t slot)
{
	struct cost_place *place = place_at(worker->plan->region, &worker->batch, slot);
	if (worker->plan->resets_peak)
		usage_reset_peak();
	const struct usage usage = usage_now();
	atomic_store_explicit(&place->owner, 0, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	put(place->begin, &usage);
	atomic_store_explicit(&place->running, (uint64_t)worker->count << 32 | item, memory_order_relaxed);
	atomic_store_explicit(&place->owner, (uint64_t)getpid(), memory_order_release);
	/* To find out what items cost is none of their time. */
	stopwatch_start(&worker->watch);
}

void cost_end(struct worker *worker, uint32_t slot)
{
	const struct usage usage = usage_now();
	put(place_at(worker->plan->region, &worker->batch, slot)->end, &usage);
}

static struct brood_cost difference(const struct usage *begin, const struct usage *end)
{
	uint64_t by[USAGE_WORDS];
	for (int i = 0; i < USAGE_WORDS; i++)
		by[i] = end->words[i] > begin->words[i] ? end->words[i] - begin->words[i] : 0;
	return (struct brood_cost){.user_seconds = (double)by[USAGE_USER] * 1e-6,
		.system_seconds = (double)by[USAGE_SYSTEM] * 1e-6, .peak_bytes = end->words[USAGE_PEAK],
		.minor_faults = by[USAGE_MINOR], .major_faults = by[USAGE_MAJOR],
		.voluntary_switches = by[USAGE_VOLUNTARY], .involuntary_switches = by[USAGE_INVOLUNTARY]};
}

struct brood_cost cost_read(const struct region *region, const struct board_batch *batch, uint32_t slot)
{
	const struct cost_place *place = place_at(region, batch, slot);
	const struct usage begin = get(place->begin), end = get(place->end);
	return difference(&begin, &end);
}

bool cost_of_dead(const struct region *region, const struct board_batch *batch, uint32_t slot, const struct cost_death *death,
		  struct brood_cost *out)
{
	const struct cost_place *place = place_at(region, batch, slot);
	if (atomic_load_explicit(&place->owner, memory_order_acquire) != death->owner ||
	    atomic_load_explicit(&place->running, memory_order_relaxed) != death->running)
		return false;
	const struct usage begin = get(place->begin);
	*out = difference(&begin, &death->usage);
	return true;
}
