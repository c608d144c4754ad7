/* SPDX-License-Identifier: MIT */
#include "wordcount.h"

#include <stdlib.h>
#include <string.h>

enum { WORD_MOST = 128 }; /* bytes of a word that are told apart */

/* --- the table ----------------------------------------------------------------------------------------------------- */

static uint32_t hash_of(const char *word, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325u;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)word[i]) * 0x100000001b3u;
	return (uint32_t)(hash >> 32 ^ hash);
}

static struct entry *place_of(const struct tally *tally, uint32_t hash, const char *word, size_t size)
{
	size_t mask = tally->capacity - 1, at = hash & mask;
	for (;; at = (at + 1) & mask) {
		struct entry *entry = &tally->entries[at];
		if (!entry->count)
			return entry;
		if (entry->hash == hash && tally_size(tally, entry) == size && !memcmp(tally_word(tally, entry), word, size))
			return entry;
	}
}

static void grow(struct tally *tally)
{
	struct tally more = *tally;
	more.capacity = tally->capacity ? tally->capacity * 2 : 1024;
	more.entries = need(NULL, more.capacity, sizeof *more.entries);
	memset(more.entries, 0, more.capacity * sizeof *more.entries);
	more.used = need(tally->used, more.capacity, sizeof *more.used);
	for (size_t i = 0; i < tally->count; i++) {
		const struct entry *entry = &tally->entries[more.used[i]];
		size_t at = entry->hash & (more.capacity - 1);
		while (more.entries[at].count)
			at = (at + 1) & (more.capacity - 1);
		more.entries[at] = *entry;
		more.used[i] = (uint32_t)at;
	}
	free(tally->entries);
	*tally = more;
}

void tally_add(struct tally *tally, const char *word, size_t size, uint64_t count)
{
	if (tally->count >= tally->capacity / 4 * 3)
		grow(tally);
	if (size > WORD_MOST)
		size = WORD_MOST;
	uint32_t hash = hash_of(word, size);
	struct entry *entry = place_of(tally, hash, word, size);
	if (!entry->count) {
		if (tally->text_capacity - tally->text_size < size + 1) {
			tally->text_capacity = tally->text_capacity * 2 + WORD_MOST + 1;
			tally->text = need(tally->text, tally->text_capacity, 1);
		}
		char *text = tally->text + tally->text_size;
		*text = (char)size;
		memcpy(text + 1, word, size);
		*entry = (struct entry){.hash = hash, .at = (uint32_t)tally->text_size};
		tally->text_size += size + 1;
		tally->used[tally->count++] = (uint32_t)(entry - tally->entries);
	}
	entry->count += count;
}

const char *tally_word(const struct tally *tally, const struct entry *entry)
{
	return tally->text + entry->at + 1;
}

size_t tally_size(const struct tally *tally, const struct entry *entry)
{
	return (unsigned char)tally->text[entry->at];
}

void tally_clear(struct tally *tally)
{
	for (size_t i = 0; i < tally->count; i++)
		tally->entries[tally->used[i]].count = 0;
	tally->count = tally->text_size = 0;
}

void tally_free(struct tally *tally)
{
	free(tally->entries);
	free(tally->used);
	free(tally->text);
	*tally = (struct tally){0};
}

/* --- words --------------------------------------------------------------------------------------------------------- */

/* How many bytes a character of more than one takes that is part of a word: 0 for punctuation, symbols and what is no
   UTF-8. */
static size_t letter_size(const unsigned char *at, size_t size)
{
	size_t length = *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : 2;
	if (*at < 0xc2 || *at > 0xf4 || size < length)
		return 0;
	uint32_t code = *at & (0xffu >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
	bool latin_sign = code < 0xc0 || code == 0xd7 || code == 0xf7;
	bool punctuation = (code >= 0x2000 && code < 0x2c00) || (code >= 0x3000 && code < 0x3040) ||
			   (code >= 0xff00 && code < 0xff10);
	bool surrogate_or_private = code >= 0xd800 && code < 0xf900;
	return overlong || latin_sign || punctuation || surrogate_or_private ? 0 : length;
}

/* How many bytes an apostrophe takes, the typewriter's or the printer's; 0 where there is none. */
static size_t apostrophe_size(const unsigned char *at, size_t size)
{
	if (*at == '\'')
		return 1;
	return size >= 3 && !memcmp(at, "\xe2\x80\x99", 3) ? 3 : 0;
}

/* What an ASCII byte counts as in a word, capital letters as small ones; 0 where it is not part of one. */
static char fold(unsigned char byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return (char)(byte - 'A' + 'a');
	return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ? (char)byte : 0;
}

/*
 * How many bytes a character takes that is part of a word; 0 where there is none. In *out what it counts as, 0 for itself.
 * An apostrophe is part of a word that has begun and goes on behind it.
 */
static size_t part_size(const unsigned char *at, size_t size, bool begun, char *out)
{
	*out = fold(*at);
	if (*out)
		return 1;
	if (*at != '\'' && *at < 0x80)
		return 0;
	size_t apostrophe = apostrophe_size(at, size);
	if (!apostrophe)
		return letter_size(at, size);
	if (!begun || apostrophe == size || !fold(at[apostrophe]))
		return 0;
	*out = '\'';
	return apostrophe;
}

uint64_t tally_text(struct tally *tally, const char *text, size_t size, uint64_t *lines)
{
	const unsigned char *at = (const unsigned char *)text, *end = at + size;
	uint64_t words = 0, line_ends = 0;
	char word[WORD_MOST], letter;
	while (at < end) {
		size_t length = 0, most = WORD_MOST;
		for (size_t part; at < end && (part = part_size(at, (size_t)(end - at), length, &letter)); at += part) {
			if (part > most - length) {
				most = length;
			} else if (letter) {
				word[length++] = letter;
			} else {
				memcpy(word + length, at, part);
				length += part;
			}
		}
		if (length) {
			tally_add(tally, word, length, 1);
			words++;
		} else {
			line_ends += *at++ == '\n';
		}
	}
	*lines = line_ends;
	return words;
}
