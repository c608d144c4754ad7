/* SPDX-License-Identifier: MIT */
#include "report/line.h"

#include "value/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* So much of an item is shown. */
enum { ITEM_MOST = 60 };

void line_begin(struct line *line)
{
	line->size = 0;
	line->text[0] = 0;
}

void line_add(struct line *line, const char *format, ...)
{
	/* The room that is kept for the line's end is used by nothing else. */
	const size_t room = !strcmp(format, "\n") ? sizeof line->text - line->size : LINE_MOST - line->size + 1;
	va_list arguments;
	va_start(arguments, format);
	int size = vsnprintf(line->text + line->size, room, format, arguments);
	va_end(arguments);
	if (size > 0)
		line->size += (size_t)size < room ? (size_t)size : room - 1;
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

void line_add_text(struct line *line, const char *text, size_t size)
{
	size = size < LINE_MOST - line->size ? size : LINE_MOST - line->size;
	for (size_t i = 0; i < size; i++)
		line->text[line->size++] = is_control(text[i]) ? ' ' : text[i];
	line->text[line->size] = 0;
}

static bool is_readable(struct brood_bytes item)
{
	const char *text = item.data;
	for (size_t i = 0; i < item.size; i++)
		if (is_control(text[i]))
			return false;
	return item.size && utf8_valid(item.data, item.size);
}

void line_add_item(struct line *line, struct brood_bytes item)
{
	if (!is_readable(item))
		return;
	size_t size = item.size < ITEM_MOST ? item.size : ITEM_MOST;
	/* Not within a character. */
	while (size < item.size && (((const unsigned char *)item.data)[size] & 0xc0) == 0x80)
		size--;
	line_add(line, " \"");
	line_add_text(line, item.data, size);
	line_add(line, size < item.size ? "…\"" : "\"");
}
