/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_TIMEOUT_TERMINAL_H
#define BROOD_COMMAND_TIMEOUT_TERMINAL_H

#include <brood.h>

/* The terminal on stdin, if that is the one of this session. A command that reads it has to be in its foreground. */

/* Whether there is one. */
bool timeout_terminal_is_there(void);

/* Makes the group the foreground, where this process was; whether it now is. */
bool timeout_terminal_give(pid_t group);

/* Makes this process's group the foreground again, where the given one still is. */
void timeout_terminal_take(pid_t group);

/* How it was set at the start; a command that is killed cannot put it back. */
void timeout_terminal_save(void);
void timeout_terminal_restore(void);

#endif
