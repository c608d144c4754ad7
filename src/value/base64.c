/* SPDX-License-Identifier: MIT */
#include "value/base64.h"

#include <errno.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(unsigned char *out, const unsigned char *data, size_t size)
{
	for (; size; out += 4) {
		size_t take = size < 3 ? size : 3;
		unsigned bits = (unsigned)data[0] << 16;
		if (take > 1)
			bits |= (unsigned)data[1] << 8;
		if (take > 2)
			bits |= data[2];
		out[0] = (unsigned char)letters[bits >> 18];
		out[1] = (unsigned char)letters[bits >> 12 & 63];
		out[2] = (unsigned char)(take > 1 ? letters[bits >> 6 & 63] : '=');
		out[3] = (unsigned char)(take > 2 ? letters[bits & 63] : '=');
		data += take;
		size -= take;
	}
}

/* The six bits of a letter, or 64. */
static unsigned letter_bits(unsigned char letter)
{
	if (letter >= 'A' && letter <= 'Z')
		return letter - 'A';
	if (letter >= 'a' && letter <= 'z')
		return letter - 'a' + 26u;
	if (letter >= '0' && letter <= '9')
		return letter - '0' + 52u;
	return letter == '+' ? 62 : letter == '/' ? 63 : 64;
}

ssize_t base64_decode(unsigned char *out, const unsigned char *text, size_t size)
{
	if (size % 4)
		return -EBADMSG;
	size_t have = 0;
	for (size_t at = 0; at < size; at += 4) {
		size_t give = 3;
		if (at + 4 == size && text[at + 3] == '=')
			give = text[at + 2] == '=' ? 1 : 2;
		unsigned bits = 0;
		for (size_t i = 0; i <= give; i++) {
			unsigned six = letter_bits(text[at + i]);
			if (six > 63)
				return -EBADMSG;
			bits |= six << (18 - 6 * i);
		}
		if (bits & (0xffffffu >> (8 * give)))
			return -EBADMSG;
		for (size_t i = 0; out && i < give; i++)
			out[have + i] = (unsigned char)(bits >> (16 - 8 * i));
		have += give;
	}
	return (ssize_t)have;
}
