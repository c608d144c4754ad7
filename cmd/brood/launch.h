/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_LAUNCH_H
#define BROOD_COMMAND_LAUNCH_H

#include "job.h"
#include "options.h"
#include "template.h"

/* What jobs are made with: the command, its tag, the environment. */
struct launcher {
	const struct options *options;
	struct template command, tag, directory;
	bool direct; /* the command needs no shell */
	char *program; /* the file of its first word, where that is always the same one */
	const char **environment;
	char number[48], slot[48]; /* two of its entries */
};

void launcher_begin(struct launcher *, const struct options *, const struct record *names);
void launcher_end(struct launcher *);

/* Fills in the job's command and tag, for its number and slot. */
void launcher_fill(const struct launcher *, struct job *);

/* A directory of its own, which --wd ... made for the job, goes with all that is in it. */
void launcher_tidy(const struct job *);

/* Starts it: 0, or -errno, with nothing started. */
int launcher_start(struct launcher *, struct job *);

#endif
