/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_STATUS_H
#define BROOD_COMMAND_STATUS_H

#include "job.h"
#include "options.h"

/* How the work goes on, on stderr: the library's reporters, told of jobs as of a pool's items. */
struct status;

struct status *status_open(const struct options *, size_t total);
void status_begin_job(struct status *, const struct job *);
void status_end_job(struct status *, const struct job *, bool again);
/* A job that had been done before. */
void status_skip(struct status *);
void status_tick(struct status *);
/* Whether time has to pass for it: seconds until it wants to be ticked, or negative. */
double status_wait(const struct status *);
void status_warn_spool(struct status *, int error);
/* Whether failures are told by it. */
bool status_tells(const struct status *);
void status_close(struct status *);

#endif
