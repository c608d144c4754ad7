/* SPDX-License-Identifier: MIT */
/*
 * storm kills SECONDS: a million items, again and again, while workers are killed as fast as they are replaced, for that
 * long. storm stream SECONDS: the same with a stream. storm nurseries SECONDS: nurseries are killed in place of workers.
 * storm deaths COUNT: so many items, of which every tenth dies, each in another way. storm crashes COUNT: so many that all
 * crash, and whose records must say where. All look at every record, and print a line where one is wrong.
 */
#include "crash.h"
#include "judge.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 4
#define ITEMS 1000000
#define SIZE_MOST 40000

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* --- kills --------------------------------------------------------------------------------------------------------- */

/* One more than there are workers: one is ready to replace another. */
#define NUMBERS (WORKERS + 1)

/* The living workers, each as a descriptor, so that no other process of the same pid is ever hit. */
static struct {
	pthread_mutex_t lock;
	int pidfds[NUMBERS];
	double until;
	unsigned long kills;
	unsigned spawns, exits;
	bool nurseries;
} crowd = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The worker's nursery, if both still live: -1 where not, since an orphan has another parent. */
static int open_nursery(pid_t worker)
{
	char path[40], line[200], name[64] = "";
	int parent = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)worker);
	FILE *file = fopen(path, "re");
	while (file && !parent && fgets(line, sizeof line, file))
		sscanf(line, "PPid: %d", &parent);
	if (file)
		fclose(file);
	int pidfd = parent > 1 ? (int)syscall(SYS_pidfd_open, parent, 0) : -1;
	snprintf(path, sizeof path, "/proc/%d/comm", parent);
	file = fopen(path, "re");
	if (file && !fgets(name, sizeof name, file))
		*name = 0;
	if (file)
		fclose(file);
	if (pidfd >= 0 && strcmp(name, "brood-nursery\n")) {
		close(pidfd);
		return -1;
	}
	return pidfd;
}

static void on_spawn(void *context, const struct brood_event *event)
{
	(void)context;
	MUST(event->worker >= 0 && event->worker < NUMBERS);
	int pidfd = crowd.nurseries ? open_nursery(event->pid) : (int)syscall(SYS_pidfd_open, event->pid, 0);
	pthread_mutex_lock(&crowd.lock);
	if (crowd.pidfds[event->worker])
		close(crowd.pidfds[event->worker]);
	crowd.pidfds[event->worker] = pidfd > 0 ? pidfd : 0;
	crowd.spawns++;
	pthread_mutex_unlock(&crowd.lock);
}

static void on_exit_of(void *context, const struct brood_event *event)
{
	(void)context;
	MUST(event->worker >= 0 && event->worker < NUMBERS && event->status);
	crowd.exits++;
}

/* Each is killed once, some moment of up to a millisecond after it is known, at whatever it is doing then. */
static void *kill_all(void *context)
{
	unsigned random = 1;
	(void)context;
	while (now() < crowd.until) {
		int victim = -1;
		pthread_mutex_lock(&crowd.lock);
		for (int i = 0; i < NUMBERS && victim < 0; i++) {
			int slot = (int)((random >> 16) + (unsigned)i) % NUMBERS;
			if (crowd.pidfds[slot]) {
				victim = crowd.pidfds[slot];
				crowd.pidfds[slot] = 0;
			}
		}
		pthread_mutex_unlock(&crowd.lock);
		random = random * 1103515245u + 12345u;
		usleep((random >> 16) % 1000);
		if (victim < 0)
			continue;
		crowd.kills += !syscall(SYS_pidfd_send_signal, victim, SIGKILL, NULL, 0);
		close(victim);
	}
	return NULL;
}

/* What has come of the items so far. */
struct tally {
	const struct work *work;
	unsigned char *seen;
	size_t pulled, pushed;
	unsigned long aborts;
	uint64_t item;
};

static void look(struct tally *tally, const struct brood_result *record)
{
	static unsigned char value[SIZE_MOST];
	const size_t size = tally->work->value_size(record->index);
	uint64_t item;
	if (record->index >= tally->pulled)
		wrong("item %zu of %zu", record->index, tally->pulled);
	if (tally->seen[record->index]++)
		wrong("item %zu has a second record", record->index);
	work_fill(&item, sizeof item, record->index);
	work_fill(value, size, ~(uint64_t)record->index);
	GIVES(record->item.size, sizeof item);
	MUST(!memcmp(record->item.data, &item, sizeof item));
	GIVES(record->attempts, 1);
	tally->pushed++;
	if (record->outcome == BROOD_SUCCESS) {
		GIVES(record->value.size, size);
		MUST(!memcmp(record->value.data, value, size));
	} else {
		GIVES(record->outcome, BROOD_ABORT);
		MUST(record->failure && !strcmp(record->failure->type, "SIGKILL"));
		MUST(record->status && record->status->signal == SIGKILL);
		tally->aborts++;
	}
}

static int pull(void *context, struct brood_bytes *item)
{
	struct tally *tally = context;
	if (tally->pulled == ITEMS)
		return 0;
	work_fill(&tally->item, sizeof tally->item, tally->pulled++);
	*item = (struct brood_bytes){&tally->item, sizeof tally->item};
	return 1;
}

static int push(void *context, const struct brood_result *record)
{
	look(context, record);
	return 0;
}

static void run_batch(brood_pool *pool, struct tally *tally, const struct work *work)
{
	struct brood_result record;
	void *items = work_items(work, 0, ITEMS);
	GIVES(brood_pool_process_array(pool, items, 8, ITEMS), 0);
	const brood_results *results = brood_pool_results(pool);
	GIVES(brood_results_count(results), ITEMS);
	tally->pulled = ITEMS;
	for (size_t i = 0; i < ITEMS; i++) {
		GIVES(brood_results_get(results, i, &record), 0);
		look(tally, &record);
	}
	free(items);
}

/* Most values are short; those of a stream fill the memory that there is for values several times. */
static size_t sizes_batch(size_t index)
{
	return index % 64 ? 8 : 4000;
}

static size_t sizes_stream(size_t index)
{
	return index % 64 ? 8 : SIZE_MOST;
}

/* Rounds of a million items each, as many as fit, and at least one. */
static void kills(double seconds, bool streaming)
{
	static struct work work = {.workers = WORKERS};
	work.value_size = streaming ? sizes_stream : sizes_batch;
	struct brood_reporter reporter = {.size = sizeof reporter, .spawn = on_spawn, .exit = on_exit_of};
	brood_pool *pool;
	pthread_t thread;
	unsigned long aborts = 0, rounds = 0;
	double began = now();
	crowd.until = began + seconds;
	for (; !rounds || now() < crowd.until; rounds++) {
		struct tally tally = {.work = &work, .seen = calloc(ITEMS, 1)};
		MUST(tally.seen);
		GIVES(brood_pool_new(&pool, work_run, &work, BROOD_OPTIONS(.workers = WORKERS, .reporter = &reporter)), 0);
		MUST(brood_pool_spawn(pool, 0) >= 1);
		if (!rounds)
			MUST(!pthread_create(&thread, NULL, kill_all, NULL));
		if (streaming)
			GIVES(brood_pool_stream(pool, pull, push, &tally), 0);
		else
			run_batch(pool, &tally, &work);
		brood_pool_free(pool);
		GIVES(tally.pushed, ITEMS);
		free(tally.seen);
		aborts += tally.aborts;
		GIVES(crowd.exits, crowd.spawns);
	}
	MUST(!pthread_join(thread, NULL));
	if (aborts > crowd.kills * (crowd.nurseries ? NUMBERS : 1))
		wrong("%lu items aborted by %lu kills", aborts, crowd.kills);
	printf("%lu times %d items, %lu kills, %lu items aborted, %.1f s\n", rounds, ITEMS, crowd.kills, aborts,
	       now() - began);
}

/* --- deaths -------------------------------------------------------------------------------------------------------- */

static enum fate fates_deaths(size_t index)
{
	static const enum fate kinds[] = {SEGFAULTS, ABORTS, OVERFLOWS, EXITS, LEAVES, KILLS, TERMINATES, DIVIDES, EXHAUSTS, HANGS,
		SPINS, STUBBORN, STOPS, CLOSES, FORKS, RAISES};
	return index % 10 == 3 ? kinds[index / 10 % (sizeof kinds / sizeof *kinds)] : FINE;
}

static void deaths(size_t count)
{
	static struct work work = {.workers = WORKERS, .fate = fates_deaths};
	struct brood_options options = {.size = sizeof options, .workers = WORKERS, .timeout = 0.5, .grace = 0.02,
		.memory_limit = (size_t)8 << 20};
	brood_results *results;
	double began = now();
	void *items = work_items(&work, 0, count);
	struct judge judge = judge_new(&work, 0, count);
	GIVES(brood_parallelize_array(&results, work_run, &work, items, 8, count, &options), 0);
	judge_results(&judge, results);
	brood_results_free(results);
	free(items);
	printf("%zu items, of which %zu died in 16 ways, %.1f s\n", count, count / 10, now() - began);
}

static void crashes(size_t count)
{
	double began = now();
	crash_all(count);
	printf("%zu crashes, %.1f s\n", count, now() - began);
}

/* Orphans come to this process: there may be none a second later. */
static void expect_nobody(void)
{
	double until = now() + 1;
	pid_t pid;
	while ((pid = waitpid(-1, NULL, __WALL | WNOHANG)) >= 0)
		if (now() > until)
			wrong("processes are left");
		else if (!pid)
			usleep(1000);
	GIVES(errno, ECHILD);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		wrong("storm kills|stream|nurseries SECONDS, or storm deaths|crashes COUNT");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	crowd.nurseries = !strcmp(argv[1], "nurseries");
	if (!strcmp(argv[1], "deaths"))
		deaths((size_t)atol(argv[2]));
	else if (!strcmp(argv[1], "crashes"))
		crashes((size_t)atol(argv[2]));
	else
		kills(atof(argv[2]), !strcmp(argv[1], "stream"));
	expect_nobody();
	return 0;
}
