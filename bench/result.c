/* SPDX-License-Identifier: MIT */
/*
 * result brood|alone BYTES
 *
 * One large value made by a worker in place and summed by the host, again and again in one pool; or made and summed by
 * one process in one memory. Nanoseconds for each, and for the first, for which memory is fresh.
 */
#include "load.h"
#include "measure.h"

#include <brood.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct large {
	size_t count;     /* numbers of 8 bytes */
	brood_pool *pool; /* one of these two */
	uint64_t *memory;
};

/* What differs from time to time, so that nothing of the last is left to be found. */
static void make(uint64_t *numbers, size_t count, uint64_t time)
{
	for (size_t i = 0; i < count; i++)
		numbers[i] = i + time;
}

static void check(const uint64_t *numbers, size_t count, uint64_t time)
{
	const uint64_t expected = count * (count - 1) / 2 + count * time;
	must(sum_of(numbers, count) == expected ? 0 : -EPROTO, "sum");
}

static int work(brood_task *task, void *context)
{
	const struct large *large = context;
	uint64_t *numbers = brood_reply_reserve(task, large->count * sizeof *numbers);
	if (!numbers)
		return 1;
	make(numbers, large->count, brood_index(task));
	return 0;
}

static double run_brood(void *context)
{
	struct large *large = context;
	struct brood_result result;
	const uint64_t begin = nanoseconds();
	must(brood_pool_submit(large->pool, (struct brood_bytes){0}), "brood_pool_submit");
	must(must(brood_pool_next(large->pool, &result, -1), "brood_pool_next") ? 0 : -EPROTO, "no record");
	must(result.value.size == large->count * sizeof(uint64_t) ? 0 : -EPROTO, "value");
	check(result.value.data, large->count, result.index);
	return (double)(nanoseconds() - begin);
}

static double run_alone(void *context)
{
	static uint64_t times;
	struct large *large = context;
	const uint64_t begin = nanoseconds();
	make(large->memory, large->count, times);
	/* As for a reader that is another process. */
	__asm__ volatile("" : : "r"(large->memory) : "memory");
	check(large->memory, large->count, times++);
	return (double)(nanoseconds() - begin);
}

int main(int argc, char **argv)
{
	struct large large = {.count = argc == 3 ? strtoul(argv[2], NULL, 10) / sizeof(uint64_t) : 0};
	if (!large.count) {
		fprintf(stderr, "usage: result brood|alone BYTES\n");
		return 2;
	}
	const bool brood = strcmp(argv[1], "alone") != 0;
	if (brood) {
		must(brood_pool_new(&large.pool, work, &large, BROOD_OPTIONS(.workers = 1)), "brood_pool_new");
		must(brood_pool_spawn(large.pool, 0), "brood_pool_spawn");
	} else {
		large.memory = mmap(NULL, large.count * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (large.memory == MAP_FAILED)
			fail("mmap");
	}
	timed_once *once = brood ? run_brood : run_alone;
	const double first = once(&large);
	printf("{\"ns\": %.2f, \"first_ns\": %.2f}\n", measure_each(once, &large), first);
	brood_pool_free(large.pool);
	return 0;
}
