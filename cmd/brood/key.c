/* SPDX-License-Identifier: MIT */
#include "key.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t add_bytes(uint64_t hash, const unsigned char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 0x100000001b3u;
	return hash;
}

uint64_t key_of_bytes(struct brood_bytes bytes)
{
	return add_bytes(0xcbf29ce484222325u, bytes.data, bytes.size);
}

uint64_t key_of(const struct job *job)
{
	uint64_t hash = key_of_bytes(job_identity(job));
	if (!job->chunk.size)
		return hash;
	/* No command has a NUL: what follows it cannot be taken for a part of one. */
	hash = add_bytes(hash, (const unsigned char *)"", 1);
	return add_bytes(hash, job->chunk.data, job->chunk.size);
}

void key_print(uint64_t key, char text[KEY_DIGITS + 1])
{
	snprintf(text, KEY_DIGITS + 1, "%016llx", (unsigned long long)key);
}

bool key_read(struct brood_bytes text, uint64_t *key)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = text.data;
	if (text.size != KEY_DIGITS)
		return false;
	*key = 0;
	for (int i = 0; i < KEY_DIGITS; i++) {
		const char *digit = memchr(digits, at[i], sizeof digits - 1);
		if (!digit)
			return false;
		*key = *key << 4 | (uint64_t)(digit - digits);
	}
	return true;
}

/* --- numbers for keys ---------------------------------------------------------------------------------------------- */

struct key_count {
	uint32_t key[2]; /* in halves, so that a place has 12 bytes */
	uint32_t number; /* 0: the place is free */
};

static uint64_t key_at(const struct key_count *place)
{
	return (uint64_t)place->key[1] << 32 | place->key[0];
}

static struct key_count *find(const struct key_counts *counts, uint64_t key)
{
	size_t at = (size_t)(key ^ key >> 32) & (counts->capacity - 1);
	while (counts->places[at].number && key_at(&counts->places[at]) != key)
		at = (at + 1) & (counts->capacity - 1);
	return &counts->places[at];
}

static void grow(struct key_counts *counts)
{
	const struct key_counts old = *counts;
	counts->capacity = old.capacity ? old.capacity * 2 : 64;
	counts->places = need(counts->capacity * sizeof *counts->places);
	memset(counts->places, 0, counts->capacity * sizeof *counts->places);
	for (size_t i = 0; i < old.capacity; i++)
		if (old.places[i].number)
			*find(counts, key_at(&old.places[i])) = old.places[i];
	free(old.places);
}

uint32_t *key_count(struct key_counts *counts, uint64_t key, bool *known)
{
	if (counts->count >= counts->capacity / 4 * 3)
		grow(counts);
	struct key_count *place = find(counts, key);
	*known = place->number;
	if (!*known) {
		*place = (struct key_count){{(uint32_t)key, (uint32_t)(key >> 32)}, 1};
		counts->count++;
	}
	return &place->number;
}

void key_counts_free(struct key_counts *counts)
{
	free(counts->places);
	*counts = (struct key_counts){0};
}
