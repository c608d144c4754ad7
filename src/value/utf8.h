/* SPDX-License-Identifier: MIT */
#ifndef BROOD_VALUE_UTF8_H
#define BROOD_VALUE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Whether all of it is UTF-8 as Unicode has it: no longer form than needed, no surrogate, nothing above 10FFFF. */
bool utf8_valid(const unsigned char *data, size_t size);

/* Writes the code point, up to 4 bytes, and returns how many. */
size_t utf8_put(unsigned char *out, unsigned code);

#endif
