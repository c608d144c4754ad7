/* SPDX-License-Identifier: MIT */
/*
 * parallelize cold|warm|waiting ITEMS MICROSECONDS
 *
 * The items worked on by a pool of two workers, and their values summed. Cold is brood_parallelize_array, with all that it
 * makes and ends. Warm is brood_pool_process_array alone, in a pool that has done a few items before, and waiting the
 * same in one whose workers have started and done none, so that all values are one array.
 */
#include "load.h"
#include "measure.h"

#include <brood.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FEW = 64 };

struct shared {
	struct load load;
	atomic_int started;
};

static int work(brood_task *task, void *context)
{
	const struct shared *shared = context;
	const uint64_t value = work_on(*(const uint64_t *)brood_item(task).data, shared->load.turns);
	return brood_reply(task, &value, sizeof value);
}

static uint64_t sum_results(const brood_results *results, size_t first, size_t count)
{
	const uint64_t *values = brood_results_values(results, sizeof *values);
	if (values)
		return sum_of(values + first, count);
	uint64_t sum = 0;
	for (size_t i = first; i < first + count; i++) {
		struct brood_result result;
		must(brood_results_get(results, i, &result), "brood_results_get");
		must(result.value.size == sizeof(uint64_t) ? 0 : -EPROTO, "value");
		sum += *(const uint64_t *)result.value.data;
	}
	return sum;
}

static double run_cold(void *context)
{
	struct shared *shared = context;
	const struct load *load = &shared->load;
	const uint64_t begin = nanoseconds();
	brood_results *results;
	must(brood_parallelize_array(&results, work, shared, load->items, sizeof *load->items, load->count,
				     BROOD_OPTIONS(.workers = WORKERS)), "brood_parallelize_array");
	const uint64_t sum = sum_results(results, 0, load->count);
	brood_results_free(results);
	const double took = (double)(nanoseconds() - begin);
	check_sum(load, sum);
	return took;
}

static double process(struct shared *shared, brood_pool *pool, size_t first)
{
	const struct load *load = &shared->load;
	const uint64_t begin = nanoseconds();
	must(brood_pool_process_array(pool, load->items, sizeof *load->items, load->count), "brood_pool_process_array");
	const uint64_t sum = sum_results(brood_pool_results(pool), first, load->count);
	const double took = (double)(nanoseconds() - begin);
	check_sum(load, sum);
	return took;
}

static double run_warm(void *context)
{
	struct shared *shared = context;
	brood_pool *pool;
	must(brood_pool_new(&pool, work, shared, BROOD_OPTIONS(.workers = WORKERS)), "brood_pool_new");
	must(brood_pool_spawn(pool, 0), "brood_pool_spawn");
	must(brood_pool_process_array(pool, shared->load.items, sizeof(uint64_t), FEW), "brood_pool_process_array");
	const double took = process(shared, pool, FEW);
	brood_pool_free(pool);
	return took;
}

static int say_started(void *context)
{
	struct shared *shared = context;
	shared->started++;
	return 0;
}

static double run_waiting(void *context)
{
	struct shared *shared = context;
	brood_pool *pool;
	shared->started = 0;
	must(brood_pool_new(&pool, work, shared, BROOD_OPTIONS(.workers = WORKERS, .worker_start = say_started)),
	     "brood_pool_new");
	must(brood_pool_spawn(pool, 0), "brood_pool_spawn");
	while (shared->started < WORKERS)
		usleep(100);
	const double took = process(shared, pool, 0);
	brood_pool_free(pool);
	return took;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: parallelize cold|warm|waiting ITEMS MICROSECONDS\n");
		return 2;
	}
	struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		fail("mmap");
	shared->load = load_of(argv[2], argv[3]);
	timed_once *once = !strcmp(argv[1], "warm") ? run_warm : !strcmp(argv[1], "waiting") ? run_waiting : run_cold;
	print_load(&shared->load, measure_each(once, shared));
	return 0;
}
