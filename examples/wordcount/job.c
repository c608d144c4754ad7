/* SPDX-License-Identifier: MIT */
#include "wordcount.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	GROUP_COST_MOST = 1 << 20,
	GROUPS_LEAST = 16, /* for each child, where there are files enough: so all children end at about the same time */
};

struct job {
	struct work work;
	struct tree *tree;
	const volatile int *stop;
	struct totals *totals;
	struct tally *tally;
	struct progress progress;
	size_t group_count, next, done;
	uint64_t cost_done;
	size_t *again; /* files whose group did not succeed */
	size_t again_count;
};

static brood_pool *volatile running;

void job_cancel(void)
{
	if (running)
		brood_pool_cancel(running);
}

/* --- groups -------------------------------------------------------------------------------------------------------- */

/* Many small files are one item: their answer tells each word once, and the host has less to add up. */
static void group_files(struct job *job)
{
	const struct tree *tree = job->tree;
	uint64_t most = job->progress.cost / (uint64_t)(GROUPS_LEAST * job->work.settings->children);
	if (most > GROUP_COST_MOST)
		most = GROUP_COST_MOST;
	struct group *groups = need(NULL, tree->count, sizeof *groups);
	uint64_t cost = 0;
	for (size_t i = 0; i < tree->count; i++) {
		if (!i || cost + tree->files[i].cost > most) {
			groups[job->group_count++] = (struct group){.first = i};
			cost = 0;
		}
		groups[job->group_count - 1].count++;
		cost += tree->files[i].cost;
	}
	job->work.groups = groups;
}

/* Each file whose group did not succeed is a group of its own, so that the one that is to blame is known by that. */
static void group_again(struct job *job)
{
	for (size_t i = 0; i < job->again_count; i++)
		job->work.groups[i] = (struct group){job->again[i], 1};
	job->group_count = job->again_count;
	job->work.alone = true;
}

/* --- answers ------------------------------------------------------------------------------------------------------- */

static int add_file(struct job *job, struct file *file, struct brood_bytes *answer)
{
	struct totals *totals = job->totals;
	uint64_t numbers[ANSWER_NUMBERS];
	struct brood_bytes reason;
	int error = 0;
	for (int i = 0; !error && i < ANSWER_NUMBERS; i++)
		error = brood_unpack_uint(answer, &numbers[i]);
	if (!error)
		error = brood_unpack_str(answer, &reason);
	if (error)
		return error;
	totals->stored += numbers[ANSWER_STORED];
	if (numbers[ANSWER_KIND] == KIND_FAILED) {
		tree_fail(job->tree, file->path, "%.*s", (int)reason.size, (const char *)reason.data);
	} else if (numbers[ANSWER_KIND] == KIND_BINARY) {
		totals->binary++;
	} else {
		totals->documents++;
		totals->gzip += numbers[ANSWER_GZIP];
		totals->text += numbers[ANSWER_TEXT];
		totals->lines += file->lines = numbers[ANSWER_LINES];
		totals->words += file->words = numbers[ANSWER_WORDS];
	}
	return 0;
}

static int add_answer(struct job *job, struct group group, struct brood_bytes answer)
{
	size_t count = 0;
	int error = 0;
	for (size_t i = 0; !error && i < group.count; i++)
		error = add_file(job, &job->tree->files[group.first + i], &answer);
	if (!error)
		error = brood_unpack_map(&answer, &count);
	for (size_t i = 0; !error && i < count; i++) {
		struct brood_bytes word;
		uint64_t times;
		error = brood_unpack_str(&answer, &word);
		if (!error)
			error = brood_unpack_uint(&answer, &times);
		if (!error)
			tally_add(job->tally, word.data, word.size, times);
	}
	return error;
}

static void fail_file(struct job *job, const char *path, const struct brood_result *result)
{
	const struct brood_failure *failure = result->failure;
	if (result->outcome == BROOD_TIMEOUT)
		tree_fail(job->tree, path, "took more than %g seconds", job->work.settings->timeout);
	else if (result->outcome == BROOD_ABORT && failure->signal)
		tree_fail(job->tree, path, "ended 2 children by %s", failure->type);
	else if (result->outcome == BROOD_ABORT)
		tree_fail(job->tree, path, "ended 2 children with exit code %d", failure->code);
	else
		tree_fail(job->tree, path, "%s", failure->message);
}

/* --- the pool ------------------------------------------------------------------------------------------------------ */

/* An item has no bytes: its index is its group's, and the children have the groups by being forked. */
static int give_group(void *context, struct brood_bytes *item)
{
	struct job *job = context;
	*item = (struct brood_bytes){0};
	return *job->stop ? -EINTR : job->next++ < job->group_count;
}

static int take_result(void *context, const struct brood_result *result)
{
	struct job *job = context;
	const struct group group = job->work.groups[result->index];
	int error = *job->stop ? -EINTR : 0;
	if (!error && result->outcome == BROOD_SUCCESS)
		error = add_answer(job, group, result->value);
	else if (!error && job->work.alone)
		fail_file(job, job->tree->files[group.first].path, result);
	for (size_t i = group.first; !error && i < group.first + group.count; i++) {
		if (result->outcome == BROOD_SUCCESS || job->work.alone) {
			job->cost_done += job->tree->files[i].cost;
			job->done++;
		} else {
			job->again[job->again_count++] = i;
		}
	}
	progress_draw(&job->progress, job->done, job->cost_done);
	return error;
}

static void count_exit(void *context, const struct brood_event *event)
{
	struct job *job = context;
	const struct brood_status *status = event->status;
	job->totals->cpu_seconds += status->user_seconds + status->system_seconds;
	job->totals->lost += status->signal || status->exit_code;
}

static int run_groups(struct job *job)
{
	const struct settings *settings = job->work.settings;
	const struct brood_reporter reporter = {.size = sizeof reporter, .context = job, .exit = count_exit};
	brood_pool *pool;
	int error = brood_pool_new(&pool, worker_count, &job->work,
				   BROOD_OPTIONS(.workers = job->totals->children, .timeout = settings->timeout,
						 .reporter = &reporter, .worker_start = worker_start));
	if (error)
		return error;
	int workers = brood_pool_spawn(pool, 0);
	running = pool;
	job->next = 0;
	error = workers < 0 ? workers : brood_pool_stream(pool, give_group, take_result, job);
	running = NULL;
	brood_pool_free(pool);
	return *job->stop ? -EINTR : error;
}

int job_run(struct tree *tree, const struct settings *settings, const volatile int *stop, struct totals *totals,
	    struct tally *tally)
{
	struct job job = {.work = {.settings = settings, .files = tree->files}, .tree = tree, .stop = stop, .totals = totals,
		.tally = tally};
	totals->children = tree->count < (size_t)settings->children ? (int)tree->count : settings->children;
	if (!tree->count)
		return 0;
	progress_begin(&job.progress, tree);
	group_files(&job);
	job.again = need(NULL, tree->count, sizeof *job.again);
	int error = run_groups(&job);
	if (!error && job.again_count) {
		group_again(&job);
		error = run_groups(&job);
	}
	progress_end(&job.progress);
	free(job.work.groups);
	free(job.again);
	return error;
}
