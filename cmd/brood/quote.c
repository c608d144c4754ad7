/* SPDX-License-Identifier: MIT */
#include "quote.h"

#include "text.h"

#include <string.h>

static bool is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-_.+/", c));
}

/* As GNU parallel writes it, so that what --dry-run and logs show is the same text. */
static void add_bare(struct brood_buffer *out, const char *data, size_t size)
{
	bool plain = size;
	for (size_t i = 0; i < size; i++)
		plain = plain && is_plain((unsigned char)data[i]);
	if (plain) {
		text_add(out, data, size);
		return;
	}
	if (!size) {
		text_add_string(out, "''");
		return;
	}
	size_t at = 0;
	bool open = false;
	/* A run in single quotes, and each single quote in double ones. Two quotes in a row have an empty run between them. */
	if (data[0] != '\'') {
		text_add_char(out, '\'');
		open = true;
	}
	while (at < size) {
		if (data[at] == '\'') {
			if (open)
				text_add_char(out, '\'');
			text_add_string(out, "\"'\"");
			open = false;
			at++;
			if (at < size) {
				text_add_char(out, '\'');
				open = true;
			}
			continue;
		}
		text_add_char(out, data[at++]);
	}
	if (open)
		text_add_char(out, '\'');
}

void quote_add(struct brood_buffer *out, enum quoting quoting, const void *data, size_t size)
{
	const char *text = data;
	if (quoting == QUOTING_NONE) {
		add_bare(out, text, size);
		return;
	}
	for (size_t i = 0; i < size; i++)
		if (quoting == QUOTING_SINGLE && text[i] == '\'') {
			text_add_string(out, "'\\''");
		} else {
			if (quoting == QUOTING_DOUBLE && strchr("$`\\\"", text[i]) && text[i])
				text_add_char(out, '\\');
			text_add_char(out, text[i]);
		}
}

static char top(const struct quote_state *state)
{
	return state->depth ? state->open[state->depth - 1] : 0;
}

static void push(struct quote_state *state, char c)
{
	if (state->depth < sizeof state->open)
		state->open[state->depth++] = c;
}

void quote_follow(struct quote_state *state, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		const char c = text[i], in = top(state);
		if (in == '\'') {
			if (c == '\'')
				state->depth--;
			continue;
		}
		if (state->escaped) {
			state->escaped = false;
			continue;
		}
		const bool dollar = i && text[i - 1] == '$';
		if (c == '\\')
			state->escaped = true;
		else if (c == '"' && in == '"')
			state->depth--;
		else if (c == '"')
			push(state, '"');
		else if (c == '\'' && in != '"')
			push(state, '\'');
		else if (c == '`' && in == '`')
			state->depth--;
		else if (c == '`')
			push(state, '`');
		else if (c == '(' && (dollar || in != '"'))
			push(state, '(');
		else if (c == ')' && in == '(')
			state->depth--;
		else if (c == '{' && dollar)
			push(state, '{');
		else if (c == '}' && in == '{')
			state->depth--;
	}
}

enum quoting quote_here(const struct quote_state *state)
{
	const char in = top(state);
	return in == '\'' ? QUOTING_SINGLE : in == '"' ? QUOTING_DOUBLE : QUOTING_NONE;
}

bool quote_has_syntax(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!is_plain((unsigned char)text[i]) && (!text[i] || !strchr(" \t,:@%^=", text[i])))
			return true;
	return false;
}
