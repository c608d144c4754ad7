/* SPDX-License-Identifier: MIT */
#include "text.h"

#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reserve(struct brood_buffer *text, size_t more)
{
	if (more <= text->capacity - text->size)
		return;
	size_t capacity = text->capacity ? text->capacity * 2 : 64;
	while (capacity - text->size < more)
		capacity *= 2;
	text->data = need_more(text->data, capacity);
	text->capacity = capacity;
}

void text_add(struct brood_buffer *text, const void *data, size_t size)
{
	reserve(text, size + 1);
	if (size)
		memcpy(text->data + text->size, data, size);
	text->size += size;
}

void text_add_string(struct brood_buffer *text, const char *string)
{
	text_add(text, string, strlen(string));
}

void text_add_char(struct brood_buffer *text, char c)
{
	text_add(text, &c, 1);
}

void text_add_format(struct brood_buffer *text, const char *format, ...)
{
	va_list arguments;
	char *made;
	va_start(arguments, format);
	const int size = vasprintf(&made, format, arguments);
	va_end(arguments);
	if (size < 0)
		die("no memory is left");
	text_add(text, made, (size_t)size);
	free(made);
}

char *text_string(struct brood_buffer *text)
{
	reserve(text, 1);
	text->data[text->size] = 0;
	return (char *)text->data;
}

void *need(size_t size)
{
	return need_more(NULL, size);
}

void *need_more(void *old, size_t size)
{
	void *memory = realloc(old, size ? size : 1);
	if (!memory)
		die("no memory is left");
	return memory;
}

char *need_copy(const char *data, size_t size)
{
	char *copy = need(size + 1);
	if (size)
		memcpy(copy, data, size);
	copy[size] = 0;
	return copy;
}
