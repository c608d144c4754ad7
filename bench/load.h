/* SPDX-License-Identifier: MIT */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stddef.h>
#include <stdint.h>

/*
 * The items that the pool and its peers work on: numbers, each of which keeps a processor busy for so long, by counting
 * and not by a clock. How many turns are a microsecond is BENCH_TURNS of the environment, as calibrate found it.
 */
struct load {
	size_t count;
	double microseconds;
	uint64_t turns;
	uint64_t *items;
};

enum { WORKERS = 2 };

struct load load_of(const char *count, const char *microseconds);

/* What an item's value is, 8 bytes, after that many turns. */
uint64_t work_on(uint64_t item, uint64_t turns);

uint64_t sum_of(const uint64_t *values, size_t count);

/* Ends the program where this is not the sum of all values. */
void check_sum(const struct load *, uint64_t sum);

/* Prints nanoseconds for each item, and the efficiency: the work by what the workers could have done in that time. */
void print_load(const struct load *, double nanoseconds);

#endif
