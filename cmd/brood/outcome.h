/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_OUTCOME_H
#define BROOD_COMMAND_OUTCOME_H

#include "job.h"

/* What became of a job that has ended, in the words that records of it use. */
struct outcome {
	const char *word; /* success, fail, signal, timeout, unstarted */
	bool exited;      /* it has an exit code */
	char signal[32];  /* "" where no signal ended it */
	char failure[256];
	struct brood_status status; /* all zero of a job that was not started */
};

void outcome_of(const struct job *, struct outcome *);

/* The machine's name, as far as it is known. */
const char *outcome_host(void);

#endif
