/* SPDX-License-Identifier: MIT */
#include "base/lines.h"

#include "base/stream.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool lines_open(struct lines *lines, const char *path)
{
	lines->begin = lines->end = 0;
	lines->fd = open(path, O_RDONLY | O_CLOEXEC);
	return lines->fd >= 0;
}

void lines_close(struct lines *lines)
{
	close(lines->fd);
}

/* Reads more behind what there is: how much it was. */
static ssize_t fill(struct lines *lines)
{
	lines->end -= lines->begin;
	memmove(lines->text, lines->text + lines->begin, lines->end);
	lines->begin = 0;
	ssize_t count = stream_read_some(lines->fd, lines->text + lines->end, sizeof lines->text - 1 - lines->end);
	if (count > 0)
		lines->end += (size_t)count;
	return count;
}

char *lines_next(struct lines *lines)
{
	for (bool whole = true;;) {
		char *line = lines->text + lines->begin, *stop = memchr(line, '\n', lines->end - lines->begin);
		if (stop) {
			*stop = '\0';
			lines->begin = (size_t)(stop + 1 - lines->text);
			if (whole)
				return line;
			whole = true;
			continue;
		}
		if (lines->end - lines->begin == sizeof lines->text - 1) {
			whole = false;
			lines->begin = lines->end;
		}
		if (fill(lines) > 0)
			continue;
		const bool last = whole && lines->end;
		lines->text[lines->end] = '\0';
		lines->end = 0;
		return last ? lines->text : NULL;
	}
}

static bool parse(const char *text, uint64_t *out)
{
	if (!isdigit((unsigned char)*text))
		return false;
	char *end;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	*out = number;
	return !errno && !*end;
}

bool lines_number(const char *path, const char *word, uint64_t *out)
{
	struct lines lines;
	const size_t size = strlen(word);
	bool found = false;
	if (!lines_open(&lines, path))
		return false;
	for (const char *line; !found && (line = lines_next(&lines));) {
		if (!size) {
			found = parse(line, out);
			break;
		}
		found = !strncmp(line, word, size) && line[size] == ' ' && parse(line + size + 1, out);
	}
	lines_close(&lines);
	return found;
}
