/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_OPTION_VALUES_H
#define BROOD_COMMAND_OPTION_VALUES_H

#include "options.h"

/* The options of brood run whose values have a form of their own: each reads one into a struct options, or ends the command
   with a message that says what the value should be. */
void option_file(void *options, const char *value);
void option_null(void *options, const char *value);
void option_delimiter(void *options, const char *value);
void option_record_start(void *options, const char *value);
void option_record_end(void *options, const char *value);
void option_tag(void *options, const char *value);
void option_replacement(void *options, const char *value);
void option_lines(void *options, const char *value);
void option_end(void *options, const char *value);
void option_trimming(void *options, const char *value);
void option_jobs(void *options, const char *value);
void option_nice(void *options, const char *value);
void option_environment(void *options, const char *value);
void option_retries(void *options, const char *value);
void option_halt(void *options, const char *value);
void option_ladder(void *options, const char *value);
void option_status(void *options, const char *value);
void option_counted_status(void *options, const char *value);
void option_joblog(void *options, const char *value);
void option_header(void *options, const char *value);
void option_block(void *options, const char *value);
void option_show_version(void *options, const char *value);
void option_show_help(void *options, const char *value);
void option_show_processors(void *options, const char *value);
void option_show_most_chars(void *options, const char *value);

#endif
