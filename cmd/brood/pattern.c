/* SPDX-License-Identifier: MIT */
#include "pattern.h"

#include "say.h"
#include "text.h"

#include <string.h>

/* What regcomp(3) does not know, outside of brackets and within. */
static const struct {
	char letter;
	const char *outside, *inside;
} escapes[] = {{'t', "\t", "\t"}, {'n', "\n", "\n"}, {'r', "\r", "\r"}, {'f', "\f", "\f"}, {'d', "[0-9]", "0-9"},
	       {'D', "[^0-9]", NULL}, {'s', NULL, "[:space:]"}, {'w', NULL, "[:alnum:]_"}};

static const char *translate(char letter, bool inside)
{
	for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++)
		if (escapes[i].letter == letter)
			return inside ? escapes[i].inside : escapes[i].outside;
	return NULL;
}

void pattern_read(regex_t *out, const char *text, const char *option)
{
	struct brood_buffer pattern = {0};
	bool inside = false;
	for (const char *at = text; *at; at++) {
		const char *meant = *at == '\\' && at[1] ? translate(at[1], inside) : NULL;
		if (meant) {
			text_add_string(&pattern, meant);
			at++;
			continue;
		}
		if (*at == '\\' && at[1]) {
			/* In brackets a backslash means itself to regcomp. */
			if (!inside)
				text_add_char(&pattern, *at);
			text_add_char(&pattern, *++at);
			continue;
		}
		if (*at == '[' && !inside) {
			inside = true;
			text_add_char(&pattern, *at);
			if (at[1] == '^')
				text_add_char(&pattern, *++at);
			if (at[1] == ']')
				text_add_char(&pattern, *++at);
			continue;
		}
		/* To regcomp it is a newline too, and a line's pattern would go on to the last line. */
		if (*at == '.' && !inside) {
			text_add_string(&pattern, "[^\n]");
			continue;
		}
		if (*at == ']')
			inside = false;
		text_add_char(&pattern, *at);
	}
	const int error = regcomp(out, text_string(&pattern), REG_EXTENDED);
	if (error) {
		char why[128];
		regerror(error, out, why, sizeof why);
		die("%s '%s' is no extended regular expression: %s", option, text, why);
	}
	brood_buffer_free(&pattern);
}
