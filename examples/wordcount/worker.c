/* SPDX-License-Identifier: MIT */
#include "wordcount.h"

#include <signal.h>
#include <string.h>
#include <time.h>

/* A child's own, for all its files. */
static struct reader *reader;
static struct tally tally;
static struct brood_buffer answer;

/* What the tests ask for: see the options of main.c. */
static void misbehave(const struct settings *settings, const char *path, bool alone)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	if (settings->crash_on && !strcmp(name, settings->crash_on))
		raise(SIGKILL);
	if (settings->crash_once && !strcmp(name, settings->crash_once) && !alone)
		raise(SIGKILL);
	if (settings->delay > 0) {
		time_t seconds = (time_t)settings->delay;
		long rest = (long)((settings->delay - (double)seconds) * 1e9);
		nanosleep(&(struct timespec){.tv_sec = seconds, .tv_nsec = rest}, NULL);
	}
}

static int pack_tally(void)
{
	int error = brood_pack_map(&answer, tally.count);
	for (size_t i = 0; !error && i < tally.count; i++) {
		const struct entry *entry = &tally.entries[tally.used[i]];
		error = brood_pack_str(&answer, tally_word(&tally, entry), tally_size(&tally, entry));
		if (!error)
			error = brood_pack_uint(&answer, entry->count);
	}
	return error;
}

int worker_start(void *context)
{
	(void)context;
	/* The host's handlers, which cancel its pool, are not for a child. */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	reader = reader_new();
	return reader ? 0 : 1;
}

/* Reads one file, and packs what is in it. */
static int count_file(const char *path)
{
	struct document document;
	reader_read(reader, path, &document);
	uint64_t lines = 0, words = 0;
	size_t size = document.size;
	if (document.kind == KIND_TEXT) {
		if (troff_is(path))
			size = troff_strip(document.text, size);
		words = tally_text(&tally, document.text, size, &lines);
	}
	const uint64_t numbers[ANSWER_NUMBERS] = {
		[ANSWER_KIND] = document.kind, [ANSWER_GZIP] = document.gzip, [ANSWER_STORED] = document.stored,
		[ANSWER_TEXT] = document.size, [ANSWER_LINES] = lines, [ANSWER_WORDS] = words,
	};
	int error = 0;
	for (int i = 0; !error && i < ANSWER_NUMBERS; i++)
		error = brood_pack_uint(&answer, numbers[i]);
	return error ? error : brood_pack_str(&answer, document.reason, strlen(document.reason));
}

int worker_count(brood_task *task, void *context)
{
	const struct work *work = context;
	const struct group group = work->groups[brood_index(task)];
	int error = 0;
	answer.size = 0;
	tally_clear(&tally);
	for (size_t i = group.first; !error && i < group.first + group.count; i++) {
		misbehave(work->settings, work->files[i].path, work->alone);
		error = count_file(work->files[i].path);
	}
	if (!error)
		error = pack_tally();
	if (!error)
		error = brood_reply(task, answer.data, answer.size);
	return error ? brood_fail(task, -error, "Memory", "%s", strerror(-error)) : 0;
}
