/* SPDX-License-Identifier: MIT */
#include "value/utf8.h"

#include <stdint.h>
#include <string.h>

/* The length of the character that the byte begins, and the range that its second byte must be in: only there do forms
   that are too long, surrogates and what lies above Unicode show. 0: no character begins so. */
static size_t lead(unsigned byte, unsigned *low, unsigned *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (byte < 0x80)
		return 1;
	if (byte < 0xc2)
		return 0;
	if (byte < 0xe0)
		return 2;
	if (byte < 0xf0) {
		if (byte == 0xe0)
			*low = 0xa0;
		else if (byte == 0xed)
			*high = 0x9f;
		return 3;
	}
	if (byte > 0xf4)
		return 0;
	if (byte == 0xf0)
		*low = 0x90;
	else if (byte == 0xf4)
		*high = 0x8f;
	return 4;
}

bool utf8_valid(const unsigned char *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		uint64_t eight;
		if (size - at >= sizeof eight) {
			memcpy(&eight, data + at, sizeof eight);
			if (!(eight & UINT64_C(0x8080808080808080))) {
				at += sizeof eight;
				continue;
			}
		}
		unsigned low, high;
		size_t length = lead(data[at], &low, &high);
		if (!length || length > size - at)
			return false;
		if (length > 1 && (data[at + 1] < low || data[at + 1] > high))
			return false;
		for (size_t i = 2; i < length; i++)
			if ((data[at + i] & 0xc0) != 0x80)
				return false;
		at += length;
	}
	return true;
}

size_t utf8_put(unsigned char *out, unsigned code)
{
	if (code < 0x80) {
		out[0] = (unsigned char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (unsigned char)(0xc0 | code >> 6);
		out[1] = (unsigned char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (unsigned char)(0xe0 | code >> 12);
		out[1] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (unsigned char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (unsigned char)(0xf0 | code >> 18);
	out[1] = (unsigned char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (unsigned char)(0x80 | (code & 0x3f));
	return 4;
}
