/* SPDX-License-Identifier: MIT */
#include "chunk.h"

#include "number.h"
#include "pattern.h"
#include "say.h"
#include "separator.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_LEAST = 64 << 10 };

struct chunks {
	const struct options *options;
	struct separator separator;
	int fd;
	const char *path;
	struct brood_buffer data, header;
	size_t start; /* of what has not been given */
	bool ended, header_read;
	long records; /* for each job; 0: as many as fit into a block */
	size_t block, made;
};

struct chunks *chunks_open(const struct options *options)
{
	struct chunks *chunks = need(sizeof *chunks);
	*chunks = (struct chunks){.options = options, .path = "-", .block = (size_t)options->block};
	separator_begin(&chunks->separator, options);
	if (options->source_count && options->sources[0].kind == SOURCE_FILE)
		chunks->path = options->sources[0].path;
	chunks->fd = strcmp(chunks->path, "-") ? open(chunks->path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (chunks->fd < 0)
		die("the input %s cannot be opened: %s", chunks->path, strerror(errno));
	const long lines = options->max_lines > 0 ? options->max_lines : 1;
	const long given = options->max_replace >= 0 ? options->max_replace : options->max_arguments;
	chunks->records = given > 0 ? given * lines : 0;
	chunks->header_read = !options->header;
	return chunks;
}

void chunks_free(struct chunks *chunks)
{
	if (!chunks)
		return;
	if (chunks->fd != STDIN_FILENO)
		close(chunks->fd);
	separator_end(&chunks->separator);
	brood_buffer_free(&chunks->data);
	brood_buffer_free(&chunks->header);
	free(chunks);
}

static size_t held(const struct chunks *chunks)
{
	return chunks->data.size - chunks->start;
}

int chunks_fd(const struct chunks *chunks)
{
	return chunks->ended ? -1 : chunks->fd;
}

void chunks_read(struct chunks *chunks)
{
	struct brood_buffer *data = &chunks->data;
	if (chunks->start) {
		memmove(data->data, data->data + chunks->start, held(chunks));
		data->size -= chunks->start;
		chunks->start = 0;
	}
	if (data->capacity - data->size < READ_LEAST) {
		data->capacity = data->capacity * 2 + 2 * READ_LEAST;
		data->data = need_more(data->data, data->capacity);
	}
	/* One byte is left for a NUL. */
	const ssize_t got = read(chunks->fd, data->data + data->size, data->capacity - data->size - 1);
	if (got > 0)
		data->size += (size_t)got;
	else if (!got)
		chunks->ended = true;
	else if (errno != EINTR && errno != EAGAIN)
		die("the input %s cannot be read: %s", chunks->path, strerror(errno));
}

/* --header: a line, some lines, or what matches, in front of each block. false: more has to come first. */
static bool read_header(struct chunks *chunks)
{
	const char *const data = (char *)chunks->data.data, *header = chunks->options->header;
	long lines = 1;
	size_t size = 0;
	if (strcmp(header, ":") != 0 && !number_read_count(header, 1000000, &lines)) {
		regex_t pattern;
		regmatch_t match = {.rm_eo = (regoff_t)chunks->data.size};
		if (!chunks->ended && chunks->data.size < chunks->block)
			return false;
		pattern_read(&pattern, header, "--header");
		if (data && !regexec(&pattern, data, 1, &match, REG_STARTEND) && !match.rm_so)
			size = (size_t)match.rm_eo;
		regfree(&pattern);
	} else {
		for (; lines; lines--) {
			const char *end = data ? memchr(data + size, '\n', chunks->data.size - size) : NULL;
			if (!end && !chunks->ended)
				return false;
			size = end ? (size_t)(end - data) + 1 : chunks->data.size;
		}
	}
	text_add(&chunks->header, data, size);
	chunks->start = size;
	chunks->header_read = true;
	return true;
}

/* How many bytes the next block has; 0: it is not all there yet. */
static size_t next_block(const struct chunks *chunks)
{
	const char *data = (char *)chunks->data.data + chunks->start;
	const size_t size = held(chunks);
	size_t end = 0;
	if (!size)
		return 0;
	if (chunks->records) {
		for (long i = 0; i < chunks->records; i++) {
			end = separator_next(&chunks->separator, data, size, end, chunks->ended);
			if (!end)
				return chunks->ended ? size : 0;
		}
		return end;
	}
	if (size <= chunks->block)
		return chunks->ended ? size : 0;
	end = separator_last(&chunks->separator, data, size, chunks->block, chunks->ended);
	/* A record that is longer than a block makes a block of its own. */
	if (!end)
		end = separator_next(&chunks->separator, data, size, chunks->block, chunks->ended);
	return end ? end : chunks->ended ? size : 0;
}

bool chunks_take(struct chunks *chunks, struct brood_buffer *out)
{
	const size_t size = chunks->header_read || read_header(chunks) ? next_block(chunks) : 0;
	if (!size)
		return false;
	const char *data = (char *)chunks->data.data + chunks->start;
	if (chunks->options->remove_separators)
		separator_remove(&chunks->separator, data, size, out);
	else
		text_add(out, data, size);
	chunks->start += size;
	return true;
}

struct job *chunks_next(struct chunks *chunks, size_t number)
{
	struct brood_buffer chunk = {0};
	if (!chunks->header_read && !read_header(chunks))
		return NULL;
	text_add(&chunk, chunks->header.data, chunks->header.size);
	if (!chunks_take(chunks, &chunk)) {
		brood_buffer_free(&chunk);
		return NULL;
	}
	struct job *job = job_new(number, NULL, 0);
	job->chunk = chunk;
	job->input_wanted = true;
	return job;
}

bool chunks_ended(const struct chunks *chunks)
{
	return chunks->ended && !held(chunks);
}
