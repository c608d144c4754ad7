/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_TIMEOUT_REPORT_H
#define BROOD_COMMAND_TIMEOUT_REPORT_H

#include "timeout_options.h"

/* Opens the file of --report, so that it is known early that it cannot be written. */
void timeout_report_open(const struct timeout_options *);

/* Writes what became of the command, as a line of JSON; false, and said, where that failed. */
bool timeout_report_write(const struct timeout_options *, const struct brood_status *, bool timed_out, double seconds);

#endif
