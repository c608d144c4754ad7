/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_SAY_H
#define BROOD_COMMAND_SAY_H

#include <brood.h>

/* What the command exits with where it could not do its own work: as GNU parallel. */
enum { EXIT_TROUBLE = 255 };

/* The name by which the command was called, which begins each of its messages. */
extern const char *command_name;

/* Where messages go, if set, in place of stderr itself: to what does not wait for a reader. */
extern void (*say_write)(const char *line, size_t size);

/* Called by die, once, before the command ends: for what is under way. */
extern void (*die_finish)(void);

/* A message to stderr, one line; its line end is added. */
void say(const char *format, ...) BROOD_PRINTF(1, 2);

/* What die exits with: EXIT_TROUBLE, unless the command has another custom. */
extern int exit_trouble;

/* Says it and ends the command. */
BROOD_NORETURN void die(const char *format, ...) BROOD_PRINTF(1, 2);

#endif
