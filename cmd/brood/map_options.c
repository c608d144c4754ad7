/* SPDX-License-Identifier: MIT */
#include "map_options.h"

#include "help.h"
#include "number.h"
#include "parse.h"
#include "say.h"
#include "text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct map_options, member)

/* More workers than that a pool does not take. */
enum { MOST_WORKERS = 2000 };

static void read_file(void *target, const char *value)
{
	struct map_options *options = target;
	options->paths = need_more(options->paths, (options->path_count + 1) * sizeof *options->paths);
	options->paths[options->path_count++] = value;
}

static void read_null(void *target, const char *value)
{
	(void)value;
	((struct map_options *)target)->delimiter = 0;
}

static void read_jobs(void *target, const char *value)
{
	const int workers = options_jobs(&(struct options){.jobs = value});
	((struct map_options *)target)->workers = workers < MOST_WORKERS ? workers : MOST_WORKERS;
}

static void read_retries(void *target, const char *value)
{
	((struct map_options *)target)->attempts = parse_attempts(value);
}

static void read_halt(void *target, const char *value)
{
	struct halt *halt = &((struct map_options *)target)->halt;
	const char *number = strstr(value, ",fail=");
	*halt = (struct halt){.what = HALT_FAIL};
	if (!strcmp(value, "never"))
		return;
	halt->when = !strncmp(value, "now,", 4) ? HALT_NOW : !strncmp(value, "soon,", 5) ? HALT_SOON : HALT_NEVER;
	if (!halt->when || number != strchr(value, ',') || !number_read_amount(number + 6, number_read_plain, &halt->most) ||
	    halt->most.value <= 0)
		parse_wrong("--halt", value, "never, now,fail=N or soon,fail=N, with a number or a percentage");
}

static void read_status(void *target, const char *value)
{
	((struct map_options *)target)->status = display_read_style(value);
}

static void read_value(void *target, const char *value)
{
	static const char *const known[] = {"auto", "str", "bin", "json"};
	const int found = parse_word(known, sizeof known / sizeof *known, value);
	if (found < 0)
		parse_wrong("--value", value, "auto, str, bin or json");
	((struct map_options *)target)->value = (enum value_form)found;
}

static void read_json(void *target, const char *value)
{
	struct map_options *options = target;
	(void)value;
	options->json = true;
	if (options->value == VALUE_AUTO)
		options->value = VALUE_JSON;
}

static void show_help(void *target, const char *value)
{
	(void)target;
	(void)value;
	help_map();
	exit(0);
}

static const struct option table[] = {
	{"arg-file", "a", OPTION_CALL, 0, 1, false, read_file, NULL},
	{"null", "0", OPTION_CALL, 0, 0, false, read_null, NULL},
	{"json", NULL, OPTION_CALL, 0, 0, false, read_json, NULL},
	{"value", NULL, OPTION_CALL, 0, 1, false, read_value, NULL},
	{"raw", NULL, OPTION_FLAG, AT(raw), 0, false, NULL, NULL},
	{"keep-order", "k", OPTION_FLAG, AT(keep_order), 0, false, NULL, NULL},

	{"jobs workers", "j", OPTION_CALL, 0, 1, false, read_jobs, NULL},
	{"timeout", NULL, OPTION_SECONDS, AT(timeout), 0, false, NULL, NULL},
	{"grace", NULL, OPTION_SECONDS, AT(grace), 0, false, NULL, NULL},
	{"retries", NULL, OPTION_CALL, 0, 1, false, read_retries, NULL},
	{"backoff", NULL, OPTION_SECONDS, AT(backoff), 0, false, NULL, NULL},
	{"memory", NULL, OPTION_BYTES, AT(memory), 0, false, NULL, NULL},
	{"recycle", NULL, OPTION_COUNT, AT(recycle), 0, false, NULL, NULL},
	{"threads", NULL, OPTION_COUNT, AT(threads), 0, false, NULL, NULL},
	{"pin", NULL, OPTION_FLAG, AT(pin), 0, false, NULL, NULL},
	{"halt", NULL, OPTION_CALL, 0, 1, false, read_halt, NULL},

	{"costs", NULL, OPTION_FLAG, AT(costs), 0, false, NULL, NULL},
	{"tracebacks", NULL, OPTION_FLAG, AT(tracebacks), 0, false, NULL, NULL},
	{"status", NULL, OPTION_CALL, 0, 1, false, read_status, NULL},
	{"help", "h", OPTION_CALL, 0, 0, false, show_help, NULL},
};

void map_options_read(struct map_options *options, char **arguments)
{
	*options = (struct map_options){.delimiter = '\n', .attempts = 1, .grace = 0.2};
	read_jobs(options, NULL);
	char **rest = parse_options(table, sizeof table / sizeof *table, options, arguments, "brood map --help");
	if (!*rest || !strcmp(*rest, ":::"))
		die("LIBRARY:FUNCTION is missing: which function is to be called; see brood map --help");
	options->work = *rest++;
	if (*rest && strcmp(*rest, ":::") != 0)
		die("'%s' stands behind %s: items come behind :::, and options before the library", *rest, options->work);
	if (*rest)
		options->items = rest + 1;
	if (options->items && options->path_count)
		die("items come from files by -a or stand behind :::, and not both");
	if (options->threads > INT_MAX)
		die("--threads is too large");
	if (!options->items && !options->path_count)
		read_file(options, "-");
}

void map_options_free(struct map_options *options)
{
	free(options->paths);
}
