/* SPDX-License-Identifier: MIT */
/*
 * trace brood|untraced pointer|abort DEATHS
 *
 * From a worker's death, by a write through a null pointer or by abort, to the record of its item in the host: the median, and
 * the first of the process, for which libdw and debug information are read, with abort the C library's, too. untraced: with
 * BROOD_UNTRACED.
 */
#include "measure.h"

#include <brood.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { DEPTH = 10 };

/* Shared with the workers. */
struct scene {
	bool aborts;
	volatile uint64_t died;
};

static int *volatile nowhere;

/* What it adds after the call keeps each call from being the function's last act. */
__attribute__((__noinline__)) static int descend(int depth, struct scene *scene)
{
	if (depth)
		return descend(depth - 1, scene) + *nowhere;
	scene->died = nanoseconds();
	if (scene->aborts)
		abort();
	return *nowhere = 1;
}

static int work(brood_task *task, void *scene)
{
	return descend(DEPTH, scene) + (int)brood_index(task);
}

static void check(const struct brood_result *record, bool traced)
{
	must(record->outcome == BROOD_ABORT ? 0 : -EPROTO, "an item that did not die");
	const char *traceback = record->failure->traceback;
	const bool whole = strstr(traceback, " descend") && strstr(traceback, " work");
	must((traced ? whole : !*traceback) ? 0 : -EPROTO, "a traceback that is not whole, or should not be");
}

static double die(brood_pool *pool, const struct scene *scene, bool traced)
{
	struct brood_result record;
	must(brood_pool_submit(pool, (struct brood_bytes){0}), "brood_pool_submit");
	must(brood_pool_next(pool, &record, -1) == 1 ? 0 : -EPROTO, "brood_pool_next");
	double gap = (double)(nanoseconds() - scene->died);
	check(&record, traced);
	return gap;
}

int main(int argc, char **argv)
{
	const size_t deaths = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	if (!deaths) {
		fprintf(stderr, "usage: trace brood|untraced pointer|abort DEATHS\n");
		return 2;
	}
	const bool traced = strcmp(argv[1], "untraced");
	struct scene *scene = mmap(NULL, sizeof *scene, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double *gaps = calloc(deaths, sizeof *gaps);
	brood_pool *pool;
	if (scene == MAP_FAILED || !gaps)
		fail("memory");
	scene->aborts = !strcmp(argv[2], "abort");
	must(brood_pool_new(&pool, work, scene, BROOD_OPTIONS(.workers = 1, .flags = traced ? 0 : BROOD_UNTRACED)),
	     "brood_pool_new");
	must(brood_pool_spawn(pool, 0), "brood_pool_spawn");
	const double first = die(pool, scene, traced);
	for (size_t i = 0; i < deaths; i++)
		gaps[i] = die(pool, scene, traced);
	brood_pool_free(pool);
	printf("{\"ns\": %.1f, \"first_ns\": %.1f}\n", median(gaps, deaths), first);
	return 0;
}
