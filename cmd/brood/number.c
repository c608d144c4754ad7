/* SPDX-License-Identifier: MIT */
#include "number.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A decimal number at the start of a text, and where it ends; no sign, hexadecimal or "inf". */
static bool read_decimal(const char *text, double *out, const char **end)
{
	const char *at = text;
	bool digits = false;
	for (; isdigit((unsigned char)*at); at++)
		digits = true;
	if (*at == '.')
		for (at++; isdigit((unsigned char)*at); at++)
			digits = true;
	char *behind;
	if (!digits)
		return false;
	*out = strtod(text, &behind);
	/* With an exponent strtod reads further; that is a number too. */
	*end = behind > at ? behind : at;
	return isfinite(*out);
}

bool number_read_count(const char *text, long most, long *out)
{
	char *end;
	if (!isdigit((unsigned char)*text))
		return false;
	const long value = strtol(text, &end, 10);
	if (*end || value > most)
		return false;
	*out = value;
	return true;
}

bool number_read_plain(const char *text, double *out)
{
	const char *end;
	double value;
	if (!read_decimal(text, &value, &end) || *end)
		return false;
	*out = value;
	return true;
}

bool number_read_seconds(const char *text, double *out)
{
	double all = 0, value;
	do {
		const char *end;
		if (!read_decimal(text, &value, &end))
			return false;
		/* Each unit is so many seconds. */
		static const char units[] = "smhd";
		static const int lengths[] = {1, 60, 3600, 86400};
		if (*end) {
			const char *unit = strchr(units, *end++);
			if (!unit)
				return false;
			value *= lengths[unit - units];
		}
		all += value;
		text = end;
	} while (*text);
	*out = all;
	return true;
}

bool number_read_bytes(const char *text, double *out)
{
	const char *end;
	double value;
	if (!read_decimal(text, &value, &end))
		return false;
	if (*end) {
		static const char units[] = "kmgtp";
		const char *unit = strchr(units, tolower((unsigned char)*end));
		if (!unit || (end[1] && strcmp(end + 1, "B") != 0 && strcmp(end + 1, "iB") != 0))
			return false;
		value *= pow(isupper((unsigned char)*end) ? 1024 : 1000, (double)(unit - units + 1));
	}
	*out = value;
	return true;
}

bool number_read_amount(const char *text, bool (*read)(const char *, double *), struct amount *out)
{
	char copy[64];
	const size_t size = strlen(text);
	struct amount amount = {.set = true};
	if (!size || size >= sizeof copy)
		return false;
	memcpy(copy, text, size + 1);
	if (copy[size - 1] == '%') {
		copy[size - 1] = 0;
		amount.percent = true;
		read = number_read_plain;
	}
	if (!read(copy, &amount.value))
		return false;
	*out = amount;
	return true;
}
