/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_LAUNCH_H
#define BROOD_PROCESS_LAUNCH_H

#include <brood.h>

#include <stdatomic.h>

/* All that a process needs to become a program, worked out beforehand, so that on the way to exec nothing allocates. */
struct launch {
	const char *const *argv, *const *env;
	const char *directory;
	int sources[3];
	char **files; /* to try in turn, NULL at the end */

	/* For a new process, not for brood_exec. */
	bool fresh;             /* a group, default signals, no other descriptors */
	bool bound;             /* dies with its parent */
	pid_t parent;           /* who that is */
	uint64_t changed;       /* signals that may be ignored or handled here, from the lowest bit on */
	_Atomic(pid_t) *group;  /* where to enter its group before the exec, or NULL */
	int report;             /* where to write why it failed; -1: error is enough, since memory is shared */
	volatile int error;
};

/* Looks at the program and fills what does not depend on how it is started. 0 or -errno; launch_free ends it. */
int launch_prepare(struct launch *out, const struct brood_program *);
void launch_free(struct launch *);

/* In the new process: becomes the program, or sets error and ends. Makes no call to the C library. */
int launch_run(void *launch);

#endif
