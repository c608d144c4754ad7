/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include "history.h"
#include "key.h"
#include "outcome.h"
#include "say.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct journal {
	int fd;
	bool torn; /* the file ends within a line */
	struct history *history;
	struct key_counts counts; /* of the instances recorded here; and of those in the history */
	struct brood_buffer value, text;
};

/* --- opening ------------------------------------------------------------------------------------------------------- */

/* A file that may be written only is taken for torn: an empty line does no harm. */
static bool is_torn(const char *path, const struct stat *status)
{
	char last = 0;
	if (!S_ISREG(status->st_mode) || !status->st_size)
		return false;
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	const bool ends = pread(fd, &last, 1, status->st_size - 1) == 1 && last == '\n';
	close(fd);
	return !ends;
}

struct journal *journal_open(const char *path, enum resume resume)
{
	struct stat status;
	const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	if (fd < 0 || fstat(fd, &status))
		die("the journal %s cannot be opened: %s", path, strerror(errno));
	const bool reads = resume == RESUME_UNFINISHED || resume == RESUME_FAILED;
	if (reads && !S_ISREG(status.st_mode))
		die("the journal %s is no regular file: what has been done cannot be read from it", path);
	struct journal *journal = need(sizeof *journal);
	*journal = (struct journal){.fd = fd, .torn = is_torn(path, &status), .history = reads ? history_read(path, resume) : NULL};
	return journal;
}

/* --- jobs and instances -------------------------------------------------------------------------------------------- */

bool journal_has(struct journal *journal, const struct job *job)
{
	uint32_t instance;
	return journal->history && history_take(journal->history, key_of(job), job_identity(job), true, &instance);
}

static uint32_t next_instance(struct journal *journal, const struct job *job, uint64_t key)
{
	uint32_t instance;
	bool known;
	if (journal->history && history_take(journal->history, key, job_identity(job), false, &instance))
		return instance;
	/* The count is kept one higher. */
	uint32_t *count = key_count(&journal->counts, key, &known);
	if (!known && journal->history)
		*count = history_next(journal->history, key) + 1;
	return (*count)++ - 1;
}

/* --- one record ---------------------------------------------------------------------------------------------------- */

static void must(int error)
{
	if (error)
		die("a record of the journal cannot be made: %s", strerror(-error));
}

static void pack_text(struct brood_buffer *out, const char *text)
{
	must(text ? brood_pack_str(out, text, strlen(text)) : brood_pack_nil(out));
}

static void add_text(struct brood_buffer *out, const char *name, const char *text)
{
	pack_text(out, name);
	pack_text(out, text);
}

static void add_count(struct brood_buffer *out, const char *name, uint64_t count)
{
	pack_text(out, name);
	must(brood_pack_uint(out, count));
}

static void add_number(struct brood_buffer *out, const char *name, double number)
{
	pack_text(out, name);
	must(brood_pack_double(out, number));
}

static void add_values(struct brood_buffer *out, const struct job *job)
{
	const size_t count = record_values(job->records, job->record_count);
	pack_text(out, "args");
	must(brood_pack_array(out, count));
	for (size_t i = 0; i < job->record_count; i++)
		for (size_t k = 0; k < job->records[i]->count; k++) {
			const struct brood_bytes *value = &job->records[i]->values[k];
			must(brood_pack_str(out, value->data, value->size));
		}
}

static void add_end(struct brood_buffer *out, const struct job *job)
{
	struct outcome outcome;
	outcome_of(job, &outcome);
	pack_text(out, "exit");
	must(outcome.exited ? brood_pack_int(out, outcome.status.exit_code) : brood_pack_nil(out));
	add_text(out, "signal", *outcome.signal ? outcome.signal : NULL);
	pack_text(out, "core");
	must(brood_pack_bool(out, outcome.status.core_dumped));
	add_text(out, "outcome", outcome.word);
	add_text(out, "failure", *outcome.failure ? outcome.failure : NULL);
	add_number(out, "user", outcome.status.user_seconds);
	add_number(out, "system", outcome.status.system_seconds);
	add_count(out, "peak", outcome.status.peak_bytes);
}

enum { MEMBERS = 23 };

static void make_value(struct journal *journal, const struct job *job)
{
	struct brood_buffer *out = &journal->value;
	const uint64_t key = key_of(job);
	char hash[KEY_DIGITS + 1];
	key_print(key, hash);
	out->size = 0;
	must(brood_pack_map(out, MEMBERS));
	add_count(out, "version", 1);
	add_count(out, "seq", job->number);
	add_count(out, "slot", (uint64_t)job->slot);
	pack_text(out, "command");
	must(brood_pack_str(out, job_identity(job).data, job_identity(job).size));
	add_text(out, "hash", hash);
	add_count(out, "instance", next_instance(journal, job, key));
	add_values(out, job);
	add_text(out, "host", outcome_host());
	add_number(out, "start", job->wall_started);
	add_number(out, "seconds", job->seconds);
	add_count(out, "attempts", job->attempt);
	add_end(out, job);
	add_count(out, "stdout_bytes", job->outputs[0].total);
	add_count(out, "stderr_bytes", job->outputs[1].total);
	add_text(out, "stdout", job->paths[0]);
	add_text(out, "stderr", job->paths[1]);
}

int journal_write(struct journal *journal, const struct job *job)
{
	struct brood_buffer *text = &journal->text;
	make_value(journal, job);
	text->size = 0;
	if (journal->torn)
		text_add_char(text, '\n');
	must(brood_value_to_json((struct brood_bytes){journal->value.data, journal->value.size}, text));
	text_add_char(text, '\n');
	ssize_t wrote;
	do
		wrote = write(journal->fd, text->data, text->size);
	while (wrote < 0 && errno == EINTR);
	if (wrote < 0)
		return -errno;
	journal->torn = (size_t)wrote < text->size;
	return journal->torn ? -ENOSPC : 0;
}

bool journal_close(struct journal *journal)
{
	if (!journal)
		return true;
	/* A pipe or a device has nothing to bring to a disk. */
	bool kept = !fsync(journal->fd) || errno == EINVAL || errno == EROFS || errno == ENOTSUP;
	kept &= !close(journal->fd);
	history_free(journal->history);
	key_counts_free(&journal->counts);
	brood_buffer_free(&journal->value);
	brood_buffer_free(&journal->text);
	free(journal);
	return kept;
}
