/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_OPTIONS_H
#define BROOD_COMMAND_OPTIONS_H

#include "display.h"

/* Where inputs come from. Several are combined, each value of one with each of the next, or, where linked, side by side. */
enum source_kind { SOURCE_ARGUMENTS, SOURCE_FILE };
struct source {
	enum source_kind kind;
	bool linked; /* to the one before: :::+ */
	char **arguments;
	size_t count;
	const char *path; /* "-" is stdin */
};

enum grouping { GROUP_JOBS, GROUP_LINES, GROUP_NONE };
enum packing { PACK_NONE, PACK_REPEAT_WORDS /* -X */, PACK_JOIN /* -m */, PACK_XARGS };
enum trimming { TRIM_DEFAULT, TRIM_NONE, TRIM_LEFT, TRIM_RIGHT, TRIM_BOTH };
enum resume { RESUME_NO, RESUME_UNFINISHED, RESUME_FAILED, RESUME_RETRY /* commands from the log */ };

/* A number, or a percentage of something. */
struct amount {
	double value;
	bool set, percent;
};

enum halt_when { HALT_NEVER, HALT_SOON, HALT_NOW };
enum halt_what { HALT_FAIL, HALT_SUCCESS, HALT_DONE };
struct halt {
	enum halt_when when;
	enum halt_what what;
	struct amount most;
};

/* One step of ending a job: a signal, and how long is waited after it. */
struct kill_step {
	int signal;
	double seconds;
};

struct options {
	/* input */
	struct source *sources;
	size_t source_count;
	const char *delimiter;
	size_t delimiter_size;
	const char *column_separator, *header, *end_of_input;
	enum trimming trimming;
	bool link, shuffle, skip_empty;
	const char *argument_separator, *file_separator;

	/* the command */
	char **words;
	size_t word_count;
	const char *replacement;
	bool quote, no_shell, dry_run, shell_quote;
	enum packing packing;
	long max_arguments, max_replace, max_lines; /* -n, -N, -L; -1: not given */
	long max_chars;
	bool exit_too_long;

	/* running */
	const char *jobs;
	int nice;
	const char *directory, *temporary;
	const char **environment;
	size_t environment_count;
	struct amount load, timeout;
	double memory_free, delay;
	unsigned retries; /* attempts in all */
	struct halt halt;
	struct kill_step *ladder;
	size_t ladder_count;

	/* output */
	enum grouping grouping;
	bool keep_order, tag, show_commands, trace_commands;
	const char *tag_text;
	const char *results, *joblog, *journal, *sqlite;
	bool joblog_append;
	enum resume resume;
	enum status_style status;
	bool count_first; /* --bar and its kin: how many jobs there are is to be known */

	char **owned; /* texts made of what was given */
	size_t owned_count;

	/* --pipe */
	bool pipe, record_regexp, remove_separators, round_robin;
	long block;
	const char *record_start, *record_end; /* NULs may be in them */
	size_t record_start_size, record_end_size;
};

/* As many jobs as there can be at once, and as long as a text for the shell may be: the kernel's limit for one argument. */
enum { MOST_JOBS = 4000, MOST_CHARS = 131071 };

/*
 * Reads the options, the command and the sources of an argument vector without its first element. Ends the command, with a
 * message that says what to do, where something is wrong, and after --help and --version.
 */
void options_read(struct options *, char **arguments);
void options_free(struct options *);

/* Keeps a text until the options are freed, and gives it back. */
char *options_own(struct options *, char *);

/* One more source behind those that are there. */
struct source *options_add_source(struct options *, enum source_kind, bool linked);

/* Whether a word with {} in it comes once for each input, or {} is all inputs with spaces between. */
bool options_repeat_words(const struct options *);

/* How many jobs run at once, by -j. */
int options_jobs(const struct options *);

#endif
