/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_FORK_H
#define BROOD_PROCESS_FORK_H

#include "process/child.h"

#include <signal.h>
#include <stdbool.h>

/* Forks as brood_create describes. In the child: 0, with *out NULL and keep the only descriptor of brood's left open. */
int fork_child(struct child **out, int keep);

/* Ends a forked child that has run its function: flushes, then _exit. */
_Noreturn void fork_leave(int status);

/*
 * What a forked process is to have again as the host had it, after a keeper or nursery between them has changed it.
 * fork_ready flushes what is buffered and blocks all signals; before that it may wait for whoever reads what the host prints.
 */
struct fork_host {
	sigset_t mask;
	struct sigaction child_action;
	char name[16];
	bool threads;
};
void fork_ready(struct fork_host *);

/* In the forked process: gives it that, and makes it a child as brood_create describes, with those of brood's descriptors left
   open. Where parent, the process that forked it, has gone, it does not return. */
void fork_settle(const struct fork_host *, pid_t parent, const int *keep, size_t count);

/* In a keeper or nursery: takes over what it needs to fork for the host. */
void fork_take_over(void);

/* Makes a keeper as a copy of this process: its pid, 0 in the keeper, or -1 with errno. Signals must be blocked. */
pid_t fork_keeper(void);

#endif
