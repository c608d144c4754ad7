/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_HALT_H
#define BROOD_COMMAND_HALT_H

#include "options.h"

/* How many jobs have ended, and how. */
struct tally {
	size_t succeeded, failed, total; /* total: of all jobs, 0 where not known */
};

/* Whether --halt says so. */
bool halt_reached(const struct halt *, const struct tally *);

/* What the command exits with then, after a job that exited with this: as GNU parallel, for one job its own status, for
   several how many failed, and for a percentage how many in a hundred. */
int halt_status(const struct halt *, const struct tally *, int exit_status);

#endif
