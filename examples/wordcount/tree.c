/* SPDX-License-Identifier: MIT */
#include "wordcount.h"

#include <errno.h>
#include <fts.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	FILE_COST = 4096, /* opening and closing one, in bytes of text counted in the same time */
	GZIP_RATIO = 3,   /* text is about this much larger than its gzip file */
};

void *need(void *memory, size_t count, size_t size)
{
	void *more = reallocarray(memory, count, size);
	if (!more) {
		fputs("wordcount: out of memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	return more;
}

static char *copy(const char *text)
{
	size_t size = strlen(text) + 1;
	return memcpy(need(NULL, size, 1), text, size);
}

static void add(struct tree *tree, const char *path, uint64_t size)
{
	if (tree->count == tree->capacity) {
		tree->capacity = tree->capacity ? tree->capacity * 2 : 1024;
		tree->files = need(tree->files, tree->capacity, sizeof *tree->files);
	}
	size_t length = strlen(path);
	bool gzip = length > 3 && !strcmp(path + length - 3, ".gz");
	tree->files[tree->count++] = (struct file){
		.path = copy(path),
		.cost = FILE_COST + size * (gzip ? GZIP_RATIO : 1),
	};
}

void tree_fail(struct tree *tree, const char *path, const char *format, ...)
{
	if (tree->failure_count == tree->failure_capacity) {
		tree->failure_capacity = tree->failure_capacity ? tree->failure_capacity * 2 : 16;
		tree->failures = need(tree->failures, tree->failure_capacity, sizeof *tree->failures);
	}
	char reason[256];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reason, sizeof reason, format, arguments);
	va_end(arguments);
	tree->failures[tree->failure_count++] = (struct failure){.path = copy(path), .reason = copy(reason)};
}

static int by_cost(const void *one, const void *other)
{
	const struct file *a = one, *b = other;
	if (a->cost != b->cost)
		return a->cost < b->cost ? 1 : -1;
	return strcmp(a->path, b->path);
}

void tree_find(struct tree *tree, char *const *paths)
{
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
	if (!walk) {
		tree_fail(tree, paths[0], "%s", strerror(errno));
		return;
	}
	for (FTSENT *entry; errno = 0, (entry = fts_read(walk));) {
		switch (entry->fts_info) {
		case FTS_F:
			add(tree, entry->fts_path, (uint64_t)entry->fts_statp->st_size);
			break;
		case FTS_SL:
		case FTS_SLNONE:
			tree->links++;
			break;
		case FTS_DEFAULT:
			tree->others++;
			break;
		case FTS_DNR:
		case FTS_ERR:
		case FTS_NS:
			tree_fail(tree, entry->fts_path, "%s", strerror(entry->fts_errno));
			break;
		default: /* a directory, before or after what is in it */
			break;
		}
	}
	if (errno)
		tree_fail(tree, paths[0], "%s", strerror(errno));
	fts_close(walk);
	if (tree->count)
		qsort(tree->files, tree->count, sizeof *tree->files, by_cost);
}

/* The paths are const for everybody but their owner. */
static void drop(const char *text)
{
	free((void *)(uintptr_t)text);
}

void tree_free(struct tree *tree)
{
	for (size_t i = 0; i < tree->count; i++)
		drop(tree->files[i].path);
	for (size_t i = 0; i < tree->failure_count; i++) {
		drop(tree->failures[i].path);
		free(tree->failures[i].reason);
	}
	free(tree->files);
	free(tree->failures);
	*tree = (struct tree){0};
}
