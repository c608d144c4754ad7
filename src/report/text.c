/* SPDX-License-Identifier: MIT */
#include "report/text.h"

#include "base/buffer.h"
#include "value/utf8.h"

#include <string.h>
#include <wchar.h>

enum { UNKNOWN = 0xfffd, ELLIPSIS = 0x2026 };

struct span {
	unsigned first, last;
};

/* For systems without a locale of UTF-8: the scripts and signs that are met, not all. */
static const struct span none_wide[] = {{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd}, {0x610, 0x61a}, {0x64b, 0x65f},
	{0x93c, 0x93c}, {0x941, 0x948}, {0xe31, 0xe31}, {0xe34, 0xe3a}, {0xe47, 0xe4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
	{0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};
static const struct span twice_wide[] = {{0x1100, 0x115f}, {0x231a, 0x231b}, {0x2e80, 0x303e}, {0x3041, 0x33ff},
	{0x3400, 0x4dbf}, {0x4e00, 0x9fff}, {0xa000, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60},
	{0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd}};

/* They would change what is beside them: the direction of writing, and lines. */
static const struct span disturbing[] = {{0x80, 0x9f}, {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff}};

#define IS_IN(code, spans) is_in((code), (spans), sizeof(spans) / sizeof *(spans))

static bool is_in(unsigned code, const struct span *spans, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (code >= spans[i].first && code <= spans[i].last)
			return true;
	return false;
}

void widths_open(struct widths *widths)
{
	widths->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

void widths_close(struct widths *widths)
{
	if (widths->locale)
		freelocale(widths->locale);
	widths->locale = (locale_t)0;
}

int widths_of(const struct widths *widths, unsigned code)
{
	if (code < 0x80)
		return code < ' ' || code == 0x7f ? -1 : 1;
	if (IS_IN(code, disturbing))
		return -1;
	if (!widths->locale)
		return IS_IN(code, none_wide) ? 0 : IS_IN(code, twice_wide) ? 2 : 1;
	/* The thread's locale alone, and for this call. */
	const locale_t saved = uselocale(widths->locale);
	const int width = wcwidth((wchar_t)code);
	uselocale(saved);
	return width;
}

/* The code point that the text begins with, and of how many bytes; UNKNOWN where it begins with none. */
static unsigned decode(const unsigned char *text, size_t left, size_t *size)
{
	const size_t length = *text < 0x80 ? 1 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : 4;
	*size = 1;
	if (length > left || !utf8_valid(text, length))
		return UNKNOWN;
	*size = length;
	unsigned code = length == 1 ? *text : *text & (0x7fu >> length);
	for (size_t i = 1; i < length; i++)
		code = code << 6 | (text[i] & 0x3fu);
	return code;
}

/* The size of the style that the text begins with; 0: it does not. */
static size_t style_size(const char *text, size_t left)
{
	if (left < 3 || text[0] != '\033' || text[1] != '[')
		return 0;
	size_t at = 2;
	while (at < left && at < 32 && ((text[at] >= '0' && text[at] <= '9') || text[at] == ';'))
		at++;
	return at < left && text[at] == 'm' ? at + 1 : 0;
}

/* What is shown in the place of a character that cannot be. */
static unsigned stand_in(unsigned code)
{
	return code < ' ' ? 0x2400 + code : code == 0x7f ? 0x2421 : UNKNOWN;
}

static int add(struct brood_buffer *out, unsigned code)
{
	unsigned char bytes[4];
	return buffer_append(out, bytes, utf8_put(bytes, code));
}

int text_show(struct brood_buffer *out, const struct widths *widths, const char *text, size_t size, int columns, unsigned flags)
{
	const size_t before = out->size;
	size_t cut = before, length; /* cut: where … would go */
	int used = 0, cut_used = 0, error = 0;
	bool styled = false, is_cut = false;
	for (size_t at = 0; at < size && !error && !is_cut; at += length) {
		length = flags ? style_size(text + at, size - at) : 0;
		if (length) {
			if (flags & TEXT_STYLED)
				error = buffer_append(out, text + at, length);
			styled |= (flags & TEXT_STYLED) != 0;
			continue;
		}
		unsigned code = decode((const unsigned char *)text + at, size - at, &length);
		int width = widths_of(widths, code);
		if (width < 0) {
			code = stand_in(code);
			width = 1;
		}
		is_cut = used + width > columns;
		if (is_cut)
			break;
		error = add(out, code);
		used += width;
		if (used < columns) {
			cut = out->size;
			cut_used = used;
		}
	}
	if (is_cut && columns > 0 && !error) {
		out->size = cut;
		error = add(out, ELLIPSIS);
		used = cut_used + 1;
	}
	if (styled && !error)
		error = buffer_append(out, "\033[0m", 4);
	if (error)
		out->size = before;
	return error ? error : used;
}
