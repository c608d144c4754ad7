/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_STATUS_H
#define BROOD_PROCESS_STATUS_H

#include "process/usage.h"

#include <brood.h>

/* Sets how a process ended, from what wait(2) says. */
void status_set_end(struct brood_status *, int wait_status);

/* Sets what it used. */
void status_set_usage(struct brood_status *, const struct usage *);

#endif
