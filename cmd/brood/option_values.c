/* SPDX-License-Identifier: MIT */
#include "option_values.h"

#include "help.h"
#include "number.h"
#include "parse.h"
#include "say.h"
#include "text.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void option_file(void *target, const char *value)
{
	options_add_source(target, SOURCE_FILE, false)->path = value;
}

void option_null(void *target, const char *value)
{
	struct options *options = target;
	(void)value;
	options->delimiter = "";
	options->delimiter_size = 1;
}

static bool read_digits(const char **at, int base, int most, char *out)
{
	int value = 0, digits = 0;
	for (; digits < most; digits++, ++*at) {
		const char c = **at;
		static const char known[] = "0123456789abcdef";
		const char *digit = c ? strchr(known, tolower((unsigned char)c)) : NULL;
		if (!digit || digit - known >= base)
			break;
		value = value * base + (int)(digit - known);
	}
	if (digits)
		*out = (char)value;
	return digits;
}

/* A text with the escapes of C, which may hold any byte. */
static const char *read_escapes(struct options *options, const char *text, size_t *size)
{
	static const char letters[] = "abfnrtv\\", meant[] = "\a\b\f\n\r\t\v\\";
	char *out = options_own(options, need(strlen(text) + 1));
	*size = 0;
	while (*text) {
		char c = *text++;
		if (c == '\\' && *text) {
			const char *letter = strchr(letters, *text);
			const char *after = text + 1;
			if (letter) {
				c = meant[letter - letters];
				text++;
			} else if (*text == 'x' && read_digits(&after, 16, 2, &c)) {
				text = after;
			} else {
				read_digits(&text, 8, 3, &c);
			}
		}
		out[(*size)++] = c;
	}
	out[*size] = 0;
	return out;
}

void option_delimiter(void *target, const char *value)
{
	struct options *options = target;
	options->delimiter = read_escapes(options, value, &options->delimiter_size);
}

void option_record_start(void *target, const char *value)
{
	struct options *options = target;
	options->record_start = read_escapes(options, value, &options->record_start_size);
}

void option_record_end(void *target, const char *value)
{
	struct options *options = target;
	options->record_end = read_escapes(options, value, &options->record_end_size);
}

void option_tag(void *target, const char *value)
{
	size_t size;
	((struct options *)target)->tag_text = read_escapes(target, value, &size);
}

void option_replacement(void *target, const char *value)
{
	((struct options *)target)->replacement = value ? value : "{}";
}

void option_lines(void *target, const char *value)
{
	if (!value)
		((struct options *)target)->max_lines = 1;
	else if (!number_read_count(value, 1L << 40, &((struct options *)target)->max_lines))
		parse_wrong("-L", value, "a whole number");
}

void option_end(void *target, const char *value)
{
	((struct options *)target)->end_of_input = value && *value ? value : NULL;
}

void option_trimming(void *target, const char *value)
{
	static const struct {
		const char *text;
		enum trimming trimming;
	} known[] = {{"n", TRIM_NONE}, {"l", TRIM_LEFT}, {"r", TRIM_RIGHT}, {"lr", TRIM_BOTH}, {"rl", TRIM_BOTH}};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(value, known[i].text)) {
			((struct options *)target)->trimming = known[i].trimming;
			return;
		}
	parse_wrong("--trim", value, "n, l, r or lr");
}

void option_jobs(void *target, const char *value)
{
	struct options *options = target;
	options->jobs = value;
	options_jobs(options);
}

void option_nice(void *target, const char *value)
{
	long nice;
	if (!number_read_count(value + (*value == '-'), 40, &nice))
		parse_wrong("--nice", value, "a number from -20 to 19");
	((struct options *)target)->nice = (int)(*value == '-' ? -nice : nice);
}

void option_environment(void *target, const char *value)
{
	struct options *options = target;
	options->environment = need_more(options->environment, (options->environment_count + 1) * sizeof *options->environment);
	options->environment[options->environment_count++] = value;
}

void option_retries(void *target, const char *value)
{
	((struct options *)target)->retries = parse_attempts(value);
}

static bool read_halt_amount(const char *text, struct halt *halt)
{
	static const struct {
		const char *text;
		enum halt_what what;
	} known[] = {{"fail=", HALT_FAIL}, {"success=", HALT_SUCCESS}, {"done=", HALT_DONE}};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strncmp(text, known[i].text, strlen(known[i].text))) {
			halt->what = known[i].what;
			return number_read_amount(text + strlen(known[i].text), number_read_plain, &halt->most) && halt->most.value > 0;
		}
	return false;
}

void option_halt(void *target, const char *value)
{
	struct halt *halt = &((struct options *)target)->halt;
	*halt = (struct halt){.when = !strncmp(value, "now,", 4) ? HALT_NOW : HALT_SOON, .what = HALT_FAIL,
		.most = {.value = 1, .set = true}};
	if (!strcmp(value, "never") || !strcmp(value, "0"))
		halt->when = HALT_NEVER;
	else if (!strcmp(value, "2"))
		halt->when = HALT_NOW;
	else if (!strcmp(value, "-1") || !strcmp(value, "-2"))
		*halt = (struct halt){.when = value[1] == '1' ? HALT_SOON : HALT_NOW, .what = HALT_SUCCESS, .most = halt->most};
	else if (strchr(value, '%') && number_read_amount(value, number_read_plain, &halt->most))
		return;
	else if (strcmp(value, "1") != 0 && ((strncmp(value, "now,", 4) != 0 && strncmp(value, "soon,", 5) != 0) ||
					     !read_halt_amount(strchr(value, ',') + 1, halt)))
		parse_wrong("--halt", value, "never, or now or soon with fail=, success= or done= and a number or percentage: now,fail=1");
}

void option_ladder(void *target, const char *value)
{
	static const struct {
		const char *name;
		int signal;
	} known[] = {{"TERM", SIGTERM}, {"INT", SIGINT}, {"HUP", SIGHUP}, {"KILL", SIGKILL}, {"QUIT", SIGQUIT}, {"USR1", SIGUSR1},
		     {"USR2", SIGUSR2}, {"ABRT", SIGABRT}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}};
	static const char wanted[] = "signals and milliseconds in turn, such as TERM,200,KILL";
	struct options *options = target;
	char *text = need_copy(value, strlen(value)), *rest = text, *word;
	options->ladder_count = 0;
	while ((word = strsep(&rest, ","))) {
		int signal = 0;
		long number;
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			if (!strcmp(word + (strncmp(word, "SIG", 3) ? 0 : 3), known[i].name))
				signal = known[i].signal;
		if (!signal && number_read_count(word, 64, &number) && number)
			signal = (int)number;
		word = strsep(&rest, ",");
		if (!signal || (word && !number_read_count(word, 1000000000, &number)))
			parse_wrong("--termseq", value, wanted);
		options->ladder = need_more(options->ladder, (options->ladder_count + 1) * sizeof *options->ladder);
		options->ladder[options->ladder_count++] =
			(struct kill_step){.signal = signal, .seconds = word ? (double)number / 1000 : 0};
	}
	free(text);
}

void option_status(void *target, const char *value)
{
	((struct options *)target)->status = display_read_style(value);
}

void option_counted_status(void *target, const char *value)
{
	struct options *options = target;
	(void)value;
	options->count_first = true;
}

void option_joblog(void *target, const char *value)
{
	struct options *options = target;
	options->joblog_append = *value == '+';
	options->joblog = value + options->joblog_append;
}

void option_header(void *target, const char *value)
{
	((struct options *)target)->header = value;
}

void option_block(void *target, const char *value)
{
	double bytes;
	if (!number_read_bytes(value, &bytes) || bytes < 1 || bytes > (double)(1L << 40))
		parse_wrong("--block", value, "bytes, such as 4096, 10M or 2G");
	((struct options *)target)->block = (long)bytes;
}

void option_show_version(void *target, const char *value)
{
	(void)target;
	(void)value;
	help_version();
	exit(0);
}

void option_show_help(void *target, const char *value)
{
	(void)target;
	(void)value;
	help_run();
	exit(0);
}

void option_show_processors(void *target, const char *value)
{
	(void)target;
	(void)value;
	printf("%d\n", brood_processors());
	exit(0);
}

void option_show_most_chars(void *target, const char *value)
{
	(void)target;
	(void)value;
	printf("%d\n", MOST_CHARS);
	exit(0);
}
