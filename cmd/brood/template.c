/* SPDX-License-Identifier: MIT */
#include "template.h"

#include "text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* --- reading ------------------------------------------------------------------------------------------------------- */

static struct piece *add_piece(struct template *template, enum piece_kind kind)
{
	if (template->count % 16 == 0)
		template->pieces = need_more(template->pieces, (template->count + 16) * sizeof *template->pieces);
	struct piece *piece = &template->pieces[template->count++];
	*piece = (struct piece){.kind = kind};
	return piece;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* Text in runs of spaces and of others, since a word is what stands between spaces. */
static void add_text(struct template *template, const char *text, size_t size)
{
	while (size) {
		const bool space = is_space(*text);
		size_t run = 1;
		while (run < size && is_space(text[run]) == space)
			run++;
		struct piece *piece = add_piece(template, space ? PIECE_SPACE : PIECE_TEXT);
		piece->text = need_copy(text, run);
		piece->size = run;
		template->needs_shell |= quote_has_syntax(text, run);
		text += run;
		size -= run;
	}
}

static const struct {
	const char *text;
	enum value_part part;
} parts[] = {{"/.}", PART_BASE_STEM}, {"//}", PART_DIRECTORY}, {"/}", PART_BASE}, {".}", PART_STEM}, {"}", PART_WHOLE}};

/* How much of the text the end of a place is, or 0. */
static size_t read_part(const char *text, enum value_part *part)
{
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (!strncmp(text, parts[i].text, strlen(parts[i].text))) {
			*part = parts[i].part;
			return strlen(parts[i].text);
		}
	return 0;
}

static size_t read_position(const char *text, int *position)
{
	char *end;
	if (!isdigit((unsigned char)text[text[0] == '-']))
		return 0;
	long value = strtol(text, &end, 10);
	if (value > 1000000 || value < -1000000)
		return 0;
	*position = (int)value;
	return (size_t)(end - text);
}

/* The longest name that stands here, so that {ab} is not taken for {a}. */
static size_t read_name(const char *text, const struct record *names, int *position)
{
	for (size_t i = 0; names && i < names->count; i++) {
		enum value_part part;
		const size_t size = names->values[i].size;
		if (size && !strncmp(text, names->values[i].data, size) && read_part(text + size, &part)) {
			*position = (int)i + 1;
			return size;
		}
	}
	return 0;
}

/* A place at the start of the text: how long it is, or 0. */
static size_t read_place(const char *text, const struct record *names, struct piece *out)
{
	if (*text != '{')
		return 0;
	if (!strncmp(text, "{#}", 3) || !strncmp(text, "{%}", 3)) {
		out->kind = text[1] == '#' ? PIECE_NUMBER : PIECE_SLOT;
		return 3;
	}
	out->kind = PIECE_VALUE;
	size_t size = read_name(text + 1, names, &out->position);
	if (!size)
		size = read_position(text + 1, &out->position);
	const bool all = !size;
	size_t end = read_part(text + 1 + size, &out->part);
	/* {} itself is what -I says. */
	return end && !(all && out->part == PART_WHOLE) ? 1 + size + end : 0;
}

static void read_more(struct template *template, const char *text, const char *all, const struct record *names)
{
	struct quote_state quotes = {0};
	const char *from = text;
	for (;;) {
		struct piece place = {0};
		size_t size = *text ? read_place(text, names, &place) : 0;
		if (!size && *text && *all && !strncmp(text, all, strlen(all))) {
			size = strlen(all);
			place.kind = PIECE_VALUE;
		}
		if (!size && *text) {
			text++;
			continue;
		}
		add_text(template, from, (size_t)(text - from));
		quote_follow(&quotes, from, (size_t)(text - from));
		if (!*text)
			return;
		place.quoting = quote_here(&quotes);
		/* A value behind a backslash is text to the shell as it is. */
		quotes.escaped = false;
		*add_piece(template, place.kind) = place;
		template->has_places = true;
		template->has_slot |= place.kind == PIECE_SLOT;
		if (place.kind == PIECE_VALUE) {
			template->has_all |= !place.position;
			template->most = place.position > template->most ? place.position : template->most;
		}
		text += size;
		from = text;
	}
}

void template_read(struct template *template, const char *text, const char *all, const struct record *names)
{
	*template = (struct template){0};
	read_more(template, text, all, names);
}

/* Makes one piece of the texts and spaces from here on. */
static void join_texts(struct template *template, size_t at)
{
	struct piece *pieces = template->pieces;
	struct brood_buffer text = {0};
	size_t end = at;
	for (; end < template->count && (pieces[end].kind == PIECE_TEXT || pieces[end].kind == PIECE_SPACE); end++) {
		text_add(&text, pieces[end].text, pieces[end].size);
		free(pieces[end].text);
	}
	pieces[at].kind = PIECE_TEXT;
	pieces[at].text = text_string(&text);
	pieces[at].size = text.size;
	memmove(pieces + at + 1, pieces + end, (template->count - end) * sizeof *pieces);
	template->count -= end - at - 1;
}

void template_read_words(struct template *template, char *const *words, size_t count, const char *all,
			 const struct record *names)
{
	*template = (struct template){0};
	for (size_t i = 0; i < count; i++) {
		if (i)
			add_text(template, " ", 1);
		const size_t from = template->count;
		read_more(template, words[i], all, names);
		if (!*words[i])
			*add_piece(template, PIECE_TEXT) = (struct piece){.kind = PIECE_TEXT, .text = need_copy("", 0)};
		for (size_t k = from; k < template->count; k++) {
			struct piece *piece = &template->pieces[k];
			struct brood_buffer quoted = {0};
			piece->quoting = QUOTING_NONE;
			if (piece->kind != PIECE_TEXT && piece->kind != PIECE_SPACE)
				continue;
			join_texts(template, k);
			quote_add(&quoted, QUOTING_NONE, piece->text, piece->size);
			piece->quoted = text_string(&quoted);
		}
	}
	template->needs_shell = false;
	template->whole_words = true;
}

void template_append_all(struct template *template)
{
	add_text(template, " ", 1);
	add_piece(template, PIECE_VALUE);
	template->has_places = template->has_all = true;
}

void template_free(struct template *template)
{
	for (size_t i = 0; i < template->count; i++) {
		free(template->pieces[i].text);
		free(template->pieces[i].quoted);
	}
	free(template->pieces);
	*template = (struct template){0};
}

/* --- filling ------------------------------------------------------------------------------------------------------- */

static struct brood_bytes without_extension(struct brood_bytes value, size_t base)
{
	const char *text = value.data;
	for (size_t i = value.size; i > base; i--)
		if (text[i - 1] == '.')
			return (struct brood_bytes){text, i - 1};
	return value;
}

static struct brood_bytes take_part(struct brood_bytes value, enum value_part part)
{
	const char *text = value.data;
	size_t base = value.size;
	while (base && text[base - 1] != '/')
		base--;
	if (part == PART_WHOLE)
		return value;
	if (part == PART_STEM)
		return without_extension(value, base);
	if (part == PART_DIRECTORY) {
		size_t size = value.size;
		/* As dirname(1): slashes at the end are not part of the name. */
		while (size > 1 && text[size - 1] == '/')
			size--;
		while (size && text[size - 1] != '/')
			size--;
		while (size > 1 && text[size - 1] == '/')
			size--;
		return size ? (struct brood_bytes){text, size} : (struct brood_bytes){".", 1};
	}
	value = (struct brood_bytes){text + base, value.size - base};
	return part == PART_BASE ? value : without_extension(value, 0);
}

/* SHELL_WORD: several values do not part a word. WORDS: as SHELL, but a NUL is what parts them. */
enum way { WAY_SHELL, WAY_SHELL_WORD, WAY_RAW, WAY_WORDS };

static void add_value(struct brood_buffer *out, const struct piece *piece, struct brood_bytes value, enum way way)
{
	value = take_part(value, piece->part);
	if (way == WAY_SHELL || way == WAY_SHELL_WORD)
		quote_add(out, piece->quoting, value.data, value.size);
	else
		text_add(out, value.data, value.size);
}

/* Which values a place takes, from one to another. */
static void find_range(const struct piece *piece, const struct filling *with, size_t *from, size_t *to)
{
	const long count = with->no_values ? 0 : (long)record_values(with->records, with->count);
	const long first = piece->position > 0 ? piece->position - 1 : count + piece->position;
	*from = *to = 0;
	if (!piece->position) {
		*to = (size_t)count;
	} else if (first >= 0 && first < count) {
		*from = (size_t)first;
		*to = *from + 1;
	}
}

static void add_place(struct brood_buffer *out, const struct piece *piece, const struct filling *with, enum way way)
{
	size_t from, to;
	find_range(piece, with, &from, &to);
	for (size_t i = from; i < to; i++) {
		if (i > from)
			text_add(out, way == WAY_SHELL_WORD ? "' '" : way == WAY_WORDS ? "" : " ", way == WAY_SHELL_WORD ? 3 : 1);
		add_value(out, piece, record_value(with->records, with->count, i), way);
	}
}

static void add_one(struct brood_buffer *out, const struct piece *piece, const struct filling *with, enum way way)
{
	switch (piece->kind) {
	case PIECE_TEXT:
	case PIECE_SPACE:
		if ((way == WAY_SHELL || way == WAY_SHELL_WORD) && piece->quoted)
			text_add_string(out, piece->quoted);
		else
			text_add(out, piece->text, piece->size);
		break;
	case PIECE_VALUE:
		add_place(out, piece, with, way);
		break;
	case PIECE_NUMBER:
		text_add_format(out, "%zu", with->number);
		break;
	case PIECE_SLOT:
		text_add_format(out, "%d", with->slot);
		break;
	}
}

/* The end of the word that begins at a piece, and whether all values are in it. */
static size_t word_end(const struct template *template, size_t at, bool *has_all)
{
	*has_all = false;
	for (; at < template->count && template->pieces[at].kind != PIECE_SPACE; at++)
		*has_all |= template->pieces[at].kind == PIECE_VALUE && !template->pieces[at].position;
	return at;
}

/* Whether a word is nothing but one place for values: each value is a word then. */
static bool is_list(const struct template *template, size_t from, size_t to)
{
	return to == from + 1 && template->pieces[from].kind == PIECE_VALUE;
}

/* A word with {} in it, once for each value. between: what comes between two. */
static size_t add_repeated(const struct template *template, size_t from, size_t to, const struct filling *with, char between,
			   enum way way, struct brood_buffer *out)
{
	const size_t values = record_values(with->records, with->count);
	for (size_t i = 0; i < values; i++) {
		if (i)
			text_add_char(out, between);
		for (size_t k = from; k < to; k++) {
			const struct piece *piece = &template->pieces[k];
			if (piece->kind == PIECE_VALUE && !piece->position)
				add_value(out, piece, record_value(with->records, with->count, i), way);
			else
				add_one(out, piece, with, way);
		}
	}
	return values;
}

static void fill(const struct template *template, const struct filling *with, enum way way, struct brood_buffer *out)
{
	for (size_t at = 0; at < template->count;) {
		bool has_all;
		const size_t end = word_end(template, at, &has_all);
		if (end == at) {
			add_one(out, &template->pieces[at++], with, way);
			continue;
		}
		if (has_all && with->repeat_words && !with->no_values) {
			add_repeated(template, at, end, with, ' ', way, out);
			at = end;
			continue;
		}
		const bool word = way == WAY_SHELL && template->whole_words && !is_list(template, at, end);
		for (; at < end; at++)
			add_one(out, &template->pieces[at], with, word ? WAY_SHELL_WORD : way);
	}
}

void template_fill_shell(const struct template *template, const struct filling *with, struct brood_buffer *out)
{
	fill(template, with, WAY_SHELL, out);
}

void template_fill_raw(const struct template *template, const struct filling *with, struct brood_buffer *out)
{
	fill(template, with, WAY_RAW, out);
}

/* Adds a word, or several where there are several values in it; how many. A place that nothing fills is no word, but an empty
   value is. */
static size_t add_words(const struct template *template, size_t from, size_t to, const struct filling *with,
			struct brood_buffer *out)
{
	size_t first = 0, last = 1, words = 0, start = out->size;
	if (is_list(template, from, to))
		find_range(&template->pieces[from], with, &first, &last);
	if (first == last)
		return 0;
	const enum way way = template->whole_words && !is_list(template, from, to) ? WAY_RAW : WAY_WORDS;
	for (size_t k = from; k < to; k++)
		add_one(out, &template->pieces[k], with, way);
	text_add_char(out, '\0');
	for (; start < out->size; start++)
		words += !out->data[start];
	return words;
}

size_t template_fill_words(const struct template *template, const struct filling *with, struct brood_buffer *out)
{
	size_t words = 0;
	for (size_t at = 0; at < template->count;) {
		bool has_all;
		const size_t end = word_end(template, at, &has_all);
		if (end == at) {
			at++;
			continue;
		}
		if (has_all && with->repeat_words && !with->no_values) {
			const size_t more = add_repeated(template, at, end, with, '\0', WAY_RAW, out);
			if (more)
				text_add_char(out, '\0');
			words += more;
		} else {
			words += add_words(template, at, end, with, out);
		}
		at = end;
	}
	return words;
}

size_t template_length(const struct template *template, const struct filling *with)
{
	static struct brood_buffer text;
	text.size = 0;
	template_fill_shell(template, with, &text);
	return text.size;
}
