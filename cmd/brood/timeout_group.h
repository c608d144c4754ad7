/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_TIMEOUT_GROUP_H
#define BROOD_COMMAND_TIMEOUT_GROUP_H

#include <brood.h>

/* What /proc tells of the processes of a group. */

/* Appends a line for each that has not ended: what it is, and what it waits for. What cannot be read is left out. */
void timeout_group_describe(pid_t group, struct brood_buffer *out);

/* Whether any of them has not ended. */
bool timeout_group_lives(pid_t group);

#endif
