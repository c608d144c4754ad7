/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_DISPLAY_H
#define BROOD_COMMAND_DISPLAY_H

#include <brood.h>

/* How the work is shown on stderr: one of the library's reporters. There is one in the command at a time. */
enum status_style { STATUS_AUTO, STATUS_LIVE, STATUS_PLAIN, STATUS_JSON, STATUS_NONE };

/* The value of --status. */
enum status_style display_read_style(const char *value);

/* NULL where nothing is to be shown, or cannot be; that is said. item: what an item is called, or NULL. */
struct brood_reporter *display_open(enum status_style, const char *item);
void display_close(void);

/* Takes it off the terminal, if there is one, so that something else can be printed. */
void display_hide(void);

#endif
