/* SPDX-License-Identifier: MIT */
#include "source.h"

#include "pattern.h"
#include "say.h"
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool (*source_wait)(int fd, void *context);
void *source_wait_context;

/* Of all sources that are stdin: what is read ahead for one of them is there for the others. */
static FILE *standard;

static bool is_ready(int fd)
{
	struct pollfd entry = {.fd = fd, .events = POLLIN};
	return poll(&entry, 1, 0) > 0;
}

static ssize_t read_input(void *cookie, char *data, size_t size)
{
	const int fd = (int)(intptr_t)cookie;
	for (;;) {
		if (source_wait && !is_ready(fd) && !source_wait(fd, source_wait_context))
			return 0;
		const ssize_t got = read(fd, data, size);
		if (got >= 0 || (errno != EINTR && errno != EAGAIN))
			return got;
		struct pollfd entry = {.fd = fd, .events = POLLIN};
		poll(&entry, 1, -1);
	}
}

static int close_input(void *cookie)
{
	const int fd = (int)(intptr_t)cookie;
	return fd == STDIN_FILENO ? 0 : close(fd);
}

static FILE *open_input(const char *path)
{
	const bool is_stdin = !strcmp(path, "-");
	if (is_stdin && standard)
		return standard;
	const int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return NULL;
	void *cookie = (void *)(intptr_t)fd;
	FILE *file = fopencookie(cookie, "r", (cookie_io_functions_t){.read = read_input, .close = close_input});
	if (!file)
		close_input(cookie);
	else if (is_stdin)
		standard = file;
	return file;
}

void source_open(struct source_reader *reader, const struct options *options, const struct source *source)
{
	*reader = (struct source_reader){.options = options, .source = source};
	if (options->column_separator)
		pattern_read(&reader->columns, options->column_separator, "--colsep");
	if (source->kind == SOURCE_ARGUMENTS)
		return;
	reader->file = open_input(source->path);
	if (!reader->file)
		die("the input %s cannot be opened: %s", source->path, strerror(errno));
}

void source_close(struct source_reader *reader)
{
	if (reader->file && reader->file != standard)
		fclose(reader->file);
	if (reader->options->column_separator)
		regfree(&reader->columns);
	free(reader->line);
}

/* Says it once. A program's arguments end at a NUL. */
static void warn_of_nul(void)
{
	static bool said;
	if (!said)
		say("a NUL byte in the input was replaced by \\0, since no argument can hold one; did you mean --null?");
	said = true;
}

static size_t replace_nul(struct source_reader *reader, size_t size)
{
	struct brood_buffer text = {0};
	if (!memchr(reader->line, 0, size))
		return size;
	warn_of_nul();
	for (size_t i = 0; i < size; i++)
		if (reader->line[i])
			text_add_char(&text, reader->line[i]);
		else
			text_add_string(&text, "\\0");
	text_string(&text);
	free(reader->line);
	reader->line = (char *)text.data;
	reader->capacity = text.capacity;
	return text.size;
}

/* The next line without its delimiter, which may be of several bytes; -1: there is none. */
static ssize_t read_line(struct source_reader *reader, struct brood_buffer *whole)
{
	const char *delimiter = reader->options->delimiter;
	const size_t size = reader->options->delimiter_size;
	const int last = size ? (unsigned char)delimiter[size - 1] : EOF;
	whole->size = 0;
	for (;;) {
		errno = 0;
		ssize_t got = size ? getdelim(&reader->line, &reader->capacity, last, reader->file)
				   : getline(&reader->line, &reader->capacity, reader->file);
		if (got < 0) {
			if (ferror(reader->file))
				die("the input %s cannot be read: %s", reader->source->path, strerror(errno));
			return whole->size ? (ssize_t)whole->size : -1;
		}
		if (size == 1 && !whole->size)
			return got - (reader->line[got - 1] == *delimiter);
		text_add(whole, reader->line, (size_t)got);
		if (size && whole->size >= size && !memcmp(whole->data + whole->size - size, delimiter, size))
			return (ssize_t)(whole->size - size);
	}
}

static bool read_file_value(struct source_reader *reader, struct brood_buffer *whole, struct brood_bytes *out)
{
	ssize_t size = read_line(reader, whole);
	if (size < 0)
		return false;
	/* What came in one piece is still in the line. */
	if (whole->size) {
		free(reader->line);
		reader->line = need_copy((char *)whole->data, (size_t)size);
		reader->capacity = (size_t)size + 1;
	}
	/* It may put another line in its place. */
	const size_t replaced = replace_nul(reader, (size_t)size);
	*out = (struct brood_bytes){reader->line, replaced};
	return true;
}

static bool read_argument(struct source_reader *reader, struct brood_bytes *out)
{
	const struct options *options = reader->options;
	if (!reader->rest && reader->next == reader->source->count)
		return false;
	const char *text = reader->rest ? reader->rest : reader->source->arguments[reader->next++];
	const char *end = NULL;
	/* An argument is an argument: only a delimiter that was asked for splits it. */
	if (options->delimiter_size && *options->delimiter && strcmp(options->delimiter, "\n") != 0)
		end = strstr(text, options->delimiter);
	*out = (struct brood_bytes){text, end ? (size_t)(end - text) : strlen(text)};
	reader->rest = end ? end + options->delimiter_size : NULL;
	return true;
}

static bool is_blank(struct brood_bytes value)
{
	for (size_t i = 0; i < value.size; i++)
		if (!isspace(((const unsigned char *)value.data)[i]))
			return false;
	return true;
}

static struct brood_bytes trim(struct brood_bytes value, enum trimming how)
{
	const char *text = value.data;
	size_t from = 0, to = value.size;
	const bool left = how == TRIM_LEFT || how == TRIM_BOTH, right = how == TRIM_RIGHT || how == TRIM_BOTH;
	while (left && from < to && isspace((unsigned char)text[from]))
		from++;
	while (right && from < to && isspace((unsigned char)text[to - 1]))
		to--;
	return (struct brood_bytes){text + from, to - from};
}

static struct record *split_columns(struct source_reader *reader, struct brood_bytes value, enum trimming how)
{
	struct brood_bytes *columns = NULL;
	size_t count = 0;
	const char *text = value.data, *const end = text + value.size, *from = text;
	regmatch_t match;
	while (from < end && !regexec(&reader->columns, text, 1, &match, text == value.data ? 0 : REG_NOTBOL)) {
		/* An empty match separates each byte from the next. */
		const size_t step = match.rm_eo > match.rm_so ? 0 : 1;
		const char *stop = text + match.rm_so + step;
		if (stop >= end && step)
			break;
		columns = need_more(columns, (count + 2) * sizeof *columns);
		columns[count++] = (struct brood_bytes){from, (size_t)(stop - from)};
		from = text = step ? stop : text + match.rm_eo;
	}
	columns = need_more(columns, (count + 1) * sizeof *columns);
	columns[count++] = (struct brood_bytes){from, (size_t)(end - from)};
	for (size_t i = 0; i < count; i++)
		columns[i] = trim(columns[i], how);
	struct record *record = record_new(columns, count);
	free(columns);
	return record;
}

static bool read_value(struct source_reader *reader, struct brood_buffer *whole, struct brood_bytes *out)
{
	const struct options *options = reader->options;
	do {
		if (reader->ended || !(reader->file ? read_file_value(reader, whole, out) : read_argument(reader, out)))
			return false;
		if (options->end_of_input && strlen(options->end_of_input) == out->size &&
		    !memcmp(options->end_of_input, out->data, out->size)) {
			reader->ended = true;
			return false;
		}
	} while (options->skip_empty && is_blank(*out));
	return true;
}

/* With -L a line that ends in a blank goes on in the next one. */
static void join_lines(struct source_reader *reader, struct brood_buffer *whole, struct brood_bytes *value)
{
	struct brood_buffer joined = {0};
	for (;;) {
		const char *text = value->data;
		const bool more = value->size && isblank((unsigned char)text[value->size - 1]);
		size_t size = value->size;
		while (size && isblank((unsigned char)text[size - 1]))
			size--;
		text_add(&joined, text, size);
		if (!more || !read_value(reader, whole, value))
			break;
		text_add_char(&joined, ' ');
	}
	text_string(&joined);
	free(reader->line);
	reader->line = (char *)joined.data;
	reader->capacity = joined.capacity;
	*value = (struct brood_bytes){reader->line, joined.size};
}

struct record *source_next(struct source_reader *reader)
{
	const struct options *options = reader->options;
	struct brood_buffer whole = {0};
	struct brood_bytes value;
	struct record *record = NULL;
	if (read_value(reader, &whole, &value)) {
		enum trimming how = options->trimming;
		if (how == TRIM_DEFAULT)
			how = options->column_separator ? TRIM_BOTH : TRIM_NONE;
		if (options->max_lines > 0 && reader->file)
			join_lines(reader, &whole, &value);
		if (options->column_separator) {
			/* For regexec, which looks for a NUL. */
			char *text = need_copy(value.data, value.size);
			record = split_columns(reader, (struct brood_bytes){text, value.size}, how);
			free(text);
		} else {
			value = trim(value, how);
			record = record_new(&value, 1);
		}
	}
	brood_buffer_free(&whole);
	return record;
}
