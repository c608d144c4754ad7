/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_JOBLOG_H
#define BROOD_COMMAND_JOBLOG_H

#include "job.h"
#include "options.h"

/* --joblog: GNU parallel's table of jobs, a line for each, and what an earlier run has left in it. */
struct joblog;

struct joblog *joblog_open(const struct options *);

/* Whether the job needs not be run again. Ends the command where the log has another command for its number. */
bool joblog_has(struct joblog *, const struct job *);

/* --retry-failed: the next job that failed, from the one of the lowest number on: its command, which the caller frees, and
   its number; NULL: there are no more. */
char *joblog_next_failed(struct joblog *, size_t *number);

/* 0 or -errno. */
int joblog_write(struct joblog *, const struct job *);
bool joblog_close(struct joblog *);

#endif
