/* SPDX-License-Identifier: MIT */
/*
 * claim ITEMS MICROSECONDS RANGE
 *
 * The items worked on by two bare children that claim so many at a time from one shared counter and write the values to
 * shared memory, with no record of who does what: what a pool's accounting costs is what it takes beyond this.
 */
#include "load.h"
#include "measure.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct claims {
	struct load load;
	size_t range;
};

struct shared {
	_Alignas(64) atomic_size_t claimed;
	_Alignas(64) uint64_t values[];
};

static void work(const struct claims *claims, struct shared *shared)
{
	const struct load *load = &claims->load;
	size_t first;
	while ((first = atomic_fetch_add(&shared->claimed, claims->range)) < load->count)
		for (size_t i = first; i < first + claims->range && i < load->count; i++)
			shared->values[i] = work_on(load->items[i], load->turns);
}

static double run_once(void *context)
{
	const struct claims *claims = context;
	const size_t count = claims->load.count, size = sizeof(struct shared) + count * sizeof(uint64_t);
	const uint64_t begin = nanoseconds();
	struct shared *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		fail("mmap");
	pid_t children[WORKERS];
	for (int i = 0; i < WORKERS; i++) {
		children[i] = must(fork(), "fork");
		if (!children[i]) {
			work(claims, shared);
			_exit(0);
		}
	}
	for (int i = 0; i < WORKERS; i++)
		must(waitpid(children[i], NULL, 0), "waitpid");
	const uint64_t sum = sum_of(shared->values, count);
	munmap(shared, size);
	const double took = (double)(nanoseconds() - begin);
	check_sum(&claims->load, sum);
	return took;
}

int main(int argc, char **argv)
{
	struct claims claims = {.range = argc == 4 ? strtoul(argv[3], NULL, 10) : 0};
	if (!claims.range) {
		fprintf(stderr, "usage: claim ITEMS MICROSECONDS RANGE\n");
		return 2;
	}
	claims.load = load_of(argv[1], argv[2]);
	print_load(&claims.load, measure_each(run_once, &claims));
	return 0;
}
