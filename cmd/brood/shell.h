/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_SHELL_H
#define BROOD_COMMAND_SHELL_H

#include <brood.h>

/* The shell that runs commands which need one: PARALLEL_SHELL, or SHELL where that reads what sh does, or /bin/sh. */
const char *shell_path(void);

/* Whether a command's first word means something to a shell that no program does: a keyword, a builtin, a function. */
bool shell_knows(const char *word);

#endif
