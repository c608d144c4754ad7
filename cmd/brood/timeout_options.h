/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_TIMEOUT_OPTIONS_H
#define BROOD_COMMAND_TIMEOUT_OPTIONS_H

#include <brood.h>

struct timeout_options {
	double seconds, grace; /* seconds: 0 is no limit */
	int signal;
	bool json, quiet, preserve_status;
	const char *report;
	char **command;
};

/* Ends the command, with a message, where something is wrong, and after --help. */
void timeout_options_read(struct timeout_options *, char **arguments);

#endif
