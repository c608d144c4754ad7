/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_TEMPLATE_H
#define BROOD_COMMAND_TEMPLATE_H

#include "quote.h"
#include "record.h"

/* What {}, {.}, {/}, {//} and {/.} make of a value. */
enum value_part { PART_WHOLE, PART_STEM, PART_BASE, PART_DIRECTORY, PART_BASE_STEM };

enum piece_kind { PIECE_TEXT, PIECE_SPACE, PIECE_VALUE, PIECE_NUMBER, PIECE_SLOT };

struct piece {
	enum piece_kind kind;
	char *text, *quoted; /* of TEXT and SPACE; quoted: what a shell is given in its place, or NULL */
	size_t size;
	int position;  /* of VALUE: 0 all, 1 the first, -1 the last */
	enum value_part part;
	enum quoting quoting;
};

/* A command, or any text, with places to be filled in. */
struct template {
	struct piece *pieces;
	size_t count;
	bool has_places, has_all, has_slot; /* has_all: a VALUE with all of them, {} or its kin */
	int most;                 /* the largest position */
	bool needs_shell, whole_words; /* whole_words: each word stays one, whatever is in it */
};

/* What fills it in. */
struct filling {
	struct record *const *records;
	size_t count;
	size_t number;
	int slot;
	bool repeat_words; /* for -X: a word with {} in it comes once for each record */
	bool no_values;    /* for -N 0 */
};

/* all is what stands for {}. names, which may be NULL, are those of --header. */
void template_read(struct template *, const char *text, const char *all, const struct record *names);
/* Words that each stay one word, whatever they hold: quoted for a shell. */
void template_read_words(struct template *, char *const *words, size_t count, const char *all, const struct record *names);
/* Adds a place for all values at the end, as where a command has none. */
void template_append_all(struct template *);
void template_free(struct template *);

/* As one text for a shell, with each value quoted. */
void template_fill_shell(const struct template *, const struct filling *, struct brood_buffer *out);
/* As one text, with the values as they are. */
void template_fill_raw(const struct template *, const struct filling *, struct brood_buffer *out);

/* As words, each with a NUL at its end, the values as they are; returns how many words. */
size_t template_fill_words(const struct template *, const struct filling *, struct brood_buffer *out);

/* How long the text for the shell is. */
size_t template_length(const struct template *, const struct filling *);

#endif
