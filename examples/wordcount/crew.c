/* SPDX-License-Identifier: MIT */
#include "wordcount.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	READY_MOST = 64,
	BATCH_COST_LEAST = 12 << 10,
	BATCH_COST_MOST = 8 << 20,
	BATCH_FILES_MOST = 2048,
	DEATHS_MOST = 2, /* of children in one file: in a batch of several, and alone */
};

static const double TICK = 0.1, PATIENCE = 5;

struct batch {
	size_t first, count;
};

/* A place for a child. Without a channel it is vacant; with a channel but no batch, idle. */
struct worker {
	brood_channel *channel;
	struct batch batch;
};

struct crew {
	struct tree *tree;
	const struct settings *settings;
	struct totals *totals;
	struct tally *tally;
	struct work work;
	struct progress progress;

	brood_exchange *exchange;
	struct worker *workers;
	int size;

	size_t next; /* the first file that was never handed out */
	uint64_t cost_left;
	size_t *again; /* files to hand out once more, each alone */
	size_t again_count;

	size_t done;
	uint64_t cost_done;
};

/* --- batches ------------------------------------------------------------------------------------------------------- */

/*
 * Takes the next batch: a share of what is left, so that batches become smaller towards the end and all children end at
 * about the same time. Empty when there is none.
 */
static struct batch take_batch(struct crew *crew)
{
	if (crew->next == crew->tree->count)
		return crew->again_count ? (struct batch){crew->again[--crew->again_count], 1} : (struct batch){0};
	uint64_t share = crew->cost_left / (uint64_t)(crew->size * 4), cost = 0;
	if (share < BATCH_COST_LEAST)
		share = BATCH_COST_LEAST;
	if (share > BATCH_COST_MOST)
		share = BATCH_COST_MOST;
	struct batch batch = {crew->next, 0};
	do {
		cost += crew->tree->files[crew->next++].cost;
		batch.count++;
	} while (crew->next < crew->tree->count && cost + crew->tree->files[crew->next].cost <= share &&
		 batch.count < BATCH_FILES_MOST);
	crew->cost_left -= cost;
	return batch;
}

static void count_done(struct crew *crew, struct batch batch)
{
	for (size_t i = batch.first; i < batch.first + batch.count; i++)
		crew->cost_done += crew->tree->files[i].cost;
	crew->done += batch.count;
}

/* A child ended in its batch. Each of the files goes to a child alone next, so that one that kills is known by that. */
static void return_batch(struct crew *crew, struct batch batch, const char *reason)
{
	for (size_t i = batch.first + batch.count; i-- > batch.first;) {
		struct file *file = &crew->tree->files[i];
		if (++file->deaths < DEATHS_MOST) {
			crew->again[crew->again_count++] = i;
			continue;
		}
		tree_fail(crew->tree, file->path, "%s", reason);
		count_done(crew, (struct batch){i, 1});
	}
}

/* --- children ------------------------------------------------------------------------------------------------------ */

/* The child has gone, or has done something that it should not have. */
static void lose(struct crew *crew, struct worker *worker)
{
	struct brood_status status = {0};
	struct batch batch = worker->batch;
	if (brood_wait(worker->channel, PATIENCE, &status) == -ETIMEDOUT) {
		brood_channel_kill(worker->channel, SIGKILL);
		brood_wait(worker->channel, PATIENCE, &status);
	}
	brood_channel_free(worker->channel);
	*worker = (struct worker){0};
	crew->totals->cpu_seconds += status.user_seconds + status.system_seconds;
	crew->totals->lost++;
	char reason[64];
	if (status.signal)
		snprintf(reason, sizeof reason, "ended %d children by SIG%s", DEATHS_MOST, sigabbrev_np(status.signal));
	else
		snprintf(reason, sizeof reason, "ended %d children with exit code %d", DEATHS_MOST, status.exit_code);
	return_batch(crew, batch, reason);
}

static int hire(struct crew *crew, struct worker *worker)
{
	int error = brood_start(&worker->channel, worker_run, &crew->work);
	if (error)
		return error;
	error = brood_exchange_add(crew->exchange, worker->channel);
	if (error) {
		brood_channel_free(worker->channel);
		worker->channel = NULL;
	}
	return error;
}

static int send_batch(struct worker *worker, const struct file *files)
{
	struct brood_buffer message = {0};
	int error = brood_pack_array(&message, 3);
	if (!error)
		error = brood_pack_uint(&message, worker->batch.first);
	if (!error)
		error = brood_pack_uint(&message, worker->batch.count);
	if (!error)
		error = brood_pack_uint(&message, files[worker->batch.first].deaths);
	if (!error)
		error = brood_send(worker->channel, message.data, message.size);
	brood_buffer_free(&message);
	return error;
}

/* Gives work, as long as there is any, to a worker that has none. */
static int employ(struct crew *crew, struct worker *worker)
{
	while (!worker->batch.count && (crew->next < crew->tree->count || crew->again_count)) {
		int error = worker->channel ? 0 : hire(crew, worker);
		if (error)
			return error;
		worker->batch = take_batch(crew);
		if (send_batch(worker, crew->tree->files))
			lose(crew, worker);
	}
	return 0;
}

/* --- answers ------------------------------------------------------------------------------------------------------- */

static int add_file(struct crew *crew, struct file *file, struct brood_bytes *answer)
{
	size_t members;
	uint64_t kind, stored, text, lines, words;
	bool gzip;
	struct brood_bytes reason;
	int error = brood_unpack_array(answer, &members);
	if (!error)
		error = brood_unpack_uint(answer, &kind);
	if (!error)
		error = brood_unpack_bool(answer, &gzip);
	if (!error)
		error = brood_unpack_uint(answer, &stored);
	if (!error)
		error = brood_unpack_uint(answer, &text);
	if (!error)
		error = brood_unpack_uint(answer, &lines);
	if (!error)
		error = brood_unpack_uint(answer, &words);
	if (!error)
		error = brood_unpack_str(answer, &reason);
	if (error)
		return error;
	struct totals *totals = crew->totals;
	totals->stored += stored;
	if (kind == KIND_FAILED) {
		tree_fail(crew->tree, file->path, "%.*s", (int)reason.size, (const char *)reason.data);
	} else if (kind == KIND_BINARY) {
		totals->binary++;
	} else {
		totals->documents++;
		totals->gzip += gzip;
		totals->text += text;
		totals->lines += lines;
		totals->words += words;
		file->lines = lines;
		file->words = words;
	}
	return 0;
}

static int add_answer(struct crew *crew, struct batch batch, struct brood_bytes answer)
{
	size_t count;
	int error = brood_value_check(answer);
	if (error)
		return error;
	error = brood_unpack_array(&answer, &count);
	if (!error)
		error = brood_unpack_array(&answer, &count);
	if (!error && count != batch.count)
		error = -EBADMSG;
	for (size_t i = 0; !error && i < batch.count; i++)
		error = add_file(crew, &crew->tree->files[batch.first + i], &answer);
	if (!error)
		error = brood_unpack_map(&answer, &count);
	for (size_t i = 0; !error && i < count; i++) {
		struct brood_bytes word;
		uint64_t times;
		error = brood_unpack_str(&answer, &word);
		if (!error)
			error = brood_unpack_uint(&answer, &times);
		if (!error)
			tally_add(crew->tally, word.data, word.size, times);
	}
	count_done(crew, batch);
	return error;
}

/* The child has its next batch before the answer is added up, so that neither waits for the other. */
static int take_answer(struct crew *crew, struct worker *worker)
{
	struct brood_message message;
	if (brood_receive(worker->channel, &message) != 1) {
		lose(crew, worker);
		return 0;
	}
	struct batch answered = worker->batch;
	worker->batch = take_batch(crew);
	int unsent = worker->batch.count ? send_batch(worker, crew->tree->files) : 0;
	int error = add_answer(crew, answered, message.body);
	if (unsent)
		lose(crew, worker);
	return error;
}

static bool at_work(const struct crew *crew)
{
	for (int i = 0; i < crew->size; i++)
		if (crew->workers[i].batch.count)
			return true;
	return false;
}

static struct worker *worker_of(const struct crew *crew, const brood_channel *channel)
{
	struct worker *worker = crew->workers;
	while (worker->channel != channel)
		worker++;
	return worker;
}

static int work(struct crew *crew, const volatile int *stop)
{
	brood_channel *ready[READY_MOST];
	int error = 0;
	for (;;) {
		/* What a child left by its end is handed out again here, to whoever is idle. */
		for (int i = 0; !error && i < crew->size; i++)
			error = employ(crew, &crew->workers[i]);
		if (error || !at_work(crew))
			return error;
		int count = brood_exchange_ready(crew->exchange, ready, READY_MOST, TICK);
		if (count < 0)
			return count;
		for (int i = 0; !error && i < count; i++)
			error = take_answer(crew, worker_of(crew, ready[i]));
		if (*stop)
			return -EINTR;
		progress_draw(&crew->progress, crew->done, crew->cost_done);
	}
}

/* Sends the children home, or kills them where the work was not done. */
static void dismiss(struct crew *crew, bool finished)
{
	for (int i = 0; i < crew->size; i++) {
		brood_channel *channel = crew->workers[i].channel;
		if (channel && finished)
			brood_close(channel);
		else if (channel)
			brood_channel_kill(channel, SIGKILL);
	}
	for (int i = 0; i < crew->size; i++) {
		struct brood_status status = {0};
		if (crew->workers[i].channel && !brood_wait(crew->workers[i].channel, PATIENCE, &status))
			crew->totals->cpu_seconds += status.user_seconds + status.system_seconds;
	}
}

int crew_run(struct tree *tree, const struct settings *settings, const volatile int *stop, struct totals *totals,
	     struct tally *tally)
{
	struct crew crew = {
		.tree = tree, .settings = settings, .totals = totals, .tally = tally,
		.work = {.settings = settings, .files = tree->files},
		.size = tree->count < (size_t)settings->children ? (int)tree->count : settings->children,
	};
	totals->children = crew.size;
	if (!crew.size)
		return 0;
	for (size_t i = 0; i < tree->count; i++)
		crew.cost_left += tree->files[i].cost;
	int error = brood_exchange_new(&crew.exchange, BROOD_GIVE_ENDED);
	if (error)
		return error;
	crew.workers = need(NULL, (size_t)crew.size, sizeof *crew.workers);
	memset(crew.workers, 0, (size_t)crew.size * sizeof *crew.workers);
	crew.again = need(NULL, tree->count, sizeof *crew.again);
	progress_begin(&crew.progress, tree);
	error = work(&crew, stop);
	dismiss(&crew, !error);
	progress_end(&crew.progress);
	brood_exchange_free(crew.exchange);
	free(crew.workers);
	free(crew.again);
	return error;
}
