/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_CHILD_H
#define BROOD_PROCESS_CHILD_H

#include "base/oom.h"

#include <brood.h>

#include <stdatomic.h>

/*
 * A child that brood made, seen from the host. Counted references: one for whoever made it, and one for the registry of
 * children that have not ended, which is what brood_reap and brood_waitall go through. All functions may be called from
 * any thread.
 */
struct child;

/*
 * How a child is made: child_new makes room for one, before there is anything to lose; child_begin
 * hands over a keeper's socket, or a pidfd where direct, which it owns from then on, and waits for the keeper's word that
 * there is a child: 0, or -errno as the keeper gives it, and then the keeper has been waited for.
 */
struct child_origin {
	int fd;
	pid_t keeper, pid;
	bool direct;
	void *stack;
};
int child_new(struct child **out);
int child_begin(struct child *, const struct child_origin *);

pid_t child_pid(const struct child *);
int child_fd(struct child *);
int child_wait(struct child *, double timeout, struct brood_status *out);
int child_signal(struct child *, int signal);
int child_outlive(struct child *);
void child_free(struct child *);

/* Begins a watch of the out-of-memory killer, for whoever collects children elsewhere: only the first in each process has to
   find out where the count is. */
void child_watch_kills(struct oom_watch *out);

/* Such a one has found a kill, which so is not that of a child here. */
void child_kill_claimed(void);

/* guardian_slot and guardian_return, under the registry's lock. */
int child_guard(_Atomic(pid_t) **out);
void child_unguard(_Atomic(pid_t) *slot);

#endif
