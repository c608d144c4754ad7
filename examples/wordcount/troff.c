/* SPDX-License-Identifier: MIT */
#include "wordcount.h"

#include <string.h>

bool troff_is(const char *path)
{
	const char *name = strrchr(path, '/');
	if (!name)
		return false;
	const char *directory = name;
	while (directory > path && directory[-1] != '/')
		directory--;
	return name - directory >= 4 && !strncmp(directory, "man", 3) &&
	       ((directory[3] >= '0' && directory[3] <= '9') || directory[3] == 'n' || directory[3] == 'l');
}

/* Behind a name as escapes take it: one character, two after a parenthesis, or any number in brackets. */
static const char *skip_name(const char *at, const char *end)
{
	if (at == end)
		return at;
	if (*at == '(')
		return end - at < 3 ? end : at + 3;
	if (*at != '[')
		return at + 1;
	const char *bracket = memchr(at, ']', (size_t)(end - at));
	return bracket ? bracket + 1 : end;
}

static const char *skip_size(const char *at, const char *end)
{
	if (at < end && (*at == '+' || *at == '-'))
		at++;
	if (at < end && (*at == '(' || *at == '['))
		return skip_name(at, end);
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* Behind an argument between two like characters. */
static const char *skip_quoted(const char *at, const char *end)
{
	if (at == end)
		return at;
	const char *quote = memchr(at + 1, *at, (size_t)(end - at - 1));
	return quote ? quote + 1 : end;
}

/*
 * Behind the escape that begins at the backslash before at. *out is what a reader sees of it: 0 for nothing, else an
 * apostrophe or a space, since other characters that need an escape hardly occur within words.
 */
static const char *skip_escape(const char *at, const char *end, char *out)
{
	*out = 0;
	if (at == end)
		return at;
	char escape = *at++;
	const char *name = at;
	switch (escape) {
	case '"':
	case '#':
		return end;
	case 'f': case 'F': case 'm': case 'M': case 'g': case 'k': case '*':
		return skip_name(at, end);
	case 'n':
		return skip_name(at + (at < end && (*at == '+' || *at == '-')), end);
	case 's':
		return skip_size(at, end);
	case 'h': case 'v': case 'w': case 'l': case 'L': case 'D': case 'o': case 'N': case 'X': case 'b': case 'A':
	case 'B': case 'Z': case 'H': case 'S': case 'x': case 'R': case 'C':
		return skip_quoted(at, end);
	case '&': case '|': case '^': case '/': case ',': case '%': case ':': case ')': case 'c': case 'a': case 'p': case 'd':
	case 'u': case 'r': case 't': case '{': case '}':
		return at;
	case '\'':
		*out = '\'';
		return at;
	case '(':
	case '[':
		at = skip_name(at - 1, end);
		*out = at - name >= 2 && (!memcmp(name, "aq", 2) || !memcmp(name, "cq", 2)) ? '\'' : ' ';
		return at;
	default:
		*out = ' ';
		return at;
	}
}

/*
 * Where the text of a line begins. A control line's is behind the request. Macros that set text have names with a capital
 * letter; troff's own requests have none, and what stands behind them says how to set the text.
 */
static const char *text_of(const char *at, const char *end)
{
	if (at == end || (*at != '.' && *at != '\''))
		return at;
	do
		at++;
	while (at < end && (*at == ' ' || *at == '\t'));
	if (at == end || *at < 'A' || *at > 'Z')
		return end;
	while (at < end && *at != ' ' && *at != '\t')
		at++;
	return at;
}

size_t troff_strip(char *text, size_t size)
{
	const char *at = text, *end = text + size;
	char *out = text;
	while (at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		if (!line_end)
			line_end = end;
		at = text_of(at, line_end);
		while (at < line_end) {
			const char *escape = memchr(at, '\\', (size_t)(line_end - at));
			size_t plain = (size_t)((escape ? escape : line_end) - at);
			memmove(out, at, plain);
			out += plain;
			at += plain;
			if (escape) {
				char seen;
				at = skip_escape(at + 1, line_end, &seen);
				if (seen)
					*out++ = seen;
			}
		}
		if (line_end < end)
			*out++ = '\n';
		at = line_end < end ? line_end + 1 : end;
	}
	return (size_t)(out - text);
}
