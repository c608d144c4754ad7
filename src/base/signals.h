/* SPDX-License-Identifier: MIT */
#ifndef BROOD_BASE_SIGNALS_H
#define BROOD_BASE_SIGNALS_H

#include <signal.h>

/* Blocks every signal for this thread, and gives what was blocked before; around the making of a process, so that no
   handler of the host runs in it. */
void signals_block(sigset_t *before);

void signals_restore(const sigset_t *before);

/* Sends the signal to the group that the process leads, and to itself where it has left that; it must not have been waited for, so that
   both numbers are its own. 0 or -errno. */
int signals_send(pid_t leader, int signal);

#endif
