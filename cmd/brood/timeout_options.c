/* SPDX-License-Identifier: MIT */
#include "timeout_options.h"

#include "help.h"
#include "number.h"
#include "parse.h"
#include "say.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AT(member) offsetof(struct timeout_options, member)

static void read_signal(void *target, const char *value)
{
	struct timeout_options *options = target;
	const char *name = strncasecmp(value, "SIG", 3) ? value : value + 3;
	long number;
	options->signal = 0;
	if (number_read_count(value, SIGRTMAX, &number))
		options->signal = (int)number;
	for (int i = 1; i < NSIG && !options->signal; i++)
		if (sigabbrev_np(i) && !strcasecmp(sigabbrev_np(i), name))
			options->signal = i;
	if (!options->signal)
		parse_wrong("--signal", value, "a signal, such as TERM, INT or 15");
}

static void show_help(void *target, const char *value)
{
	(void)target;
	(void)value;
	help_timeout();
	exit(0);
}

static const struct option table[] = {
	{"signal", "s", OPTION_CALL, 0, 1, false, read_signal, NULL},
	{"grace kill-after", "gk", OPTION_SECONDS, AT(grace), 0, false, NULL, NULL},
	{"preserve-status", "p", OPTION_FLAG, AT(preserve_status), 0, false, NULL, NULL},
	{"quiet", "q", OPTION_FLAG, AT(quiet), 0, false, NULL, NULL},
	{"json", NULL, OPTION_FLAG, AT(json), 0, false, NULL, NULL},
	{"report", NULL, OPTION_TEXT, AT(report), 0, false, NULL, NULL},
	{"help", "h", OPTION_CALL, 0, 0, false, show_help, NULL},
	{"foreground", "f", OPTION_IGNORE, 0, 0, false, NULL, NULL},
	{"verbose", "v", OPTION_IGNORE, 0, 0, false, NULL, NULL},
};

void timeout_options_read(struct timeout_options *options, char **arguments)
{
	*options = (struct timeout_options){.grace = 0.5, .signal = SIGTERM};
	char **rest = parse_options(table, sizeof table / sizeof *table, options, arguments, "brood timeout --help");
	if (!*rest)
		die("SECONDS and a command are missing; see brood timeout --help");
	if (!number_read_seconds(*rest, &options->seconds))
		parse_wrong("brood timeout", *rest, "seconds, or a time such as 1m30s, before the command");
	if (!rest[1])
		die("a command is missing behind %s", *rest);
	options->command = rest + 1;
}
