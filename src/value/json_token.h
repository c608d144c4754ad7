/* SPDX-License-Identifier: MIT */
#ifndef BROOD_VALUE_JSON_TOKEN_H
#define BROOD_VALUE_JSON_TOKEN_H

#include <brood.h>

/* JSON text that is being read: what is left of it. */
struct text {
	const unsigned char *at, *end;
};

/*
 * Both take one token from the front and append its value; the first byte has been looked at. 0, -ENOMEM, or -EBADMSG.
 * A number that is no 64-bit integer and too large for a double is taken, with nil in its place: -ERANGE.
 */
int json_string(struct text *text, struct brood_buffer *out);
int json_number(struct text *text, struct brood_buffer *out);

#endif
