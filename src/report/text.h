/* SPDX-License-Identifier: MIT */
#ifndef BROOD_REPORT_TEXT_H
#define BROOD_REPORT_TEXT_H

#include <brood.h>

#include <locale.h>

/*
 * Text for a terminal: whatever it was, what is shown has no control character and is UTF-8, and how many columns it takes is
 * known.
 *
 * TEXT_STYLED  colours and such, ESC [ numbers m, are kept; and ended, where there was one
 * TEXT_PLAIN   they are left out
 * Without either they are shown as the control characters that they are.
 */
enum { TEXT_STYLED = 1, TEXT_PLAIN = 2 };

/* Where a terminal's columns are looked up: the C library knows only in a locale of UTF-8, which need not be the host's. */
struct widths {
	locale_t locale; /* 0: there is none, and a short table of wide characters has to do */
};

void widths_open(struct widths *);
void widths_close(struct widths *);

/* How many columns a character takes, 0 to 2; -1: it cannot be shown. */
int widths_of(const struct widths *, unsigned code);

/* Appends what of the text fits into that many columns, with … at its end where it is cut. How many columns it takes, or
   -ENOMEM. */
int text_show(struct brood_buffer *out, const struct widths *, const char *text, size_t size, int columns, unsigned flags);

#endif
