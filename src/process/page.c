/* SPDX-License-Identifier: MIT */
#include "process/page.h"
#include "process/path.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* Names made by templates can be as long as all the rest. */
enum { NAME = 1000 };

void page_begin(struct page *page, char *text, size_t size)
{
	*page = (struct page){.text = text, .size = size, .full = !size};
	if (size)
		*text = 0;
}

static void clean(char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
}

void page_note(struct page *page, const char *format, ...)
{
	if (page->full)
		return;
	char *line = page->text + page->used;
	size_t room = page->size - page->used;
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(line, room, format, arguments);
	va_end(arguments);
	/* A byte for the line's end, and one for the text's. */
	if (length < 0 || (size_t)length + 2 > room) {
		*line = 0;
		page->full = true;
		return;
	}
	clean(line, (size_t)length);
	line[length] = '\n';
	line[length + 1] = 0;
	page->used += (size_t)length + 1;
}

void page_source(struct page *page, const char *name, const char *folder, const char *file, int line)
{
	char path[PATH_SIZE];
	path_fold(path, folder, file);
	page_note(page, "#%zu %.*s at %s:%d", page->number++, NAME, name, path, line);
}

void page_symbol(struct page *page, const char *name, uint64_t further, const char *module, uint64_t offset)
{
	if (name)
		page_note(page, "#%zu %.*s+0x%" PRIx64 " (%.*s+0x%" PRIx64 ")", page->number++, NAME, name, further, NAME,
			  module, offset);
	else
		page_note(page, "#%zu ?? (%.*s+0x%" PRIx64 ")", page->number++, NAME, module, offset);
}

void page_address(struct page *page, uint64_t address)
{
	page_note(page, "#%zu ?? (0x%" PRIx64 ")", page->number++, address);
}
