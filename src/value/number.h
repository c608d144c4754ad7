/* SPDX-License-Identifier: MIT */
#ifndef BROOD_VALUE_NUMBER_H
#define BROOD_VALUE_NUMBER_H

#include <stddef.h>

enum { NUMBER_MAX = 32 };

/*
 * A finite double as JSON, whatever the locale: no more digits than needed to read back the same, and always with a
 * point or an exponent, which tell it from an integer. How many characters, or -ENOMEM.
 */
int number_write(char out[NUMBER_MAX], double value);

/* Reads a JSON number, with a NUL at its end, as a double. 0, -ERANGE where it is too large for one, or -ENOMEM. */
int number_read(const char *text, double *out);

#endif
