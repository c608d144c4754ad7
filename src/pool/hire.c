/* SPDX-License-Identifier: MIT */
#include "pool/hire.h"

#include "pool/handout.h"
#include "pool/mate.h"
#include "pool/watch.h"

#include <dlfcn.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Binds the process to one of the processors that it may run on, in turn. */
static void pin(int number)
{
	cpu_set_t allowed, one;
	if (sched_getaffinity(0, sizeof allowed, &allowed))
		return;
	int skip = number % CPU_COUNT(&allowed);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || skip--)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof one, &one);
		return;
	}
}

/*
 * Where there is a processor for each worker, it begins on one of its own, and is free after that. The system puts a new
 * process where its parent is, and moves it away some milliseconds later: a pool that was done in 12 ms took 24. One alone is
 * as well off where it is put, and to be moved takes 20 microseconds.
 */
static void spread(int number, int workers)
{
	cpu_set_t allowed;
	if (workers == 1 || sched_getaffinity(0, sizeof allowed, &allowed) || workers > CPU_COUNT(&allowed))
		return;
	pin(number);
	sched_setaffinity(0, sizeof allowed, &allowed);
}

/* A runtime that is loaded already has read its variables, and has a function for it. */
static void call_setter(const char *name, int threads)
{
	void *symbol = dlsym(RTLD_DEFAULT, name);
	void (*set)(int);
	if (!symbol)
		return;
	memcpy(&set, &symbol, sizeof set);
	set(threads);
}

static void cap_threads(int threads)
{
	static const char *const variables[] = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "MKL_NUM_THREADS",
		"BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"};
	static const char *const setters[] = {"omp_set_num_threads", "openblas_set_num_threads", "MKL_Set_Num_Threads",
		"bli_thread_set_num_threads"};
	char text[16];
	snprintf(text, sizeof text, "%d", threads);
	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
		setenv(variables[i], text, 1);
	for (size_t i = 0; i < sizeof setters / sizeof *setters; i++)
		call_setter(setters[i], threads);
}

/* Private and writable memory, which is what is limited; shared memory and the program's text are not. */
static void limit_memory(size_t more)
{
	unsigned long data = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	if (file) {
		if (fscanf(file, "%*u %*u %*u %*u %*u %lu", &data) != 1)
			data = 0;
		fclose(file);
	}
	struct rlimit limit;
	if (getrlimit(RLIMIT_DATA, &limit))
		return;
	rlim_t bytes;
	if (__builtin_add_overflow((rlim_t)data * (rlim_t)sysconf(_SC_PAGESIZE), more, &bytes) || bytes > limit.rlim_max)
		return;
	limit.rlim_cur = bytes;
	setrlimit(RLIMIT_DATA, &limit);
}

static int run(struct nursery *nursery, void *context, int number)
{
	const brood_pool *pool = context;
	const struct brood_options *options = &pool->options;
	struct worker_plan plan = pool->crew.plan;
	if (options->flags & BROOD_PINNED)
		pin(number);
	else
		spread(number, pool->crew.wanted);
	if (options->threads)
		cap_threads(options->threads);
	plan.limited = options->memory_limit;
	if (plan.limited)
		limit_memory(options->memory_limit);
	if (pool->crew.boxes && !(options->flags & BROOD_UNTRACED)) {
		plan.bottom = &pool->crew.boxes[number].bottom;
		plan.boxes = options->flags & BROOD_TRACEBACKS ? pool->crew.boxes : NULL;
		blackbox_arm(&pool->crew.boxes[number]);
	}
	/* Written to the pool, it would be a page of memory more for each worker. */
	plan.ring_context = nursery;
	return worker_run(&plan, (uint32_t)number);
}

/* In the nursery: the worker that is kept ready takes the place of the one that has ended, with no word from the host. */
static void replace(void *context, int number)
{
	brood_pool *pool = context;
	const struct crew *crew = &pool->crew;
	(void)number;
	const uint32_t i = atomic_load(&crew->board->spare) - 1;
	uint32_t spare = BOARD_SPARE;
	if (i >= crew->lines || !atomic_load(&crew->board->line[i].ready) ||
	    !atomic_compare_exchange_strong(&crew->board->line[i].role, &spare, BOARD_ACTIVE))
		return;
	handout_shake(pool, i);
}

int hire_nursery(brood_pool *pool)
{
	struct crew *crew = &pool->crew;
	for (int i = 0; i < crew->wanted; i++)
		if (crew->mates[i].state == MATE_ABSENT)
			mate_expect(pool, (uint32_t)i, false);
	int error = nursery_new(&crew->nursery, &(struct nursery_plan){.work = run, .ended = replace, .context = pool,
				.count = crew->wanted, .brief = atomic_load(&crew->board->last),
				.boxes = crew->boxes, .plain = pool->options.flags & BROOD_PLAIN_STDERR,
				.output = pool->reporter.output != NULL});
	for (int i = 0; error && i < crew->wanted; i++)
		crew->mates[i].state = MATE_ABSENT;
	if (error)
		crew->present = 0;
	else
		watch_nursery(pool);
	return error;
}
