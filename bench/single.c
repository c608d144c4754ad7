/* SPDX-License-Identifier: MIT */
/*
 * single brood|fork
 *
 * One worker made, one item given to it, and its end waited for, beside the bare call and waitpid.
 */
#include "measure.h"

#include <brood.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int work(brood_task *task, void *context)
{
	(void)task;
	(void)context;
	return 0;
}

static double run_brood(void *context)
{
	(void)context;
	const uint64_t begin = nanoseconds();
	brood_pool *pool;
	must(brood_pool_new(&pool, work, NULL, BROOD_OPTIONS(.workers = 1)), "brood_pool_new");
	must(brood_pool_spawn(pool, 1), "brood_pool_spawn");
	must(brood_pool_process_array(pool, NULL, 0, 1), "brood_pool_process_array");
	must(brood_pool_cleanup(pool), "brood_pool_cleanup");
	brood_pool_free(pool);
	return (double)(nanoseconds() - begin);
}

static double run_fork(void *context)
{
	(void)context;
	const uint64_t begin = nanoseconds();
	pid_t child = must(fork(), "fork");
	if (!child)
		_exit(0);
	must(waitpid(child, NULL, 0), "waitpid");
	return (double)(nanoseconds() - begin);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: single brood|fork\n");
		return 2;
	}
	print_nanoseconds(measure_each(strcmp(argv[1], "fork") ? run_brood : run_fork, NULL));
	return 0;
}
