/* SPDX-License-Identifier: MIT */
#include "separator.h"

#include "pattern.h"
#include "text.h"

#include <string.h>

void separator_begin(struct separator *separator, const struct options *options)
{
	*separator = (struct separator){.end = options->record_end, .start = options->record_start,
		.end_size = options->record_end_size, .start_size = options->record_start_size};
	if (!separator->end) {
		separator->end = separator->start ? "" : "\n";
		separator->end_size = strlen(separator->end);
	}
	if (!separator->start)
		separator->start = "";
	separator->by_pattern = options->record_regexp;
	if (!separator->by_pattern)
		return;
	struct brood_buffer text = {0};
	text_add_format(&text, "(%s)(%s)", separator->end, separator->start);
	pattern_read(&separator->pattern, text_string(&text), "--recend with --recstart");
	brood_buffer_free(&text);
}

void separator_end(struct separator *separator)
{
	if (separator->by_pattern)
		regfree(&separator->pattern);
}

/* The next match from here on: what ends a record, from one offset to another, and where the start of the next one ends. */
static bool find(const struct separator *separator, const char *data, size_t size, size_t from, size_t match[3])
{
	if (separator->by_pattern) {
		regmatch_t found[16] = {{.rm_so = (regoff_t)from, .rm_eo = (regoff_t)size}};
		if (regexec(&separator->pattern, data, 16, found, REG_STARTEND | (from ? REG_NOTBOL : 0)))
			return false;
		match[0] = (size_t)found[1].rm_so;
		match[1] = (size_t)found[1].rm_eo;
		match[2] = (size_t)found[0].rm_eo;
		return true;
	}
	while (from <= size) {
		const char *end = memmem(data + from, size - from, separator->end, separator->end_size);
		if (!end)
			return false;
		const size_t at = (size_t)(end - data), behind = at + separator->end_size;
		if (size - behind < separator->start_size)
			return false;
		if (!memcmp(data + behind, separator->start, separator->start_size)) {
			match[0] = at;
			match[1] = behind;
			match[2] = behind + separator->start_size;
			return true;
		}
		from = at + 1;
	}
	return false;
}

size_t separator_next(const struct separator *separator, const char *data, size_t size, size_t from, bool whole)
{
	size_t match[3];
	/* A record has at least one byte. */
	for (size_t at = from > separator->end_size ? from - separator->end_size + 1 : 0; find(separator, data, size, at, match);
	     at = match[0] + 1) {
		if (match[1] <= from)
			continue;
		/* A pattern that reaches the end may be longer once more has come. */
		if (separator->by_pattern && match[2] == size && !whole)
			return 0;
		return match[1];
	}
	return 0;
}

size_t separator_last(const struct separator *separator, const char *data, size_t size, size_t most, bool whole)
{
	if (!separator->by_pattern) {
		for (size_t at = most < size ? most : size; at > 0 && at >= separator->end_size; at--)
			if (!memcmp(data + at - separator->end_size, separator->end, separator->end_size) &&
			    size - at >= separator->start_size && !memcmp(data + at, separator->start, separator->start_size))
				return at;
		return 0;
	}
	size_t last = 0, next = 0;
	while ((next = separator_next(separator, data, size, next, whole)) && next <= most)
		last = next;
	return last;
}

void separator_remove(const struct separator *separator, const char *data, size_t size, struct brood_buffer *out)
{
	size_t from = 0, match[3];
	if (!separator->by_pattern && size >= separator->start_size && !memcmp(data, separator->start, separator->start_size))
		from = separator->start_size;
	while (from < size && find(separator, data, size, from, match) && match[2] > from) {
		text_add(out, data + from, match[0] - from);
		from = match[2];
	}
	/* The last one has nothing behind it. */
	if (!separator->by_pattern && size - from >= separator->end_size && separator->end_size &&
	    !memcmp(data + size - separator->end_size, separator->end, separator->end_size))
		size -= separator->end_size;
	text_add(out, data + from, size - from);
}
