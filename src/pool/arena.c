/* SPDX-License-Identifier: MIT */
#include "pool/arena.h"

#include "base/futex.h"
#include "pool/stream.h"

#include <stdlib.h>
#include <string.h>

/* A first part, in address space: pages that are not touched cost nothing. */
#define PART ((size_t)1 << 30)

static void grant(struct board_line *line, uint64_t offset, uint64_t size)
{
	atomic_store(&line->grant_size, 0);
	atomic_store(&line->grant_offset, offset);
	atomic_store(&line->grant_size, size);
}

/* Up to where the line's owner has written, if that is to be believed. */
static void move_up(struct mate *mate, struct board_line *line)
{
	uint64_t position = (atomic_load(&line->position) + 63) / 64 * 64;
	if (position > mate->arena && position <= mate->arena_end)
		mate->arena = position;
}

/* The largest part that leaves as much to each other worker, and as much again to whoever asks for more. */
static size_t fair_part(const brood_pool *pool)
{
	size_t fair = (pool->region->size - pool->region->top) / (2 * (size_t)pool->crew.lines + 2);
	return fair < PART ? fair / 4096 * 4096 : PART;
}

static bool take(brood_pool *pool, struct mate *mate, size_t size)
{
	uint64_t offset = size ? region_take(pool->region, size) : 0;
	if (!offset)
		return false;
	mate->arena = offset;
	mate->arena_end = offset + size;
	return true;
}

void arena_open(brood_pool *pool)
{
	for (uint32_t i = 0; i < pool->crew.lines; i++) {
		struct mate *mate = &pool->crew.mates[i];
		struct board_line *line = &pool->crew.board->line[i];
		atomic_store(&line->grant_size, 0);
		/* Also before a stream, in which the line says how far a chunk has been used. */
		move_up(mate, line);
		if (pool->round.streaming)
			continue;
		if (mate->arena == mate->arena_end)
			take(pool, mate, fair_part(pool));
		grant(line, mate->arena, mate->arena_end - mate->arena);
	}
}

bool arena_wanted(const brood_pool *pool)
{
	for (uint32_t i = 0; i < pool->crew.lines; i++)
		if (atomic_load(&pool->crew.board->line[i].wanted))
			return true;
	return false;
}

static bool answer(brood_pool *pool, uint32_t number, size_t wanted)
{
	struct board_line *line = &pool->crew.board->line[number];
	struct mate *mate = &pool->crew.mates[number];
	size_t size = 0;
	if (wanted > pool->region->size)
		return false;
	if (pool->round.streaming) {
		uint64_t offset = stream_chunk(pool, number, wanted, &size);
		if (offset)
			grant(line, offset, size);
		return offset;
	}
	wanted = (wanted + 4095) / 4096 * 4096;
	if (!take(pool, mate, wanted > fair_part(pool) ? wanted : fair_part(pool)) && !take(pool, mate, wanted))
		return false;
	grant(line, mate->arena, mate->arena_end - mate->arena);
	return true;
}

void arena_answer(brood_pool *pool)
{
	for (uint32_t i = 0; i < pool->crew.lines; i++) {
		struct board_line *line = &pool->crew.board->line[i];
		uint64_t wanted = atomic_exchange(&line->wanted, 0);
		if (!wanted)
			continue;
		atomic_store(&line->answer, answer(pool, i, wanted) ? BOARD_GRANTED : BOARD_REFUSED);
		futex_wake(&line->answer);
	}
}

void arena_close(brood_pool *pool, uint32_t number)
{
	struct board_line *line = &pool->crew.board->line[number];
	struct mate *mate = &pool->crew.mates[number];
	atomic_store(&line->wanted, 0);
	if (pool->round.streaming) {
		atomic_store(&line->grant_size, 0);
		stream_chunk_close(pool, number);
		return;
	}
	move_up(mate, line);
	atomic_store(&line->position, 0);
	grant(line, mate->arena, mate->arena_end - mate->arena);
}

void arena_keep(brood_pool *pool)
{
	const struct crew *crew = &pool->crew;
	struct part *left = pool->parts < crew->lines ? realloc(pool->left, crew->lines * sizeof *left) : NULL;
	if (left) {
		memset(left + pool->parts, 0, (crew->lines - pool->parts) * sizeof *left);
		pool->left = left;
		pool->parts = crew->lines;
	}
	/* Without memory the others are lost, which costs addresses alone. */
	for (uint32_t i = 0; i < crew->lines && i < pool->parts; i++) {
		/* Of the host as its own worker there is no end. */
		move_up(&crew->mates[i], &crew->board->line[i]);
		pool->left[i] = (struct part){crew->mates[i].arena, crew->mates[i].arena_end};
	}
}

void arena_resume(brood_pool *pool)
{
	struct crew *crew = &pool->crew;
	for (uint32_t i = 0; i < crew->lines && i < pool->parts; i++) {
		crew->mates[i].arena = pool->left[i].from;
		crew->mates[i].arena_end = pool->left[i].end;
	}
}
