/* SPDX-License-Identifier: MIT */
/*
 * crowd brood|fork WORKERS
 *
 * So many workers made and ended, with nothing to do in between, beside bare children that wait for a pipe to close.
 * Nanoseconds for all, and bytes of memory of each that waits.
 */
#include "measure.h"

#include <brood.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct crowd {
	int count, made;
	pid_t *children;
	double bytes; /* looked at only where it is not 0 */
};

static void look_at_memory(struct crowd *crowd)
{
	usleep(200000);
	double bytes = 0;
	for (int i = 0; i < crowd->count; i++)
		bytes += memory_of(crowd->children[i]);
	crowd->bytes = bytes / crowd->count;
}

static int work(brood_task *task, void *context)
{
	(void)task;
	(void)context;
	return 0;
}

static void note_worker(void *context, const struct brood_event *event)
{
	struct crowd *crowd = context;
	must(crowd->made < crowd->count ? 0 : -EPROTO, "more workers than were asked for");
	crowd->children[crowd->made++] = event->pid;
}

static double run_brood(void *context)
{
	struct crowd *crowd = context;
	const struct brood_reporter reporter = {.size = sizeof reporter, .context = crowd, .spawn = note_worker};
	const bool looked_at = crowd->bytes > 0;
	crowd->made = 0;
	const uint64_t begin = nanoseconds();
	brood_pool *pool;
	must(brood_pool_new(&pool, work, NULL, BROOD_OPTIONS(.workers = crowd->count, .reporter = looked_at ? &reporter : NULL)),
	     "brood_pool_new");
	must(brood_pool_spawn(pool, 0) == crowd->count ? 0 : -EAGAIN, "brood_pool_spawn");
	if (looked_at)
		look_at_memory(crowd);
	must(brood_pool_cleanup(pool), "brood_pool_cleanup");
	brood_pool_free(pool);
	return (double)(nanoseconds() - begin);
}

static double run_fork(void *context)
{
	struct crowd *crowd = context;
	const uint64_t begin = nanoseconds();
	int ends[2];
	must(pipe(ends), "pipe");
	for (int i = 0; i < crowd->count; i++) {
		crowd->children[i] = must(fork(), "fork");
		if (!crowd->children[i]) {
			char byte;
			close(ends[1]);
			read_whole(ends[0], &byte, 1);
			_exit(0);
		}
	}
	if (crowd->bytes > 0)
		look_at_memory(crowd);
	close(ends[1]);
	for (int i = 0; i < crowd->count; i++)
		must(waitpid(crowd->children[i], NULL, 0), "waitpid");
	close(ends[0]);
	return (double)(nanoseconds() - begin);
}

int main(int argc, char **argv)
{
	struct crowd crowd = {.count = argc == 3 ? atoi(argv[2]) : 0};
	if (crowd.count < 1) {
		fprintf(stderr, "usage: crowd brood|fork WORKERS\n");
		return 2;
	}
	raise_descriptor_limit();
	crowd.children = calloc((size_t)crowd.count, sizeof *crowd.children);
	if (!crowd.children)
		fail("memory");
	timed_once *once = strcmp(argv[1], "fork") ? run_brood : run_fork;
	const double time = measure_each(once, &crowd);
	crowd.bytes = 1;
	once(&crowd);
	printf("{\"ns\": %.2f, \"bytes\": %.0f}\n", time, crowd.bytes);
	return 0;
}
