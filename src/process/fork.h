/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_FORK_H
#define BROOD_PROCESS_FORK_H

#include "process/child.h"

/* Forks as brood_create describes. In the child: 0, with *out NULL and keep the only descriptor of brood's left open. */
int fork_child(struct child **out, int keep);

/* Ends a forked child that has run its function: flushes, then _exit. */
_Noreturn void fork_leave(int status);

/* Makes a keeper as a copy of this process: its pid, 0 in the keeper, or -1 with errno. Signals must be blocked. */
pid_t fork_keeper(void);

#endif
