/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_QUOTE_H
#define BROOD_COMMAND_QUOTE_H

#include <brood.h>

/* Where in the shell's text something stands; RAW is for what is to be read by the shell as its own text. */
enum quoting { QUOTING_NONE, QUOTING_SINGLE, QUOTING_DOUBLE, QUOTING_RAW };

/* Adds a value so that the shell reads it as these bytes and as nothing else, where it stands. */
void quote_add(struct brood_buffer *, enum quoting, const void *data, size_t size);

/* Follows the quotes of a shell's text from piece to piece; all zero is the beginning. */
struct quote_state {
	char open[64]; /* what has been opened: ' " ( { ` */
	size_t depth;
	bool escaped;
};
void quote_follow(struct quote_state *, const char *text, size_t size);
enum quoting quote_here(const struct quote_state *);

/* Whether a text has anything in it that means something to a shell, other than the spaces between words. */
bool quote_has_syntax(const char *text, size_t size);

#endif
