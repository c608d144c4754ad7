/* SPDX-License-Identifier: MIT */
#include "wordcount.h"

#include <signal.h>
#include <string.h>
#include <time.h>

/* What the tests ask for: see the options of main.c. */
static void misbehave(const struct settings *settings, const char *path, uint64_t deaths)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	if (settings->crash_on && !strcmp(name, settings->crash_on))
		raise(SIGKILL);
	if (settings->crash_once && !strcmp(name, settings->crash_once) && !deaths)
		raise(SIGKILL);
	if (settings->delay > 0) {
		time_t seconds = (time_t)settings->delay;
		long rest = (long)((settings->delay - (double)seconds) * 1e9);
		nanosleep(&(struct timespec){.tv_sec = seconds, .tv_nsec = rest}, NULL);
	}
}

/* Reads one file, and packs what is in it. */
static int count_file(struct brood_buffer *answer, struct reader *reader, struct tally *tally, const char *path)
{
	struct document document;
	reader_read(reader, path, &document);
	uint64_t lines = 0, words = 0;
	size_t size = document.size;
	if (document.kind == KIND_TEXT) {
		if (troff_is(path))
			size = troff_strip(document.text, size);
		words = tally_text(tally, document.text, size, &lines);
	}
	int error = brood_pack_array(answer, 7);
	if (!error)
		error = brood_pack_uint(answer, document.kind);
	if (!error)
		error = brood_pack_bool(answer, document.gzip);
	if (!error)
		error = brood_pack_uint(answer, document.stored);
	if (!error)
		error = brood_pack_uint(answer, document.size);
	if (!error)
		error = brood_pack_uint(answer, lines);
	if (!error)
		error = brood_pack_uint(answer, words);
	if (!error)
		error = brood_pack_str(answer, document.reason, strlen(document.reason));
	return error;
}

static int pack_tally(struct brood_buffer *answer, const struct tally *tally)
{
	int error = brood_pack_map(answer, tally->count);
	for (size_t i = 0; !error && i < tally->capacity; i++) {
		const struct entry *entry = &tally->entries[i];
		if (!entry->count)
			continue;
		error = brood_pack_str(answer, tally_word(tally, entry), tally_size(tally, entry));
		if (!error)
			error = brood_pack_uint(answer, entry->count);
	}
	return error;
}

/* Answers one batch; what the tally holds are that batch's words only, so that a later death loses none of them. */
static int work_on(struct brood_bytes batch, const struct work *work, struct reader *reader, struct tally *tally,
		   struct brood_buffer *answer)
{
	size_t members;
	uint64_t first = 0, count = 0, deaths = 0;
	int error = brood_unpack_array(&batch, &members);
	if (!error)
		error = brood_unpack_uint(&batch, &first);
	if (!error)
		error = brood_unpack_uint(&batch, &count);
	if (!error)
		error = brood_unpack_uint(&batch, &deaths);
	answer->size = 0;
	tally_clear(tally);
	if (!error)
		error = brood_pack_array(answer, 2);
	if (!error)
		error = brood_pack_array(answer, count);
	for (uint64_t i = first; !error && i < first + count; i++) {
		misbehave(work->settings, work->files[i].path, deaths);
		error = count_file(answer, reader, tally, work->files[i].path);
	}
	return error ? error : pack_tally(answer, tally);
}

int worker_run(brood_channel *channel, void *context)
{
	const struct work *work = context;
	/* The host's handlers, which only take note, are not for a child. */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	struct brood_message message;
	struct brood_buffer answer = {0};
	struct tally tally = {0};
	struct reader *reader = reader_new();
	int result = reader ? 0 : -1;
	while (!result && (result = brood_receive(channel, &message)) == 1) {
		result = work_on(message.body, work, reader, &tally, &answer);
		if (!result)
			result = brood_send(channel, answer.data, answer.size);
	}
	reader_free(reader);
	tally_free(&tally);
	brood_buffer_free(&answer);
	return result ? 1 : 0;
}
