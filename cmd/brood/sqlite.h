/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_SQLITE_H
#define BROOD_COMMAND_SQLITE_H

#include "job.h"
#include "options.h"

/* --sqlite: what became of the jobs as tables, which are described in brood-journal(5). */
struct sqlite;

/* Ends the command where the file cannot be opened, is something else, or SQLite is not there. */
struct sqlite *sqlite_open(const char *path, const struct options *);

/* Adds the job: 0, or -errno, and then sqlite_error says why in words. The row is there for others at once. */
int sqlite_write(struct sqlite *, const struct job *);
const char *sqlite_error(const struct sqlite *);

/* Whether all of it has been kept. */
bool sqlite_close(struct sqlite *);

#endif
