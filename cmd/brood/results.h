/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_RESULTS_H
#define BROOD_COMMAND_RESULTS_H

#include "job.h"
#include "options.h"

/* --results: what jobs write, kept in files of their own or in a table, in place of being printed. */
struct results;

struct results *results_open(const struct options *, const struct record *names);

/* Whether the job has files of an earlier run. */
bool results_has(const struct results *, const struct job *);

/* Opens the job's files, anew for each attempt; nothing to do for a table. 0 or -errno. */
int results_prepare(struct results *, struct job *);

/* Keeps what it wrote, as it comes. false: a table takes it at the job's end, until then it is to be captured. */
bool results_keep(struct results *, struct job *, int output, const void *data, size_t size, int *error);

/* The job has ended. 0 or -errno. */
int results_write(struct results *, struct job *);
bool results_close(struct results *);

#endif
