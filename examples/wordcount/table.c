/* SPDX-License-Identifier: MIT */
#include "wordcount.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the largest of many ------------------------------------------------------------------------------------------- */

struct rank {
	uint64_t count;
	const char *name;
	size_t size;
	const struct file *file;
};

/* The most largest ones that were offered, the largest first; names decide between equals. */
struct ranking {
	struct rank *ranks;
	size_t count, most;
};

static bool before(const struct rank *one, const struct rank *other)
{
	if (one->count != other->count)
		return one->count > other->count;
	int order = memcmp(one->name, other->name, one->size < other->size ? one->size : other->size);
	return order ? order < 0 : one->size < other->size;
}

static void offer(struct ranking *ranking, struct rank rank)
{
	if (ranking->count == ranking->most && (!ranking->most || !before(&rank, &ranking->ranks[ranking->most - 1])))
		return;
	size_t low = 0, high = ranking->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (before(&rank, &ranking->ranks[middle]))
			high = middle;
		else
			low = middle + 1;
	}
	size_t behind = ranking->count - low;
	if (ranking->count < ranking->most)
		ranking->count++;
	else
		behind--;
	memmove(ranking->ranks + low + 1, ranking->ranks + low, behind * sizeof rank);
	ranking->ranks[low] = rank;
}

static struct ranking ranking_of(size_t most, size_t available)
{
	most = most < available ? most : available;
	return (struct ranking){.ranks = need(NULL, most + 1, sizeof(struct rank)), .most = most};
}

/* Words that say nothing of what a text is about, and single letters. */
static bool is_stop_word(const char *word, size_t size)
{
	static const char *const words[] = {
		"about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can", "do",
		"does", "each", "for", "from", "had", "has", "have", "he", "how", "if", "in", "into", "is", "it", "its", "may",
		"more", "must", "no", "not", "of", "on", "one", "only", "or", "other", "out", "should", "so", "some", "such",
		"than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "to", "was", "we", "were",
		"what", "when", "where", "which", "who", "will", "with", "would", "you", "your",
	};
	if (size == 1)
		return true;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i]) == size && !memcmp(words[i], word, size))
			return true;
	return false;
}

/* --- print --------------------------------------------------------------------------------------------------------- */

static const char *grouped(uint64_t number, char out[32])
{
	char digits[32];
	int size = snprintf(digits, sizeof digits, "%" PRIu64, number), at = 0;
	for (int i = 0; i < size; i++) {
		if (i && (size - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = 0;
	return out;
}

static void print_count(const char *name, uint64_t number)
{
	char text[32];
	printf("%-30s %15s\n", name, grouped(number, text));
}

static void print_number(const char *name, double number)
{
	printf("%-30s %15.2f\n", name, number);
}

/* The bytes of the UTF-8 character at the front; 0 where there is none, or one that moves the cursor. */
static size_t printable(const unsigned char *at)
{
	if (*at < 0x80)
		return *at >= 0x20 && *at != 0x7f && *at != '\\';
	size_t size = *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : 2;
	if (*at < 0xc2 || *at > 0xf4 || (*at == 0xc2 && at[1] < 0xa0))
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return size;
}

void print_path(const char *path)
{
	for (const unsigned char *at = (const unsigned char *)path; *at;) {
		size_t size = printable(at);
		if (size)
			fwrite(at, 1, size, stdout);
		else if (*at == '\n')
			fputs("\\n", stdout);
		else if (*at == '\\')
			fputs("\\\\", stdout);
		else
			printf("\\x%02x", *at);
		at += size ? size : 1;
	}
}

static void print_words(const struct tally *tally, const struct settings *settings)
{
	struct ranking ranking = ranking_of(settings->top_words, tally->count);
	for (size_t i = 0; i < tally->count; i++) {
		const struct entry *entry = &tally->entries[tally->used[i]];
		const char *word = tally_word(tally, entry);
		size_t size = tally_size(tally, entry);
		bool number = *word >= '0' && *word <= '9';
		if (!number && !(settings->no_stop_words && is_stop_word(word, size)))
			offer(&ranking, (struct rank){.count = entry->count, .name = word, .size = size});
	}
	if (ranking.count)
		printf("\n%15s  most frequent words\n", "times");
	for (size_t i = 0; i < ranking.count; i++) {
		char times[32];
		printf("%15s  %.*s\n", grouped(ranking.ranks[i].count, times), (int)ranking.ranks[i].size, ranking.ranks[i].name);
	}
	free(ranking.ranks);
}

static void print_documents(const struct tree *tree, size_t top)
{
	struct ranking ranking = ranking_of(top, tree->count);
	for (size_t i = 0; i < tree->count; i++) {
		const struct file *file = &tree->files[i];
		if (file->words)
			offer(&ranking, (struct rank){file->words, file->path, strlen(file->path), file});
	}
	if (ranking.count)
		printf("\n%15s %13s  largest documents\n", "words", "lines");
	for (size_t i = 0; i < ranking.count; i++) {
		char words[32], lines[32];
		printf("%15s %13s  ", grouped(ranking.ranks[i].count, words), grouped(ranking.ranks[i].file->lines, lines));
		print_path(ranking.ranks[i].file->path);
		putchar('\n');
	}
	free(ranking.ranks);
}

static int by_path(const void *one, const void *other)
{
	const struct failure *a = one, *b = other;
	int order = strcmp(a->path, b->path);
	return order ? order : strcmp(a->reason, b->reason);
}

static void print_failures(const struct tree *tree)
{
	if (!tree->failure_count)
		return;
	qsort(tree->failures, tree->failure_count, sizeof *tree->failures, by_path);
	puts("\nfailed");
	for (size_t i = 0; i < tree->failure_count; i++) {
		fputs("  ", stdout);
		print_path(tree->failures[i].path);
		printf(": %s\n", tree->failures[i].reason);
	}
}

void table_print(const struct tree *tree, const struct settings *settings, const struct totals *totals,
		 const struct tally *tally, double seconds)
{
	print_count("documents", totals->documents);
	print_count("  of which gzip", totals->gzip);
	print_count("binary files, skipped", totals->binary);
	print_count("symbolic links, not followed", tree->links);
	print_count("devices and queues, skipped", tree->others);
	print_count("failed", tree->failure_count);
	print_count("bytes read", totals->stored);
	print_count("bytes of text", totals->text);
	print_count("lines", totals->lines);
	print_count("words", totals->words);
	print_count("distinct words", tally->count);
	print_count("children", (uint64_t)totals->children);
	if (totals->lost)
		print_count("children that died", totals->lost);
	print_number("CPU seconds of children", totals->cpu_seconds);
	print_number("seconds", seconds);
	print_count("files per second", (uint64_t)((double)tree->count / seconds));
	print_words(tally, settings);
	print_documents(tree, settings->top_documents);
	print_failures(tree);
}
