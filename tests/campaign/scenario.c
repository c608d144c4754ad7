/* SPDX-License-Identifier: MIT */
/*
 * scenario NAME: a small use of the pool that knows what must come of it, for the killer. Prints a line where that is not
 * so. scenario --list: the names.
 */
#include "campaign.h"
#include "judge.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t sizes_wide(size_t index)
{
	return index * 173 % 5000;
}

static size_t sizes_large(size_t index)
{
	return ((size_t)1 << 20) + index;
}

static size_t sizes_24(size_t index)
{
	(void)index;
	return 24;
}

static brood_pool *pool_of(const struct work *work, const struct brood_options *options)
{
	brood_pool *pool;
	GIVES(brood_pool_new(&pool, work_run, (void *)(uintptr_t)work, options), 0);
	MUST(brood_pool_spawn(pool, 0) >= 1);
	return pool;
}

/* Processes items from first on, and judges what is new in the results. */
static void process(brood_pool *pool, const struct work *work, size_t first, size_t count)
{
	void *items = work_items(work, first, count);
	struct judge judge = judge_new(work, first, count);
	GIVES(brood_pool_process_array(pool, items, work_item_size(work), count), 0);
	judge_results(&judge, brood_pool_results(pool));
	free(items);
}

/* As one call of brood_parallelize_array, whose results are given to look, unless that is NULL. */
static void parallelize(const struct work *work, size_t count, const struct brood_options *options,
			void (*look)(const brood_results *))
{
	brood_results *results;
	void *items = work_items(work, 0, count);
	struct judge judge = judge_new(work, 0, count);
	GIVES(brood_parallelize_array(&results, work_run, (void *)(uintptr_t)work, items, work_item_size(work), count, options), 0);
	judge_results(&judge, results);
	if (look)
		look(results);
	brood_results_free(results);
	free(items);
}

/* --- one call ------------------------------------------------------------------------------------------------------ */

static void tiny(void)
{
	static const struct work work = {.workers = 2};
	parallelize(&work, 200, BROOD_OPTIONS(.workers = 2), NULL);
}

static void wide(void)
{
	static const struct work work = {.workers = 2, .item_size = 700, .value_size = sizes_wide};
	parallelize(&work, 60, BROOD_OPTIONS(.workers = 2), NULL);
}

static void large(void)
{
	static const struct work work = {.workers = 2, .value_size = sizes_large};
	parallelize(&work, 6, BROOD_OPTIONS(.workers = 2), NULL);
}

static enum fate fates_fail(size_t index)
{
	return index % 3 == 1 ? RAISES : index % 7 == 3 ? RETURNS : FINE;
}

static void fail(void)
{
	static const struct work work = {.workers = 2, .fate = fates_fail};
	parallelize(&work, 60, BROOD_OPTIONS(.workers = 2), NULL);
}

static enum fate fates_retry(size_t index)
{
	return index % 5 == 0 ? RECOVERS : index % 11 == 7 ? RAISES : index % 13 == 8 ? LEAVES : FINE;
}

static void retry(void)
{
	static const struct work work = {.workers = 2, .fate = fates_retry, .retries = 2};
	parallelize(&work, 40, BROOD_OPTIONS(.workers = 2, .retries = 2), NULL);
}

static void backoff(void)
{
	static const struct work work = {.workers = 2, .fate = fates_retry, .retries = 1};
	parallelize(&work, 20, BROOD_OPTIONS(.workers = 2, .retries = 1, .backoff = 0.002), NULL);
}

static enum fate fates_crash(size_t index)
{
	static const enum fate crashes[] = {SEGFAULTS, ABORTS, EXITS, LEAVES, TERMINATES};
	return index % 6 == 2 ? crashes[index / 6 % 5] : FINE;
}

static void crash(void)
{
	static const struct work work = {.workers = 2, .fate = fates_crash};
	parallelize(&work, 30, BROOD_OPTIONS(.workers = 2), NULL);
}

static enum fate fates_timeout(size_t index)
{
	return index == 5 ? HANGS : index == 11 ? STUBBORN : FINE;
}

static void timeout(void)
{
	static const struct work work = {.workers = 2, .fate = fates_timeout};
	parallelize(&work, 20, BROOD_OPTIONS(.workers = 2, .timeout = 0.2, .grace = 0.02), NULL);
}

static enum fate fates_memory(size_t index)
{
	return index % 8 == 3 ? EXHAUSTS : FINE;
}

static void memory(void)
{
	static const struct work work = {.workers = 2, .fate = fates_memory};
	parallelize(&work, 20, BROOD_OPTIONS(.workers = 2, .memory_limit = (size_t)8 << 20), NULL);
}

static enum fate fates_uneven(size_t index)
{
	return index % 4 == 0 ? SLOW : FINE;
}

static void uneven(void)
{
	static const struct work work = {.workers = 4, .fate = fates_uneven};
	parallelize(&work, 80, BROOD_OPTIONS(.workers = 4), NULL);
}

static void look_at_array(const brood_results *results)
{
	struct brood_result record;
	const unsigned char *values = brood_results_values(results, 24);
	MUST(values);
	for (size_t i = 0; i < 100; i++) {
		static const unsigned char nothing[24];
		GIVES(brood_results_get(results, i, &record), 0);
		MUST(!memcmp(values + 24 * i, record.outcome == BROOD_SUCCESS ? record.value.data : nothing, 24));
	}
	uint64_t item;
	work_fill(&item, sizeof item, 17);
	GIVES(brood_results_find(results, (struct brood_bytes){&item, sizeof item}, &record), 0);
	GIVES(record.index, 17);
}

static void array(void)
{
	static const struct work work = {.workers = 2, .value_size = sizes_24};
	parallelize(&work, 100, BROOD_OPTIONS(.workers = 2, .value_size = 24), look_at_array);
}

static enum fate fates_segfault(size_t index)
{
	(void)index;
	return SEGFAULTS;
}

static void single(void)
{
	static struct work good = {.workers = 1}, bad = {.workers = 1, .fate = fates_segfault};
	brood_results *results;
	uint64_t item;
	work_fill(&item, sizeof item, 0);
	struct brood_bytes bytes = {&item, sizeof item};
	struct judge judge = judge_new(&good, 0, 1);
	GIVES(brood_timeout(&results, work_run, &good, bytes, 5), 0);
	judge_results(&judge, results);
	brood_results_free(results);
	judge = judge_new(&bad, 0, 1);
	GIVES(brood_failsafe(&results, work_run, &bad, bytes), 0);
	judge_results(&judge, results);
	brood_results_free(results);
}

/* --- a pool -------------------------------------------------------------------------------------------------------- */

static void again(void)
{
	static const struct work work = {.workers = 2, .value_size = sizes_wide};
	brood_pool *pool = pool_of(&work, BROOD_OPTIONS(.workers = 2));
	process(pool, &work, 0, 30);
	process(pool, &work, 30, 20);
	GIVES(brood_pool_cleanup(pool), 0);
	MUST(brood_pool_spawn(pool, 2) >= 1);
	process(pool, &work, 50, 30);
	brood_pool_free(pool);
}

static void recycle(void)
{
	static const struct work work = {.workers = 2};
	struct follow follow;
	follow_new(&follow, &work, 30);
	brood_pool *pool = pool_of(&work, BROOD_OPTIONS(.workers = 2, .recycle_after = 3, .reporter = &follow.reporter));
	process(pool, &work, 0, 30);
	brood_pool_free(pool);
	MUST(follow.spawns >= 9 || judge_may_lose_all());
	follow_end(&follow, 1);
}

static void reporter(void)
{
	static const struct work work = {.workers = 2, .fate = fates_retry, .retries = 1};
	struct follow follow;
	follow_new(&follow, &work, 60);
	brood_pool *pool = pool_of(&work, BROOD_OPTIONS(.workers = 2, .retries = 1, .reporter = &follow.reporter));
	process(pool, &work, 0, 40);
	process(pool, &work, 40, 20);
	brood_pool_free(pool);
	follow_end(&follow, 1);
}

static enum fate fates_slow(size_t index)
{
	(void)index;
	return SLOW;
}

static void cancel(void)
{
	static const struct work work = {.workers = 2, .fate = fates_slow, .canceled = true}, later = {.workers = 2};
	struct follow follow;
	follow_new(&follow, &work, 80);
	brood_pool *pool = pool_of(&work, BROOD_OPTIONS(.workers = 2, .grace = 0.05, .reporter = &follow.reporter));
	follow.cancel = pool;
	follow.cancel_at = 5;
	process(pool, &work, 0, 60);
	MUST(follow.successes >= 5);
	follow.cancel = NULL;
	process(pool, &later, 60, 20);
	brood_pool_free(pool);
	follow_end(&follow, 1);
}

/* The last item's callback cancels, when there is nothing left to cancel, and the items that are given later are none of it. */
static void late(void)
{
	static const struct work work = {.workers = 2};
	struct follow follow;
	follow_new(&follow, &work, 30);
	brood_pool *pool = pool_of(&work, BROOD_OPTIONS(.workers = 2, .reporter = &follow.reporter));
	follow.cancel = pool;
	follow.cancel_at = 10;
	process(pool, &work, 0, 10);
	/* With a kill there may be one success less. */
	follow.cancel = NULL;
	process(pool, &work, 10, 20);
	brood_pool_free(pool);
	follow_end(&follow, 1);
}

static struct {
	unsigned starts, ends;
} *hooked;
static pid_t ready;

static int hook_start(void *context)
{
	(void)context;
	ready = getpid();
	__atomic_add_fetch(&hooked->starts, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void hook_end(void *context)
{
	(void)context;
	__atomic_add_fetch(&hooked->ends, 1, __ATOMIC_SEQ_CST);
}

static int hook_work(brood_task *task, void *context)
{
	(void)context;
	return ready == getpid() ? 0 : brood_fail(task, 1, "NotReady", "worker_start was not run");
}

static enum fate fates_own(size_t index)
{
	(void)index;
	return OWN;
}

static void hooks(void)
{
	static const struct work work = {.workers = 3, .fate = fates_own, .own = hook_work};
	hooked = mmap(NULL, sizeof *hooked, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(hooked != MAP_FAILED);
	brood_pool *pool = pool_of(&work, BROOD_OPTIONS(.workers = 3, .worker_start = hook_start, .worker_end = hook_end));
	process(pool, &work, 0, 40);
	brood_pool_free(pool);
	if (judge_may_hit() ? hooked->ends + 3 < hooked->starts : hooked->ends != hooked->starts)
		wrong("%u workers started, %u ended in good order", hooked->starts, hooked->ends);
	munmap(hooked, sizeof *hooked);
}

/* SIGCHLD is ignored, so that the kernel would take the status of every child of the host. */
static void ignored(void)
{
	signal(SIGCHLD, SIG_IGN);
	static const struct work work = {.workers = 2, .fate = fates_crash};
	parallelize(&work, 20, BROOD_OPTIONS(.workers = 2), NULL);
}

/* --- streams ------------------------------------------------------------------------------------------------------- */

/* Of all that a record points to, which must stay as it is until the next one is asked for. */
static uint64_t digest(const struct brood_result *record)
{
	const struct brood_bytes parts[] = {record->item, record->value};
	uint64_t hash = UINT64_C(14695981039346656037);
	for (int p = 0; p < 2; p++)
		for (size_t i = 0; i < parts[p].size; i++)
			hash = (hash ^ ((const unsigned char *)parts[p].data)[i]) * UINT64_C(1099511628211);
	return hash;
}

/* Submits while the window lets it, and takes in between. */
static void stream_through(brood_pool *pool, const struct work *work, size_t first, size_t count, bool ordered)
{
	unsigned char *items = work_items(work, first, count);
	struct judge judge = judge_new(work, first, count);
	size_t size = work_item_size(work), submitted = 0;
	struct brood_result record = {0};
	uint64_t before = digest(&record);
	for (size_t taken = 0; taken < count; taken++) {
		int result = 0;
		while (submitted < count && !(result = brood_pool_submit(pool, (struct brood_bytes){items + submitted * size, size})))
			submitted++;
		MUST(!result || result == -EAGAIN);
		if (digest(&record) != before)
			wrong("item %zu: its record changes while it is looked at", record.index);
		GIVES(brood_pool_next(pool, &record, -1), 1);
		if (ordered)
			GIVES(record.index, first + taken);
		judge_record(&judge, &record);
		before = digest(&record);
	}
	GIVES(brood_pool_next(pool, &record, -1), 0);
	judge_end(&judge);
	free(items);
}

static void stream(void)
{
	static const struct work work = {.workers = 2, .value_size = sizes_wide};
	brood_pool *pool = pool_of(&work, BROOD_OPTIONS(.workers = 2, .window = 16));
	stream_through(pool, &work, 0, 100, false);
	stream_through(pool, &work, 100, 50, false);
	brood_pool_free(pool);
}

static void ordered(void)
{
	static const struct work work = {.workers = 3, .fate = fates_uneven};
	brood_pool *pool = pool_of(&work, BROOD_OPTIONS(.workers = 3, .window = 16, .flags = BROOD_ORDERED));
	stream_through(pool, &work, 0, 80, true);
	brood_pool_free(pool);
}

/* The items fill window_bytes long before the window is full. */
static void narrow(void)
{
	static const struct work work = {.workers = 2, .item_size = 1000};
	brood_pool *pool = pool_of(&work, BROOD_OPTIONS(.workers = 2, .window_bytes = 8192));
	stream_through(pool, &work, 0, 60, false);
	brood_pool_free(pool);
}

static size_t sizes_chunks(size_t index)
{
	return index % 3 ? 300000 : 1200000;
}

/* The memory for values is used again and again. */
static void chunks(void)
{
	static const struct work work = {.workers = 2, .value_size = sizes_chunks};
	brood_pool *pool = pool_of(&work, BROOD_OPTIONS(.workers = 2, .window = 4));
	stream_through(pool, &work, 0, 24, false);
	brood_pool_free(pool);
}

static enum fate fates_stream(size_t index)
{
	return index % 9 == 4 ? RECOVERS : index % 10 == 7 ? RAISES : index % 17 == 3 ? ABORTS : FINE;
}

static void trouble(void)
{
	static const struct work work = {.workers = 2, .fate = fates_stream, .retries = 1};
	struct follow follow;
	follow_new(&follow, &work, 50);
	brood_pool *pool = pool_of(&work, BROOD_OPTIONS(.workers = 2, .window = 32, .retries = 1, .reporter = &follow.reporter));
	stream_through(pool, &work, 0, 50, false);
	brood_pool_free(pool);
	follow_end(&follow, 1);
}

struct ends {
	const struct work *work;
	struct judge judge;
	size_t pulled, pushed, give_up;
	unsigned char item[300];
};

static int pull(void *context, struct brood_bytes *item)
{
	struct ends *ends = context;
	if (ends->pulled == ends->judge.count)
		return 0;
	work_fill(ends->item, sizeof ends->item, ends->judge.first + ends->pulled++);
	*item = (struct brood_bytes){ends->item, sizeof ends->item};
	return 1;
}

static int push(void *context, const struct brood_result *record)
{
	struct ends *ends = context;
	MUST(record->index < ends->judge.first + ends->pulled);
	judge_record(&ends->judge, record);
	return ++ends->pushed == ends->give_up ? -ENOSPC : 0;
}

static void source(void)
{
	static const struct work work = {.workers = 2, .item_size = 300, .value_size = sizes_wide};
	struct ends ends = {.work = &work, .judge = judge_new(&work, 0, 80)};
	brood_pool *pool = pool_of(&work, BROOD_OPTIONS(.workers = 2, .window = 32));
	GIVES(brood_pool_stream(pool, pull, push, &ends), 0);
	judge_end(&ends.judge);
	brood_pool_free(pool);
}

/* The sink gives up in the middle; the pool is still good for more. */
static void give_up(void)
{
	static const struct work work = {.workers = 2, .item_size = 300};
	struct ends ends = {.work = &work, .judge = judge_new(&work, 0, 80), .give_up = 20};
	struct brood_result record;
	brood_pool *pool = pool_of(&work, BROOD_OPTIONS(.workers = 2, .window = 32));
	GIVES(brood_pool_stream(pool, pull, push, &ends), -ENOSPC);
	GIVES(ends.pushed, 20);
	GIVES(brood_pool_next(pool, &record, 0), 0);
	free(ends.judge.seen);
	process(pool, &work, 0, 30);
	brood_pool_free(pool);
}

/* Submitted items are given up by brood_pool_cleanup, and new workers know nothing of them. */
static void leave(void)
{
	static const struct work work = {.workers = 2, .fate = fates_slow};
	brood_pool *pool = pool_of(&work, BROOD_OPTIONS(.workers = 2));
	unsigned char *items = work_items(&work, 0, 20);
	struct judge judge = judge_new(&work, 0, 20);
	struct brood_result record;
	for (size_t i = 0; i < 20; i++)
		GIVES(brood_pool_submit(pool, (struct brood_bytes){items + 8 * i, 8}), 0);
	for (int i = 0; i < 5; i++) {
		GIVES(brood_pool_next(pool, &record, -1), 1);
		judge_record(&judge, &record);
	}
	free(judge.seen);
	free(items);
	GIVES(brood_pool_cleanup(pool), 0);
	MUST(brood_pool_spawn(pool, 2) >= 1);
	stream_through(pool, &work, 0, 20, false);
	brood_pool_free(pool);
}

/* --- more than one pool -------------------------------------------------------------------------------------------- */

static void two(void)
{
	static const struct work work = {.workers = 2, .value_size = sizes_wide};
	brood_pool *pools[2];
	struct judge judges[2];
	struct brood_result record;
	unsigned char *items = work_items(&work, 0, 40);
	for (int p = 0; p < 2; p++) {
		pools[p] = pool_of(&work, BROOD_OPTIONS(.workers = 2));
		judges[p] = judge_new(&work, 0, 40);
	}
	for (size_t i = 0; i < 40; i++)
		for (int p = 0; p < 2; p++)
			GIVES(brood_pool_submit(pools[p], (struct brood_bytes){items + 8 * i, 8}), 0);
	for (size_t taken = 0; taken < 80;)
		for (int p = 0; p < 2; p++) {
			int result = brood_pool_next(pools[p], &record, 0.01);
			MUST(result == 1 || result == -ETIMEDOUT || (!result && judges[p].seen_count == 40));
			if (result == 1) {
				judge_record(&judges[p], &record);
				taken++;
			}
		}
	for (int p = 0; p < 2; p++) {
		judge_end(&judges[p]);
		brood_pool_free(pools[p]);
	}
	free(items);
}

/* Each item is a pool of its own, whose judge ends the worker where it finds something; the value says how many hits. */
static int nested_work(brood_task *task, void *context)
{
	static const struct work work = {.workers = 2};
	unsigned before = judge_hits();
	(void)context;
	parallelize(&work, 10, BROOD_OPTIONS(.workers = 2), NULL);
	unsigned hits = judge_hits() - before;
	return brood_reply(task, &hits, sizeof hits);
}

static void nested(void)
{
	static const struct work work = {.workers = 2, .fate = fates_own, .own = nested_work};
	struct judge judge = judge_new(&work, 0, 4);
	struct brood_result record;
	brood_results *results;
	GIVES(brood_parallelize(&results, work_run, (void *)(uintptr_t)&work, NULL, 4, BROOD_OPTIONS(.workers = 2)), 0);
	for (size_t i = 0; i < 4; i++) {
		GIVES(brood_results_get(results, i, &record), 0);
		unsigned hits = 0;
		if (record.outcome == BROOD_SUCCESS) {
			GIVES(record.value.size, sizeof hits);
			memcpy(&hits, record.value.data, sizeof hits);
		}
		while (hits-- > 0)
			judge_hit(2);
	}
	judge_results(&judge, results);
	brood_results_free(results);
}

static void *thread_run(void *context)
{
	const struct work *work = context;
	parallelize(work, 30, BROOD_OPTIONS(.workers = 2), NULL);
	return NULL;
}

static void threads(void)
{
	static const struct work work = {.workers = 2, .value_size = sizes_wide};
	pthread_t thread;
	MUST(!pthread_create(&thread, NULL, thread_run, (void *)(uintptr_t)&work));
	thread_run((void *)(uintptr_t)&work);
	MUST(!pthread_join(thread, NULL));
}

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{"tiny", tiny}, {"wide", wide}, {"large", large}, {"fail", fail}, {"retry", retry}, {"backoff", backoff}, {"crash", crash},
	{"timeout", timeout}, {"memory", memory}, {"uneven", uneven}, {"array", array}, {"single", single}, {"again", again},
	{"recycle", recycle}, {"reporter", reporter}, {"cancel", cancel}, {"late", late}, {"hooks", hooks}, {"ignored", ignored},
	{"stream", stream}, {"ordered", ordered}, {"narrow", narrow}, {"chunks", chunks}, {"trouble", trouble}, {"source", source},
	{"give-up", give_up}, {"leave", leave}, {"two", two}, {"nested", nested}, {"threads", threads}};

static int descriptors(void)
{
	int count = 0;
	DIR *directory = opendir("/proc/self/fd");
	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count;
}

int main(int argc, char **argv)
{
	const char *name = argc == 2 ? argv[1] : "";
	for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
		if (!strcmp(name, "--list")) {
			puts(scenarios[i].name);
		} else if (!strcmp(name, scenarios[i].name)) {
			int before = descriptors();
			close(CAMPAIGN_MARK);
			scenarios[i].run();
			GIVES(waitpid(-1, NULL, __WALL | WNOHANG), -1);
			GIVES(descriptors(), before);
			return judge_hits() ? CAMPAIGN_HIT : CAMPAIGN_RIGHT;
		}
	}
	if (strcmp(name, "--list"))
		wrong("scenario NAME, or scenario --list");
	return 0;
}
