/* SPDX-License-Identifier: MIT */
#include "value/number.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int number_read(const char *text, double *out)
{
	/* With glibc and musl the "C" locale is a constant of theirs, and this neither allocates nor fails. */
	locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!plain)
		return -ENOMEM;
	double value = strtod_l(text, NULL, plain);
	freelocale(plain);
	if (isinf(value))
		return -ERANGE;
	*out = value;
	return 0;
}

/* There is no printf that takes a locale; but what it wrote and is no digit, sign or exponent is the locale's point. */
static size_t put_point(char *out, const char *text)
{
	size_t size = 0;
	for (; *text; text++) {
		if (strchr("0123456789+-e", *text))
			out[size++] = *text;
		else if (!size || out[size - 1] != '.')
			out[size++] = '.';
	}
	out[size] = '\0';
	return size;
}

int number_write(char out[NUMBER_MAX], double value)
{
	size_t size = 0;
	for (int digits = 15; digits <= 17; digits++) {
		char text[2 * NUMBER_MAX];
		snprintf(text, sizeof text, "%.*g", digits, value);
		size = put_point(out, text);
		double again;
		int error = number_read(out, &again);
		if (error == -ENOMEM)
			return error;
		if (!error && again == value)
			break;
	}
	if (!strpbrk(out, ".e")) {
		memcpy(out + size, ".0", 3);
		size += 2;
	}
	return (int)size;
}
