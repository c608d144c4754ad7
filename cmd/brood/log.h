/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_LOG_H
#define BROOD_COMMAND_LOG_H

#include "job.h"
#include "options.h"

/* All that is kept of jobs: --joblog, --journal, --results and --sqlite. Opening ends the command where that fails; later
   failures are said once for each file, and make the command end with a failure. */
struct logs;

struct logs *logs_open(const struct options *, const struct record *names);

/* Whether logs of an earlier run are read, and whether the job has been done according to them. Ends the command where
   the log tells of another command under the job's number. */
bool logs_reads(const struct logs *);
bool logs_has(struct logs *, const struct job *);

/* --retry-failed: as joblog_next_failed. */
char *logs_next_failed(struct logs *, size_t *number);

/* Before the job's start, for each attempt: opens the files that its output is kept in. 0 or -errno, of which nothing is said
   before logs_fail: it may be tried again. */
int logs_prepare(struct logs *, struct job *);
void logs_fail(struct logs *, struct job *, int error);
/* Whether it is kept, and not to be printed. */
bool logs_keep_output(struct logs *, struct job *, int output, const void *data, size_t size);

/* The job has ended, and its output is written. What could not be kept of it is not said to have been: the job is in no log, and
   for --resume it has not been run. */
void logs_write(struct logs *, struct job *);

/* Whether --results cannot be written, so that to run more jobs is of no use. */
bool logs_lose_output(const struct logs *);

/* Whether all could be kept. */
bool logs_close(struct logs *);

#endif
