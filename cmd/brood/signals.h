/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_SIGNALS_H
#define BROOD_COMMAND_SIGNALS_H

#include <stddef.h>

/* A descriptor by which these signals come from now on; those that are ignored stay so. */
int signals_catch(const int *signals, size_t count);

/* Ends this process by the signal, as if it had not been caught, so that whoever waits sees it. Returns where it does not end. */
void signals_die(int signal);

#endif
