/* SPDX-License-Identifier: MIT */
/*
 * wordcount: the words of every document under some directories, counted in child processes.
 *
 * The host finds the files, gives them to a pool as items, and adds up the answers; a child reads and counts. A child that
 * dies costs nothing but its time: the files of its item are tried once more, each alone.
 */
#ifndef WORDCOUNT_H
#define WORDCOUNT_H

#include <brood.h>

/* --- memory -------------------------------------------------------------------------------------------------------- */

/* As realloc, but ends the process where there is no memory: in a child that costs a second try. */
void *need(void *memory, size_t count, size_t size);

/* --- tree: the files there are ------------------------------------------------------------------------------------- */

struct file {
	const char *path;
	uint64_t cost; /* about how many bytes of text it holds, from its size and name */
	uint64_t words, lines;
};

struct failure {
	const char *path;
	char *reason;
};

struct tree {
	struct file *files;
	size_t count, capacity;
	uint64_t links, others; /* left out: symbolic links; devices, sockets and queues */
	struct failure *failures;
	size_t failure_count, failure_capacity;
};

/* Finds every regular file under the paths; the costliest come first. */
void tree_find(struct tree *, char *const *paths);
void tree_fail(struct tree *, const char *path, const char *format, ...) BROOD_PRINTF(3, 4);
void tree_free(struct tree *);

/* --- document: the text of one file -------------------------------------------------------------------------------- */

enum kind { KIND_TEXT, KIND_BINARY, KIND_FAILED };

struct document {
	enum kind kind;
	const char *reason; /* of a failure; valid until the next document is read */
	bool gzip;
	uint64_t stored; /* bytes read from the file */
	char *text;      /* of the reader, until the next document is read */
	size_t size;
};

struct reader;
struct reader *reader_new(void);
void reader_read(struct reader *, const char *path, struct document *out);
void reader_free(struct reader *);

/* Whether a path is that of a manual page's source: its directory is called man and a section. */
bool troff_is(const char *path);

/* Leaves of a manual page's source what a reader would see, in its place; returns how many bytes that is. */
size_t troff_strip(char *text, size_t size);

/* --- tally: how often each word occurs ----------------------------------------------------------------------------- */

/* Small, since a text's words are all over the table. */
struct entry {
	uint64_t count; /* 0: an empty place */
	uint32_t hash, at;
};

struct tally {
	struct entry *entries;
	uint32_t *used; /* the places of the entries that are not empty, count of them */
	size_t count, capacity;
	char *text; /* each word with its size, one byte, before it */
	size_t text_size, text_capacity;
};

void tally_add(struct tally *, const char *word, size_t size, uint64_t count);
/* Adds every word of a text and returns how many there are; in *lines, how many lines end in it. */
uint64_t tally_text(struct tally *, const char *text, size_t size, uint64_t *lines);
const char *tally_word(const struct tally *, const struct entry *);
size_t tally_size(const struct tally *, const struct entry *);
void tally_clear(struct tally *);
void tally_free(struct tally *);

/* --- the job ------------------------------------------------------------------------------------------------------- */

struct settings {
	int children;
	size_t top_words, top_documents;
	bool no_stop_words;
	double timeout; /* seconds for each file */
	/* For tests. */
	const char *crash_on, *crash_once;
	double delay;
};

/* Files that are one item of the pool. */
struct group {
	size_t first, count;
};

/* What a child needs to know; it has it from the host by being forked. */
struct work {
	const struct settings *settings;
	const struct file *files;
	struct group *groups;
	bool alone; /* the files have been tried once */
};

/* The value of an item is, as MessagePack: for each file these numbers and why it failed; then {word: count, …} of them all. */
enum answer_number {
	ANSWER_KIND, ANSWER_GZIP, ANSWER_STORED, ANSWER_TEXT, ANSWER_LINES, ANSWER_WORDS, ANSWER_NUMBERS
};

/* Run in each child at its start, and for each group, whose place is the item's index; the context is a struct work. */
int worker_start(void *context);
int worker_count(brood_task *, void *context);

struct totals {
	uint64_t documents, gzip, binary, stored, text, lines, words;
	uint64_t lost; /* children that died */
	double cpu_seconds;
	int children;
};

/* Counts all files of the tree. 0, or a negative errno; -EINTR where *stop became true first. */
int job_run(struct tree *, const struct settings *, const volatile int *stop, struct totals *, struct tally *);

/* For a signal handler that has set *stop: ends the job without waiting for a file. */
void job_cancel(void);

/* --- what is shown ------------------------------------------------------------------------------------------------- */

struct progress {
	bool shown;
	double started, drawn;
	size_t files;
	uint64_t cost;
};

double seconds_now(void);

void progress_begin(struct progress *, const struct tree *);
void progress_draw(struct progress *, size_t files, uint64_t cost);
void progress_end(struct progress *);

void table_print(const struct tree *, const struct settings *, const struct totals *, const struct tally *, double seconds);

/* A path as one line of text: what would move the cursor or is no UTF-8 is written as \n, \x1b and the like. */
void print_path(const char *path);

#endif
