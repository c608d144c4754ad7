/* SPDX-License-Identifier: MIT */
#include "load.h"
#include "measure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { STRIDE = 7 };

struct load load_of(const char *count, const char *microseconds)
{
	struct load load = {.count = strtoul(count, NULL, 10), .microseconds = strtod(microseconds, NULL)};
	const char *turns = getenv("BENCH_TURNS");
	errno = EINVAL;
	if (!load.count || (load.microseconds > 0 && !turns))
		fail("items, and BENCH_TURNS where they are to be work");
	if (turns)
		load.turns = (uint64_t)(load.microseconds * strtod(turns, NULL));
	load.items = malloc(load.count * sizeof *load.items);
	if (!load.items)
		fail("items");
	for (size_t i = 0; i < load.count; i++)
		load.items[i] = i * STRIDE;
	return load;
}

uint64_t work_on(uint64_t item, uint64_t turns)
{
	uint64_t chain = item;
	for (uint64_t i = 0; i < turns; i++) {
		/* Each turn needs the one before, and none may be left out. */
		chain = chain * 6364136223846793005u + 1442695040888963407u;
		__asm__ volatile("" : "+r"(chain));
	}
	return item * 3 + 1;
}

uint64_t sum_of(const uint64_t *values, size_t count)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += values[i];
	return sum;
}

void check_sum(const struct load *load, uint64_t sum)
{
	errno = EPROTO;
	if (sum != sum_of(load->items, load->count) * 3 + load->count)
		fail("sum");
}

void print_load(const struct load *load, double nanoseconds)
{
	const double each = nanoseconds / (double)load->count;
	printf("{\"ns\": %.2f, \"efficiency\": %.4f}\n", each, load->microseconds * 1e3 / (WORKERS * each));
}
