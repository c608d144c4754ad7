/* SPDX-License-Identifier: MIT */
/*
 * death brood|fork DEATHS MEBIBYTES MICROSECONDS
 *
 * From a worker's killing itself to its replacement's beginning with the next item, beside a bare child's killing itself
 * until its pidfd wakes the host, which has that much memory of its own touched, in small pages. Each lives for so long before
 * it does; a child for 500 us at least, so that the host sleeps by then.
 */
#include "measure.h"

#include <brood.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static useconds_t lifetime;

/* Written by children, for each item: the time it began, and the time it killed its worker, or 0. */
struct stamp {
	volatile uint64_t begun, killed;
};

static _Noreturn void die(struct stamp *stamp)
{
	stamp->killed = nanoseconds();
	kill(getpid(), SIGKILL);
	_exit(1);
}

static int work(brood_task *task, void *context)
{
	struct stamp *stamp = (struct stamp *)context + brood_index(task);
	stamp->begun = nanoseconds();
	if (brood_index(task) % 2)
		return 0;
	if (lifetime)
		usleep(lifetime);
	die(stamp);
}

/* What begins first after it, whichever item that is. */
static double gap_after(uint64_t killed, const struct stamp *stamps, size_t items)
{
	uint64_t next = UINT64_MAX;
	for (size_t i = 0; i < items; i++)
		if (stamps[i].begun > killed && stamps[i].begun < next)
			next = stamps[i].begun;
	return (double)(next - killed);
}

static void measure_brood(struct stamp *stamps, double *gaps, size_t deaths)
{
	brood_pool *pool;
	must(brood_pool_new(&pool, work, stamps, BROOD_OPTIONS(.workers = 1)), "brood_pool_new");
	must(brood_pool_spawn(pool, 0), "brood_pool_spawn");
	must(brood_pool_process_array(pool, NULL, 0, 2 * deaths), "brood_pool_process_array");
	brood_pool_free(pool);
	for (size_t i = 0; i < deaths; i++) {
		must(stamps[2 * i].killed ? 0 : -EPROTO, "an item that did not kill");
		gaps[i] = gap_after(stamps[2 * i].killed, stamps, 2 * deaths);
	}
}

static void measure_fork(struct stamp *stamp, double *gaps, size_t deaths)
{
	for (size_t i = 0; i < deaths; i++) {
		pid_t child = must(fork(), "fork");
		if (!child) {
			usleep(lifetime < 500 ? 500 : lifetime);
			die(stamp);
		}
		struct pollfd item = {.fd = must((int)syscall(SYS_pidfd_open, child, 0), "pidfd_open"), .events = POLLIN};
		must(poll(&item, 1, -1), "poll");
		gaps[i] = (double)(nanoseconds() - stamp->killed);
		must(waitpid(child, NULL, 0), "waitpid");
		close(item.fd);
	}
}

int main(int argc, char **argv)
{
	const size_t deaths = argc == 5 ? strtoul(argv[2], NULL, 10) : 0;
	if (!deaths) {
		fprintf(stderr, "usage: death brood|fork DEATHS MEBIBYTES MICROSECONDS\n");
		return 2;
	}
	lifetime = (useconds_t)strtoul(argv[4], NULL, 10);
	touched(strtoul(argv[3], NULL, 10) << 20, true);
	struct stamp *stamps = mmap(NULL, 2 * deaths * sizeof *stamps, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double *gaps = calloc(deaths, sizeof *gaps);
	if (stamps == MAP_FAILED || !gaps)
		fail("memory");
	(strcmp(argv[1], "fork") ? measure_brood : measure_fork)(stamps, gaps, deaths);
	print_nanoseconds(median(gaps, deaths));
	return 0;
}
