/* SPDX-License-Identifier: MIT */
#include "wordcount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
	FIRST_BLOCK = 8192,  /* where a NUL makes a file binary */
	GZIP_MOST = 1032,    /* deflate cannot shrink further than by this */
	GZIP_WINDOW = 15 + 16, /* the largest window, and gzip's head and tail */
	TEXT_MOST = 1 << 30,
};

struct bytes {
	char *data;
	size_t size, capacity;
};

/* Buffers and the state of inflate, which are dear to make and serve every document. */
struct reader {
	struct bytes file, text;
	z_stream stream;
	char reason[128];
};

struct reader *reader_new(void)
{
	struct reader *reader = need(NULL, 1, sizeof *reader);
	*reader = (struct reader){0};
	if (inflateInit2(&reader->stream, GZIP_WINDOW) != Z_OK) {
		free(reader);
		return NULL;
	}
	return reader;
}

void reader_free(struct reader *reader)
{
	if (!reader)
		return;
	inflateEnd(&reader->stream);
	free(reader->file.data);
	free(reader->text.data);
	free(reader);
}

static void reserve(struct bytes *bytes, size_t room)
{
	if (bytes->capacity - bytes->size >= room)
		return;
	size_t capacity = bytes->capacity * 2 > bytes->size + room ? bytes->capacity * 2 : bytes->size + room;
	bytes->data = need(bytes->data, capacity, 1);
	bytes->capacity = capacity;
}

static void fail(struct document *out, const char *reason)
{
	out->kind = KIND_FAILED;
	out->reason = reason;
}

/* Reads until size bytes are there: 1; 0 where the file ends before that, or a negative errno. */
static int read_until(int fd, struct bytes *bytes, size_t size)
{
	if (bytes->size < size)
		reserve(bytes, size - bytes->size);
	while (bytes->size < size) {
		ssize_t count = read(fd, bytes->data + bytes->size, size - bytes->size);
		if (!count)
			return 0;
		if (count > 0)
			bytes->size += (size_t)count;
		else if (errno != EINTR)
			return -errno;
	}
	return 1;
}

static bool is_gzip(const struct bytes *bytes)
{
	return bytes->size >= 3 && !memcmp(bytes->data, "\x1f\x8b\x08", 3);
}

static bool is_binary(const struct bytes *bytes)
{
	return bytes->size && memchr(bytes->data, 0, bytes->size < FIRST_BLOCK ? bytes->size : FIRST_BLOCK);
}

/* The file as it is; of a binary one only the first block. */
static void read_file(struct reader *reader, int fd, struct document *out)
{
	struct bytes *file = &reader->file;
	struct stat info;
	file->size = 0;
	if (fstat(fd, &info)) {
		fail(out, strerror(errno));
		return;
	}
	if (!S_ISREG(info.st_mode)) {
		fail(out, "is not a regular file any more");
		return;
	}
	int more = read_until(fd, file, FIRST_BLOCK);
	if (!is_gzip(file) && is_binary(file)) {
		out->kind = KIND_BINARY;
		out->stored = file->size;
		return;
	}
	/* One byte more than there should be shows the end without another read, and whether the file has grown. */
	size_t size = (info.st_size < TEXT_MOST ? (size_t)info.st_size : (size_t)TEXT_MOST) + 1;
	for (; more == 1 && file->size <= TEXT_MOST; size = file->size * 2)
		more = read_until(fd, file, size);
	out->stored = file->size;
	if (more < 0)
		fail(out, strerror(-more));
	else if (file->size > TEXT_MOST)
		fail(out, "larger than 1 GiB");
}

static void fail_gzip(struct reader *reader, struct document *out)
{
	snprintf(reader->reason, sizeof reader->reason, "corrupt gzip: %s",
		 reader->stream.msg ? reader->stream.msg : "wrong dictionary");
	fail(out, reader->reason);
}

/* How much text the file says it holds: its last four bytes, believed as far as it is possible. */
static size_t announced(const struct bytes *file)
{
	size_t size = 0;
	for (size_t i = 1; file->size > 4 && i <= 4; i++)
		size = size << 8 | (unsigned char)file->data[file->size - i];
	size_t most = file->size < TEXT_MOST / GZIP_MOST ? file->size * GZIP_MOST : TEXT_MOST;
	return size < most ? size : most;
}

/* A gzip file is one member or more, one after another; what follows the last one and is no member is padding. */
static void inflate_file(struct reader *reader, struct document *out)
{
	z_stream *stream = &reader->stream;
	struct bytes *text = &reader->text;
	text->size = 0;
	reserve(text, FIRST_BLOCK);
	size_t room = FIRST_BLOCK, rest = announced(&reader->file) + 1;
	stream->next_in = (unsigned char *)reader->file.data;
	stream->avail_in = (unsigned)reader->file.size;
	inflateReset(stream);
	for (;;) {
		stream->next_out = (unsigned char *)text->data + text->size;
		stream->avail_out = (unsigned)room;
		int result = inflate(stream, Z_NO_FLUSH);
		size_t before = text->size;
		text->size += room - stream->avail_out;
		if (before < FIRST_BLOCK && is_binary(text)) {
			out->kind = KIND_BINARY;
			return;
		}
		if (result == Z_STREAM_END) {
			if (stream->avail_in < 3 || memcmp(stream->next_in, "\x1f\x8b\x08", 3))
				return;
			inflateReset(stream);
		} else if (result == Z_BUF_ERROR || (result == Z_OK && stream->avail_out)) {
			fail(out, "corrupt gzip: ends too early");
			return;
		} else if (result != Z_OK) {
			fail_gzip(reader, out);
			return;
		}
		if (text->size >= TEXT_MOST) {
			fail(out, "gzip of more than 1 GiB");
			return;
		}
		reserve(text, rest);
		rest = FIRST_BLOCK;
		room = text->capacity - text->size;
	}
}

void reader_read(struct reader *reader, const char *path, struct document *out)
{
	*out = (struct document){.kind = KIND_TEXT, .reason = ""};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		fail(out, strerror(errno));
		return;
	}
	read_file(reader, fd, out);
	close(fd);
	if (out->kind != KIND_TEXT)
		return;
	size_t length = strlen(path);
	struct bytes *text = &reader->file;
	out->gzip = is_gzip(&reader->file);
	if (out->gzip) {
		inflate_file(reader, out);
		text = &reader->text;
	} else if (length > 3 && !strcmp(path + length - 3, ".gz")) {
		fail(out, "corrupt gzip: does not begin as one");
	}
	if (out->kind == KIND_TEXT) {
		out->text = text->data;
		out->size = text->size;
	}
}
