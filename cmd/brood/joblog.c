/* SPDX-License-Identifier: MIT */
#include "joblog.h"

#include "say.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char heading[] = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n";

/* What the log says of a number: where in the file its command is, 0: nothing. */
struct entry {
	off_t at;
	bool failed;
};

struct joblog {
	const char *path;
	int fd;
	enum resume resume;
	struct entry *entries; /* by number */
	size_t count, next;
	FILE *file; /* to read commands again */
	char *line;
	size_t capacity;
};

/* --- reading ------------------------------------------------------------------------------------------------------- */

/* The field behind so many tabs, or NULL. */
static char *find_field(char *line, int field)
{
	while (field-- && line) {
		line = strchr(line, '\t');
		line = line ? line + 1 : NULL;
	}
	return line;
}

static void keep_entry(struct joblog *log, size_t number, struct entry entry)
{
	if (number >= log->count) {
		size_t count = log->count ? log->count : 1024;
		while (count <= number)
			count *= 2;
		log->entries = need_more(log->entries, count * sizeof *log->entries);
		memset(log->entries + log->count, 0, (count - log->count) * sizeof *log->entries);
		log->count = count;
	}
	log->entries[number] = entry;
}

/* Lines that are not whole, or no lines of a log, say nothing: false. */
static bool read_entry(struct joblog *log, char *line, ssize_t size, off_t at)
{
	char *end;
	const unsigned long number = strtoul(line, &end, 10);
	char *exit_status = find_field(line, 6), *signal = find_field(line, 7), *command = find_field(line, 8);
	if (!number || number > 1UL << 32 || *end != '\t' || !command || line[size - 1] != '\n')
		return false;
	keep_entry(log, number, (struct entry){at + (command - line), atol(exit_status) || atol(signal)});
	return true;
}

static void read_entries(struct joblog *log)
{
	off_t at = 0;
	log->file = fopen(log->path, "re");
	if (!log->file && errno == ENOENT && log->resume != RESUME_RETRY)
		return;
	if (!log->file)
		die("the job log %s cannot be read: %s", log->path, strerror(errno));
	for (ssize_t size; (size = getline(&log->line, &log->capacity, log->file)) > 0; at += size)
		/* A first line may be cut off, but where it is another one, so is the file, and is not to be written to. */
		if (!read_entry(log, log->line, size, at) && !at && strncmp(log->line, heading, (size_t)size) != 0)
			die("%s is no job log: it begins with neither its heading nor a job", log->path);
}

/* The command of an entry as it was: a log has NUL for its newlines. */
static char *read_command(struct joblog *log, const struct entry *entry)
{
	if (fseeko(log->file, entry->at, SEEK_SET))
		return NULL;
	ssize_t size = getline(&log->line, &log->capacity, log->file);
	if (size < 1)
		return NULL;
	size--;
	for (ssize_t i = 0; i < size; i++)
		if (!log->line[i])
			log->line[i] = '\n';
	return need_copy(log->line, (size_t)size);
}

bool joblog_has(struct joblog *log, const struct job *job)
{
	if (!log->resume || job->number >= log->count || !log->entries[job->number].at)
		return false;
	const struct entry *entry = &log->entries[job->number];
	char *command = read_command(log, entry);
	/* With {%} in it the command may have been another one for another slot. */
	if (!command || (!job->alias.size && strcmp(command, (char *)job->command.data) != 0))
		die("job %zu is not the one that %s tells of, so nothing is run: it is '%.200s' now, and was '%.200s'; a --journal knows "
		    "jobs by their commands", job->number, log->path, (char *)job->command.data, command ? command : "");
	free(command);
	return log->resume == RESUME_UNFINISHED || !entry->failed;
}

char *joblog_next_failed(struct joblog *log, size_t *number)
{
	while (log->next < log->count) {
		const struct entry *entry = &log->entries[log->next++];
		if (!entry->at || !entry->failed)
			continue;
		*number = log->next - 1;
		return read_command(log, entry);
	}
	return NULL;
}

/* --- writing ------------------------------------------------------------------------------------------------------- */

static int write_line(const struct joblog *log, const void *data, size_t size)
{
	const ssize_t wrote = write(log->fd, data, size);
	return wrote == (ssize_t)size ? 0 : wrote < 0 ? -errno : -ENOSPC;
}

struct joblog *joblog_open(const struct options *options)
{
	struct joblog *log = need(sizeof *log);
	*log = (struct joblog){.path = options->joblog, .fd = -1, .resume = options->resume, .next = 1};
	if (log->resume)
		read_entries(log);
	if (options->dry_run)
		return log;
	const bool keep = log->resume || options->joblog_append;
	log->fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (keep ? 0 : O_TRUNC), 0666);
	if (log->fd < 0)
		die("the job log %s cannot be written: %s", log->path, strerror(errno));
	struct stat status;
	if (fstat(log->fd, &status) || !status.st_size) {
		/* A disk that is full is told of once, with the first job. */
		if (write_line(log, heading, sizeof heading - 1))
			errno = 0;
		return log;
	}
	/* What a crash has left half written stays a line of its own. */
	char last = '\n';
	const int again = open(log->path, O_RDONLY | O_CLOEXEC);
	if (again >= 0 && pread(again, &last, 1, status.st_size - 1) == 1 && last != '\n' && write_line(log, "\n", 1))
		errno = 0;
	if (again >= 0)
		close(again);
	return log;
}

int joblog_write(struct joblog *log, const struct job *job)
{
	struct brood_buffer line = {0};
	text_add_format(&line, "%zu\t:\t%.3f\t%10.3f\t%zu\t%llu\t%d\t%d\t", job->number, job->wall_started, job->seconds,
			job->sent, (unsigned long long)job->outputs[0].total, job_exit_status(job), job->status.signal);
	const size_t start = line.size;
	text_add(&line, job->command.data, job->command.size);
	for (size_t i = start; i < line.size; i++)
		if (line.data[i] == '\n')
			line.data[i] = 0;
	text_add_char(&line, '\n');
	const int error = write_line(log, line.data, line.size);
	brood_buffer_free(&line);
	return error;
}

bool joblog_close(struct joblog *log)
{
	const bool fine = log->fd < 0 || !close(log->fd);
	if (log->file)
		fclose(log->file);
	free(log->entries);
	free(log->line);
	free(log);
	return fine;
}
