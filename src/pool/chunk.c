/* SPDX-License-Identifier: MIT */
#include "pool/stream.h"

#include <stdlib.h>

#define NEVER UINT64_MAX
#define LEAST ((size_t)256 << 10)
#define MOST ((size_t)4 << 20)

/* What the chunks of all lines may come to, while they are of the usual size. */
#define TOGETHER ((size_t)256 << 20)

static struct chunk *find_chunk(struct stream *stream, size_t size)
{
	for (size_t i = 0; i < stream->chunk_count; i++)
		if (stream->chunks[i].free_from <= stream->low && stream->chunks[i].size >= size)
			return &stream->chunks[i];
	return NULL;
}

static struct chunk *make_chunk(brood_pool *pool, size_t size)
{
	struct stream *stream = pool->stream;
	if (stream->chunk_count == stream->chunk_capacity) {
		size_t capacity = stream->chunk_capacity ? 2 * stream->chunk_capacity : 16;
		struct chunk *chunks = realloc(stream->chunks, capacity * sizeof *chunks);
		if (!chunks)
			return NULL;
		stream->chunks = chunks;
		stream->chunk_capacity = capacity;
	}
	size_t usual = TOGETHER / pool->crew.lines / 4096 * 4096;
	usual = usual < LEAST ? LEAST : usual > MOST ? MOST : usual;
	size = size < usual / 4 ? usual : (size + size / 4 + 4095) / 4096 * 4096;
	uint64_t offset = region_take(pool->region, size);
	if (!offset)
		return NULL;
	stream->chunks[stream->chunk_count] = (struct chunk){.offset = offset, .size = size};
	return &stream->chunks[stream->chunk_count++];
}

uint64_t stream_chunk(brood_pool *pool, uint32_t line, size_t size, size_t *granted)
{
	stream_chunk_close(pool, line);
	struct chunk *chunk = find_chunk(pool->stream, size);
	if (!chunk)
		chunk = make_chunk(pool, size);
	if (!chunk)
		return 0;
	chunk->free_from = NEVER;
	chunk->line = line;
	*granted = chunk->size;
	return chunk->offset;
}

void stream_chunk_close(brood_pool *pool, uint32_t line)
{
	struct stream *stream = pool->stream;
	for (size_t i = 0; stream && i < stream->chunk_count; i++)
		if (stream->chunks[i].free_from == NEVER && stream->chunks[i].line == line)
			stream->chunks[i].free_from = stream->high;
}
