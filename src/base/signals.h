/* SPDX-License-Identifier: MIT */
#ifndef BROOD_BASE_SIGNALS_H
#define BROOD_BASE_SIGNALS_H

#include <signal.h>

/* Blocks every signal for this thread, and gives what was blocked before; around the making of a process, so that no
   handler of the host runs in it. */
void signals_block(sigset_t *before);

void signals_restore(const sigset_t *before);

#endif
