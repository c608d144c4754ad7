/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_PARSE_H
#define BROOD_COMMAND_PARSE_H

#include <brood.h>

/* Options in a table: what each is called, and where in a struct its value goes. */

enum option_kind {
	OPTION_FLAG,    /* a bool becomes true */
	OPTION_SET,     /* an int, or an enum, becomes value */
	OPTION_TEXT,    /* a const char * */
	OPTION_COUNT,   /* a long */
	OPTION_SECONDS, /* a double */
	OPTION_BYTES,   /* a double */
	OPTION_TIME,    /* a struct amount: seconds, or percent */
	OPTION_AMOUNT,  /* a struct amount: a number, or percent */
	OPTION_CALL,    /* read it yourself */
	OPTION_IGNORE, OPTION_IGNORE_VALUE, /* taken, and without effect */
	OPTION_REFUSE, OPTION_REFUSE_VALUE, /* known, and not done here: said why */
};

struct option {
	const char *names; /* without --, the usual one first, spaces between */
	const char *letters;
	enum option_kind kind;
	size_t offset;
	int value;
	bool optional; /* the value is there only behind = or, for a letter, directly behind it */
	void (*call)(void *target, const char *value); /* value: NULL where it was left out */
	const char *why;
};

/*
 * Reads options up to the first argument that is none, and behind "--"; gives the rest. As GNU parallel's, a long name may be
 * cut short while it stays the only one that begins so, and letters may stand together. Where something is wrong, the command
 * ends with a message that names the option, and for one that does not exist the nearest one.
 */
char **parse_options(const struct option *table, size_t count, void *target, char **arguments, const char *help);

/* Which of the words the value is, or -1. */
int parse_word(const char *const *words, size_t count, const char *value);

/* The value of --retries: attempts in all, where 0 is without end. */
unsigned parse_attempts(const char *value);

/* Says that an option's value is wrong, and what it should be, and ends the command. */
BROOD_NORETURN void parse_wrong(const char *option, const char *value, const char *wanted);

#endif
