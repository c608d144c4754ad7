/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_NUMBER_H
#define BROOD_COMMAND_NUMBER_H

#include "options.h"

/* Each reads a whole text and says whether it is one. */

/* A number without sign, up to most. */
bool number_read_count(const char *, long most, long *out);
/* Seconds, with or without s, m, h or d behind: also 1m30s. */
bool number_read_seconds(const char *, double *out);
/* Bytes, with or without k, M, G, T, P (powers of 1000 for k, m, g… and of 1024 for K, M, G…) behind. */
bool number_read_bytes(const char *, double *out);
/* A number, or one with % behind. */
bool number_read_amount(const char *, bool (*read)(const char *, double *), struct amount *out);
bool number_read_plain(const char *, double *out);

#endif
