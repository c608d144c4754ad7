/* SPDX-License-Identifier: MIT */
/*
 * single brood|nested|fork
 *
 * One worker made, one item given to it, and its end waited for, beside the bare call and waitpid. Nested is the same
 * processes and the same words between them with nothing else: a child whose child says by a pipe that it is there, is told to
 * go on, answers, is told to leave, and is waited for by its parent, and that by the host.
 */
#include "measure.h"

#include <brood.h>

#include <errno.h>
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

static void say(int fd)
{
	must(write(fd, "", 1) == 1 ? 0 : -EPIPE, "write");
}

static void hear(int fd)
{
	char byte;
	must(read_whole(fd, &byte, 1) ? 0 : -EPIPE, "read");
}

static double run_nested(void *context)
{
	(void)context;
	const uint64_t begin = nanoseconds();
	int up[2], down[2];
	must(pipe(up), "pipe");
	must(pipe(down), "pipe");
	pid_t nursery = must(fork(), "fork");
	if (!nursery) {
		pid_t worker = must(fork(), "fork");
		if (!worker) {
			hear(down[0]);
			say(up[1]);
			hear(down[0]);
			_exit(0);
		}
		say(up[1]);
		must(waitpid(worker, NULL, 0), "waitpid");
		_exit(0);
	}
	hear(up[0]);
	say(down[1]);
	hear(up[0]);
	say(down[1]);
	must(waitpid(nursery, NULL, 0), "waitpid");
	for (int i = 0; i < 2; i++) {
		close(up[i]);
		close(down[i]);
	}
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
		fprintf(stderr, "usage: single brood|nested|fork\n");
		return 2;
	}
	timed_once *once = !strcmp(argv[1], "fork") ? run_fork : !strcmp(argv[1], "nested") ? run_nested : run_brood;
	print_nanoseconds(measure_each(once, NULL));
	return 0;
}
