/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_JOURNAL_H
#define BROOD_COMMAND_JOURNAL_H

#include "job.h"
#include "options.h"

/*
 * --journal: one line of JSON for each job that has ended, appended to what is there, and read by --resume and
 * --resume-failed. The format is described in brood-journal(5).
 *
 * What tells jobs apart is the command as filled in, with --pipe also what the job reads. Its record says how often the
 * command had come before, as its instance; see history.h for how records are matched with jobs.
 */
struct journal;

/* Ends the command where the file cannot be opened, or, to resume, be read. */
struct journal *journal_open(const char *path, enum resume);

/* Whether the job need not be run. To be asked once for each job, before it is run: a record speaks for one job. */
bool journal_has(struct journal *, const struct job *);

/* Appends the job's record, in one write: 0, or -errno, which is -ENOSPC where only a part of it could be written. */
int journal_write(struct journal *, const struct job *);

/* Whether all of it has reached the disk. */
bool journal_close(struct journal *);

#endif
