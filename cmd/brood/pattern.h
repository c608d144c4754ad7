/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_PATTERN_H
#define BROOD_COMMAND_PATTERN_H

#include <regex.h>

/* An extended regular expression, with \t, \n, \r, \d and \D too; ends the command where it is none. option: who gave it. */
void pattern_read(regex_t *, const char *text, const char *option);

#endif
