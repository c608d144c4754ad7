/* SPDX-License-Identifier: MIT */
#include "parse.h"

#include "number.h"
#include "say.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* What is told where an option's value is wrong: how the option was written. */
struct parsing {
	const struct option *table;
	size_t count;
	void *target;
	const char *help;
	char written[64];
};

void parse_wrong(const char *option, const char *value, const char *wanted)
{
	die("%s takes %s, and not '%s'", option, wanted, value);
}

int parse_word(const char *const *words, size_t count, const char *value)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(words[i], value))
			return (int)i;
	return -1;
}

unsigned parse_attempts(const char *value)
{
	long attempts;
	if (!number_read_count(value, 1000000000, &attempts))
		parse_wrong("--retries", value, "a whole number");
	return attempts ? (unsigned)attempts : UINT_MAX;
}

/* One name of the list that spaces separate, from *at on. */
static bool next_name(const char **at, const char **name, size_t *size)
{
	*at += strspn(*at, " ");
	*name = *at;
	*size = strcspn(*at, " ");
	*at += *size;
	return *size;
}

enum { SUGGESTED_DISTANCE = 3, NAME_MOST = 40 };

/* How many letters to change, add, leave out or swap to make one of the other. */
static size_t distance(const char *one, size_t one_size, const char *other, size_t other_size)
{
	size_t rows[3][NAME_MOST + 1];
	if (one_size > NAME_MOST || other_size > NAME_MOST)
		return NAME_MOST;
	for (size_t k = 0; k <= other_size; k++)
		rows[0][k] = k;
	for (size_t i = 1; i <= one_size; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t k = 1; k <= other_size; k++) {
			const bool differs = one[i - 1] != other[k - 1];
			size_t least = above[k - 1] + differs;
			least = above[k] + 1 < least ? above[k] + 1 : least;
			least = row[k - 1] + 1 < least ? row[k - 1] + 1 : least;
			if (i > 1 && k > 1 && differs && one[i - 1] == other[k - 2] && one[i - 2] == other[k - 1] &&
			    before[k - 2] + 1 < least)
				least = before[k - 2] + 1;
			row[k] = least;
		}
	}
	return rows[one_size % 3][other_size];
}

BROOD_NORETURN static void die_unknown(const struct parsing *parsing, const char *name, size_t size)
{
	const char *nearest = NULL;
	size_t nearest_size = 0, least = SUGGESTED_DISTANCE + 1;
	for (size_t i = 0; i < parsing->count; i++) {
		const char *at = parsing->table[i].names, *known;
		size_t known_size;
		while (next_name(&at, &known, &known_size)) {
			const size_t far = distance(name, size, known, known_size);
			if (far < least && far < size) {
				least = far;
				nearest = known;
				nearest_size = known_size;
			}
		}
	}
	if (nearest)
		die("there is no option --%.*s; did you mean --%.*s?", (int)size, name, (int)nearest_size, nearest);
	die("there is no option --%.*s; see %s", (int)size, name, parsing->help);
}

/* By its whole name, or by the beginning of only one option's names. */
static const struct option *find_long(const struct parsing *parsing, const char *name, size_t size)
{
	const struct option *found = NULL;
	const char *found_name = NULL, *other_name = NULL;
	size_t found_size = 0, other_size = 0;
	for (size_t i = 0; i < parsing->count; i++) {
		const struct option *option = &parsing->table[i];
		const char *at = option->names, *known;
		size_t known_size;
		while (next_name(&at, &known, &known_size)) {
			if (!size || known_size < size || strncmp(known, name, size) != 0)
				continue;
			if (known_size == size)
				return option;
			if (!found) {
				found = option;
				found_name = known;
				found_size = known_size;
			} else if (found != option) {
				other_name = known;
				other_size = known_size;
			}
		}
	}
	if (other_name)
		die("--%.*s may be --%.*s or --%.*s: write more of it", (int)size, name, (int)found_size, found_name, (int)other_size,
		    other_name);
	if (!found)
		die_unknown(parsing, name, size);
	return found;
}

static bool takes_value(const struct option *option)
{
	switch (option->kind) {
	case OPTION_FLAG:
	case OPTION_SET:
	case OPTION_IGNORE:
	case OPTION_REFUSE:
		return false;
	case OPTION_CALL:
		return option->value;
	default:
		return true;
	}
}

static void apply(const struct parsing *parsing, const struct option *option, const char *value)
{
	char *const at = (char *)parsing->target + option->offset;
	const char *wanted = NULL;
	switch (option->kind) {
	case OPTION_FLAG:
		*(bool *)(void *)at = true;
		break;
	case OPTION_SET:
		*(int *)(void *)at = option->value;
		break;
	case OPTION_TEXT:
		*(const char **)(void *)at = value;
		break;
	case OPTION_COUNT:
		if (!number_read_count(value, 1L << 40, (long *)(void *)at))
			wanted = "a whole number";
		break;
	case OPTION_SECONDS:
		if (!number_read_seconds(value, (double *)(void *)at))
			wanted = "seconds, or a time such as 1m30s";
		break;
	case OPTION_BYTES:
		if (!number_read_bytes(value, (double *)(void *)at))
			wanted = "bytes, such as 4096, 10M or 2G";
		break;
	case OPTION_TIME:
		if (!number_read_amount(value, number_read_seconds, (struct amount *)(void *)at))
			wanted = "seconds, a time such as 1m30s, or a percentage of the median time such as 300%";
		break;
	case OPTION_AMOUNT:
		if (!number_read_amount(value, number_read_plain, (struct amount *)(void *)at))
			wanted = "a number or a percentage";
		break;
	case OPTION_CALL:
		option->call(parsing->target, value);
		break;
	case OPTION_IGNORE:
	case OPTION_IGNORE_VALUE:
		break;
	case OPTION_REFUSE:
	case OPTION_REFUSE_VALUE:
		die("%s is not done here: %s", parsing->written, option->why);
	}
	if (wanted)
		parse_wrong(parsing->written, value, wanted);
}

/* Applies --name, --name=value or --name value; gives the argument behind it. */
static char **take_long(struct parsing *parsing, char **arguments)
{
	const char *name = *arguments++ + 2;
	const size_t size = strcspn(name, "=");
	const struct option *option = find_long(parsing, name, size);
	const char *value = name[size] ? name + size + 1 : NULL;
	snprintf(parsing->written, sizeof parsing->written, "--%.*s", (int)(size < 48 ? size : 48), name);
	if (value && !takes_value(option))
		die("%s takes no value", parsing->written);
	if (!value && takes_value(option) && !option->optional && !(value = *arguments++))
		die("%s needs a value behind it", parsing->written);
	apply(parsing, option, value);
	return arguments;
}

/* Applies letters that stand together, of which the last may have a value; gives the argument behind them. */
static char **take_letters(struct parsing *parsing, char **arguments)
{
	for (const char *letter = *arguments++ + 1; *letter; letter++) {
		const struct option *option = NULL;
		for (size_t i = 0; i < parsing->count && !option; i++)
			if (parsing->table[i].letters && strchr(parsing->table[i].letters, *letter))
				option = &parsing->table[i];
		if (!option)
			die("there is no option -%c; see %s", *letter, parsing->help);
		snprintf(parsing->written, sizeof parsing->written, "-%c", *letter);
		if (!takes_value(option)) {
			apply(parsing, option, NULL);
			continue;
		}
		const char *value = letter[1] ? letter + 1 : NULL;
		if (value && *value == '=' && value[1])
			value++;
		if (!value && !option->optional && !(value = *arguments++))
			die("%s needs a value behind it", parsing->written);
		apply(parsing, option, value);
		break;
	}
	return arguments;
}

char **parse_options(const struct option *table, size_t count, void *target, char **arguments, const char *help)
{
	struct parsing parsing = {.table = table, .count = count, .target = target, .help = help};
	while (*arguments && arguments[0][0] == '-' && arguments[0][1]) {
		if (!strcmp(*arguments, "--"))
			return arguments + 1;
		arguments = arguments[0][1] == '-' ? take_long(&parsing, arguments) : take_letters(&parsing, arguments);
	}
	return arguments;
}
