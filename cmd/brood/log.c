/* SPDX-License-Identifier: MIT */
#include "log.h"

#include "joblog.h"
#include "journal.h"
#include "results.h"
#include "say.h"
#include "sqlite.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

struct logs {
	const struct options *options;
	struct joblog *joblog;
	struct results *results;
	struct journal *journal;
	struct sqlite *sqlite;
	bool told_of_joblog, told_of_results, told_of_journal, told_of_sqlite, failed;
};

struct logs *logs_open(const struct options *options, const struct record *names)
{
	struct logs *logs = need(sizeof *logs);
	*logs = (struct logs){.options = options};
	if (options->joblog)
		logs->joblog = joblog_open(options);
	if (options->results)
		logs->results = results_open(options, names);
	if (options->journal && (!options->dry_run || options->resume))
		logs->journal = journal_open(options->journal, options->resume);
	if (options->sqlite && !options->dry_run)
		logs->sqlite = sqlite_open(options->sqlite, options);
	return logs;
}

/* Once for each file: the command ends with a failure. */
static void check(struct logs *logs, bool *told, const char *path, int error, const char *then)
{
	if (!error)
		return;
	if (!*told)
		say("%s cannot be written: %s; %s", path, strerror(-error), then);
	*told = logs->failed = true;
}

static void check_log(struct logs *logs, bool *told, const char *path, int error)
{
	check(logs, told, path, error, "the jobs go on");
}

static void check_results(struct logs *logs, struct job *job, const char *path, int error)
{
	job->unkept |= error != 0;
	check(logs, &logs->told_of_results, path, error, "no more jobs are started, and those whose output is lost are in no log");
}

bool logs_reads(const struct logs *logs)
{
	return logs->options->resume;
}

bool logs_has(struct logs *logs, const struct job *job)
{
	/* By the log that says most. */
	if (logs->journal)
		return journal_has(logs->journal, job);
	if (logs->joblog)
		return joblog_has(logs->joblog, job);
	return logs->results && results_has(logs->results, job);
}

char *logs_next_failed(struct logs *logs, size_t *number)
{
	return joblog_next_failed(logs->joblog, number);
}

int logs_prepare(struct logs *logs, struct job *job)
{
	return logs->results ? results_prepare(logs->results, job) : 0;
}

void logs_fail(struct logs *logs, struct job *job, int error)
{
	check_results(logs, job, logs->options->results, error);
}

bool logs_lose_output(const struct logs *logs)
{
	return logs->told_of_results;
}

bool logs_keep_output(struct logs *logs, struct job *job, int output, const void *data, size_t size)
{
	int error;
	if (!logs->results || !results_keep(logs->results, job, output, data, size, &error))
		return false;
	check_results(logs, job, job->paths[output], error);
	return true;
}

void logs_write(struct logs *logs, struct job *job)
{
	if (logs->results)
		check_results(logs, job, logs->options->results, results_write(logs->results, job));
	if (job->unkept)
		return;
	if (logs->joblog)
		check_log(logs, &logs->told_of_joblog, logs->options->joblog, joblog_write(logs->joblog, job));
	if (logs->journal)
		check_log(logs, &logs->told_of_journal, logs->options->journal, journal_write(logs->journal, job));
	if (logs->sqlite && sqlite_write(logs->sqlite, job)) {
		if (!logs->told_of_sqlite)
			say("the database %s cannot be written: %s; the jobs go on", logs->options->sqlite, sqlite_error(logs->sqlite));
		logs->told_of_sqlite = logs->failed = true;
	}
}

/* What was told of already is not told again. */
static void check_closed(struct logs *logs, bool closed, bool told, const char *path)
{
	if (!closed && !told)
		say("%s could not be closed: what was written last may be missing", path);
	logs->failed |= !closed;
}

bool logs_close(struct logs *logs)
{
	const struct options *options = logs->options;
	if (logs->joblog)
		check_closed(logs, joblog_close(logs->joblog), logs->told_of_joblog, options->joblog);
	if (logs->results)
		check_closed(logs, results_close(logs->results), logs->told_of_results, options->results);
	if (logs->journal)
		check_closed(logs, journal_close(logs->journal), logs->told_of_journal, options->journal);
	if (logs->sqlite)
		check_closed(logs, sqlite_close(logs->sqlite), logs->told_of_sqlite, options->sqlite);
	const bool fine = !logs->failed;
	free(logs);
	return fine;
}
