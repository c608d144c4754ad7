/* SPDX-License-Identifier: MIT */
#include "resume.h"

#include "quote.h"
#include "say.h"
#include "text.h"

#include <string.h>
#include <unistd.h>

/* A longer command would push everything else from the screen. */
enum { SHOWN_MOST = 2000 };

static void add_word(struct brood_buffer *text, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+/:,=%@";
	text_add_char(text, ' ');
	if (*word && !word[strspn(word, plain)])
		text_add_string(text, word);
	else
		quote_add(text, QUOTING_NONE, word, strlen(word));
}

static bool reads_stdin(const struct options *options)
{
	for (size_t i = 0; i < options->source_count; i++)
		if (options->sources[i].kind == SOURCE_FILE && !strcmp(options->sources[i].path, "-"))
			return true;
	return options->pipe && !options->source_count;
}

/* The last of such options counts, so that one in front must give way to the one that is needed. */
static void add_arguments(struct brood_buffer *text, const struct options *options, char *const *arguments, enum resume wanted)
{
	static const char *const names[] = {[RESUME_UNFINISHED] = "--resume", [RESUME_FAILED] = "--resume-failed"};
	bool before_command = true;
	if (options->resume != wanted)
		add_word(text, names[wanted]);
	for (; *arguments; arguments++) {
		before_command &= (!options->word_count || *arguments != options->words[0]) && strncmp(*arguments, ":::", 3) != 0;
		if (!before_command || options->resume == wanted || strcmp(*arguments, "--resume") != 0)
			add_word(text, *arguments);
	}
}

void resume_say(const struct options *options, char *const *arguments, bool failed)
{
	const bool shown = options->status == STATUS_AUTO || options->status == STATUS_LIVE || options->status == STATUS_PLAIN;
	if (!shown || options->dry_run || (!options->joblog && !options->journal))
		return;
	struct brood_buffer text = {0};
	const enum resume wanted = options->resume > RESUME_UNFINISHED ? options->resume
				   : failed ? RESUME_FAILED : RESUME_UNFINISHED;
	text_add_string(&text, reads_stdin(options) ? "resume, with the same stdin, with: " : "resume with: ");
	const size_t start = text.size;
	text_add_string(&text, strcmp(command_name, "parallel") ? "brood run" : command_name);
	add_arguments(&text, options, arguments, wanted);
	if (text.size > SHOWN_MOST) {
		text.size = start;
		text_add_format(&text, "the same command and %s", wanted == RESUME_RETRY ? "--retry-failed"
				: wanted == RESUME_FAILED ? "--resume-failed" : "--resume");
	}
	text_add_char(&text, '\n');
	if (write(STDERR_FILENO, text.data, text.size) < 0)
		text.size = 0;
	brood_buffer_free(&text);
}
