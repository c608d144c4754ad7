/* SPDX-License-Identifier: MIT */
/*
 * openmp dynamic|static ITEMS MICROSECONDS
 *
 * The items worked on by two threads of OpenMP, in turn one by one or divided beforehand, and their values summed. The
 * threads are there after the first time; the memory for the values is fresh each time, as a program's that does it once.
 */
#include "load.h"
#include "measure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct loop {
	struct load load;
	void (*run)(const struct load *, uint64_t *values);
};

static void run_dynamic(const struct load *load, uint64_t *values)
{
	const uint64_t *items = load->items, turns = load->turns;
#pragma omp parallel for num_threads(WORKERS) schedule(dynamic, 1)
	for (size_t i = 0; i < load->count; i++)
		values[i] = work_on(items[i], turns);
}

static void run_static(const struct load *load, uint64_t *values)
{
	const uint64_t *items = load->items, turns = load->turns;
#pragma omp parallel for num_threads(WORKERS) schedule(static)
	for (size_t i = 0; i < load->count; i++)
		values[i] = work_on(items[i], turns);
}

static double run_once(void *context)
{
	const struct loop *loop = context;
	const size_t size = loop->load.count * sizeof(uint64_t);
	const uint64_t begin = nanoseconds();
	uint64_t *values = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (values == MAP_FAILED)
		fail("mmap");
	loop->run(&loop->load, values);
	const uint64_t sum = sum_of(values, loop->load.count);
	munmap(values, size);
	const double took = (double)(nanoseconds() - begin);
	check_sum(&loop->load, sum);
	return took;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: openmp dynamic|static ITEMS MICROSECONDS\n");
		return 2;
	}
	struct loop loop = {.load = load_of(argv[2], argv[3]), .run = strcmp(argv[1], "static") ? run_dynamic : run_static};
#pragma omp parallel num_threads(WORKERS)
	work_on(1, 1);
	print_load(&loop.load, measure_each(run_once, &loop));
	return 0;
}
