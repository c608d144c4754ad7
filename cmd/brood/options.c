/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "number.h"
#include "option_values.h"
#include "parse.h"
#include "say.h"
#include "text.h"

#include <stdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT(member) offsetof(struct options, member)

char *options_own(struct options *options, char *text)
{
	options->owned = need_more(options->owned, (options->owned_count + 1) * sizeof *options->owned);
	return options->owned[options->owned_count++] = text;
}

struct source *options_add_source(struct options *options, enum source_kind kind, bool linked)
{
	options->sources = need_more(options->sources, (options->source_count + 1) * sizeof *options->sources);
	struct source *source = &options->sources[options->source_count++];
	*source = (struct source){.kind = kind, .linked = linked};
	return source;
}

/* --- the table ----------------------------------------------------------------------------------------------------- */

static const char remote[] = "brood runs jobs on this machine only";
static const char database[] = "--sqlite FILE writes what became of the jobs as tables";
static const char perl[] = "brood has no Perl in it; {.} {/} {//} {/.} and --colsep cover most uses";
static const char semaphore[] = "flock(1) and systemd-run are made for that";

static void read_profile(void *target, const char *value);

static const struct option table[] = {
	{"arg-file", "a", OPTION_CALL, 0, 1, false, option_file, NULL},
	{"null", "0", OPTION_CALL, 0, 0, false, option_null, NULL},
	{"delimiter", "d", OPTION_CALL, 0, 1, false, option_delimiter, NULL},
	{"colsep", "C", OPTION_TEXT, AT(column_separator), 0, false, NULL, NULL},
	{"header", NULL, OPTION_CALL, 0, 1, false, option_header, NULL},
	{"eof end-of-file", "e", OPTION_CALL, 0, 1, true, option_end, NULL},
	{"", "E", OPTION_CALL, 0, 1, false, option_end, NULL},
	{"trim", NULL, OPTION_CALL, 0, 1, false, option_trimming, NULL},
	{"link xapply", NULL, OPTION_FLAG, AT(link), 0, false, NULL, NULL},
	{"shuf", NULL, OPTION_FLAG, AT(shuffle), 0, false, NULL, NULL},
	{"no-run-if-empty", "r", OPTION_FLAG, AT(skip_empty), 0, false, NULL, NULL},
	{"arg-sep argsep", NULL, OPTION_TEXT, AT(argument_separator), 0, false, NULL, NULL},
	{"arg-file-sep argfilesep", NULL, OPTION_TEXT, AT(file_separator), 0, false, NULL, NULL},

	{"replace", "i", OPTION_CALL, 0, 1, true, option_replacement, NULL},
	{"", "I", OPTION_CALL, 0, 1, false, option_replacement, NULL},
	{"quote", "q", OPTION_FLAG, AT(quote), 0, false, NULL, NULL},
	{"no-shell", NULL, OPTION_FLAG, AT(no_shell), 0, false, NULL, NULL},
	{"dry-run dryrun", NULL, OPTION_FLAG, AT(dry_run), 0, false, NULL, NULL},
	{"shellquote shell-quote", NULL, OPTION_FLAG, AT(shell_quote), 0, false, NULL, NULL},
	{"context-replace", "X", OPTION_SET, AT(packing), PACK_REPEAT_WORDS, false, NULL, NULL},
	{"m", "m", OPTION_SET, AT(packing), PACK_JOIN, false, NULL, NULL},
	{"xargs", NULL, OPTION_SET, AT(packing), PACK_XARGS, false, NULL, NULL},
	{"max-args", "n", OPTION_COUNT, AT(max_arguments), 0, false, NULL, NULL},
	{"max-replace-args", "N", OPTION_COUNT, AT(max_replace), 0, false, NULL, NULL},
	{"max-lines", "l", OPTION_CALL, 0, 1, true, option_lines, NULL},
	{"", "L", OPTION_CALL, 0, 1, false, option_lines, NULL},
	{"max-chars", "s", OPTION_COUNT, AT(max_chars), 0, false, NULL, NULL},
	{"exit", "x", OPTION_FLAG, AT(exit_too_long), 0, false, NULL, NULL},

	{"jobs max-procs", "jP", OPTION_CALL, 0, 1, false, option_jobs, NULL},
	{"nice", NULL, OPTION_CALL, 0, 1, false, option_nice, NULL},
	{"wd workdir", NULL, OPTION_TEXT, AT(directory), 0, false, NULL, NULL},
	{"tmpdir tempdir", NULL, OPTION_TEXT, AT(temporary), 0, false, NULL, NULL},
	{"env", NULL, OPTION_CALL, 0, 1, false, option_environment, NULL},
	{"load", NULL, OPTION_AMOUNT, AT(load), 0, false, NULL, NULL},
	{"memfree", NULL, OPTION_BYTES, AT(memory_free), 0, false, NULL, NULL},
	{"delay", NULL, OPTION_SECONDS, AT(delay), 0, false, NULL, NULL},
	{"timeout", NULL, OPTION_TIME, AT(timeout), 0, false, NULL, NULL},
	{"retries", NULL, OPTION_CALL, 0, 1, false, option_retries, NULL},
	{"halt halt-on-error", NULL, OPTION_CALL, 0, 1, false, option_halt, NULL},
	{"termseq", NULL, OPTION_CALL, 0, 1, false, option_ladder, NULL},

	{"group", NULL, OPTION_SET, AT(grouping), GROUP_JOBS, false, NULL, NULL},
	{"line-buffer linebuffer line-buffered lb", NULL, OPTION_SET, AT(grouping), GROUP_LINES, false, NULL, NULL},
	{"ungroup", "u", OPTION_SET, AT(grouping), GROUP_NONE, false, NULL, NULL},
	{"keep-order keeporder", "k", OPTION_FLAG, AT(keep_order), 0, false, NULL, NULL},
	{"tag", NULL, OPTION_FLAG, AT(tag), 0, false, NULL, NULL},
	{"tagstring tag-string", NULL, OPTION_CALL, 0, 1, false, option_tag, NULL},
	{"v", "v", OPTION_FLAG, AT(show_commands), 0, false, NULL, NULL},
	{"verbose", "t", OPTION_FLAG, AT(trace_commands), 0, false, NULL, NULL},
	{"results res", NULL, OPTION_TEXT, AT(results), 0, false, NULL, NULL},
	{"joblog jl", NULL, OPTION_CALL, 0, 1, false, option_joblog, NULL},
	{"journal", NULL, OPTION_TEXT, AT(journal), 0, false, NULL, NULL},
	{"sqlite", NULL, OPTION_TEXT, AT(sqlite), 0, false, NULL, NULL},
	{"resume", NULL, OPTION_SET, AT(resume), RESUME_UNFINISHED, false, NULL, NULL},
	{"resume-failed", NULL, OPTION_SET, AT(resume), RESUME_FAILED, false, NULL, NULL},
	{"retry-failed", NULL, OPTION_SET, AT(resume), RESUME_RETRY, false, NULL, NULL},
	{"status", NULL, OPTION_CALL, 0, 1, false, option_status, NULL},
	{"bar", NULL, OPTION_CALL, 0, 0, false, option_counted_status, NULL},
	{"eta", NULL, OPTION_CALL, 0, 0, false, option_counted_status, NULL},
	{"progress", NULL, OPTION_CALL, 0, 0, false, option_counted_status, NULL},

	{"pipepart pipe-part", NULL, OPTION_FLAG, AT(pipe), 0, false, NULL, NULL},
	{"pipe spreadstdin", NULL, OPTION_FLAG, AT(pipe), 0, false, NULL, NULL},
	{"block block-size", NULL, OPTION_CALL, 0, 1, false, option_block, NULL},
	{"recstart", NULL, OPTION_CALL, 0, 1, false, option_record_start, NULL},
	{"recend", NULL, OPTION_CALL, 0, 1, false, option_record_end, NULL},
	{"regexp regex", NULL, OPTION_FLAG, AT(record_regexp), 0, false, NULL, NULL},
	{"remove-rec-sep removerecsep rrs", NULL, OPTION_FLAG, AT(remove_separators), 0, false, NULL, NULL},
	{"round-robin round rr", NULL, OPTION_FLAG, AT(round_robin), 0, false, NULL, NULL},

	{"help", "h", OPTION_CALL, 0, 0, false, option_show_help, NULL},
	{"version", "V", OPTION_CALL, 0, 0, false, option_show_version, NULL},
	{"number-of-cpus number-of-cores number-of-threads", NULL, OPTION_CALL, 0, 0, false, option_show_processors, NULL},
	{"max-line-length-allowed", NULL, OPTION_CALL, 0, 0, false, option_show_most_chars, NULL},

	{"silent", NULL, OPTION_IGNORE, 0, 0, false, NULL, NULL},
	{"use-cpus-instead-of-cores use-cores-instead-of-threads use-sockets-instead-of-threads", NULL, OPTION_IGNORE, 0, 0, false, NULL,
	 NULL},
	{"will-cite", NULL, OPTION_IGNORE, 0, 0, false, NULL, NULL},
	{"no-notice nonotice", NULL, OPTION_IGNORE, 0, 0, false, NULL, NULL},
	{"gnu", NULL, OPTION_IGNORE, 0, 0, false, NULL, NULL},
	{"plain", NULL, OPTION_IGNORE, 0, 0, false, NULL, NULL},
	{"compress", NULL, OPTION_IGNORE, 0, 0, false, NULL, NULL},
	{"compress-program decompress-program", NULL, OPTION_IGNORE_VALUE, 0, 0, false, NULL, NULL},

	{"sshlogin sshloginfile sshlogin-file slf", "S", OPTION_REFUSE_VALUE, 0, 0, true, NULL, remote},
	{"ssh sshdelay ssh-delay", NULL, OPTION_REFUSE_VALUE, 0, 0, true, NULL, remote},
	{"controlmaster onall nonall transfer cleanup filter-hosts", "M", OPTION_REFUSE, 0, 0, false, NULL, remote},
	{"transferfile transferfiles transfer-file transfer-files tf trc return basefile bf", NULL, OPTION_REFUSE_VALUE, 0, 0, true, NULL,
	 remote},
	{"sqlmaster sqlworker sqlandworker sql sql-master sql-worker sql-and-worker", NULL, OPTION_REFUSE_VALUE, 0, 0, true, NULL,
	 database},
	{"tmux", NULL, OPTION_REFUSE, 0, 0, false, NULL, "the live display shows the jobs; see --status"},
	{"tmuxpane", NULL, OPTION_REFUSE, 0, 0, false, NULL, "the live display shows the jobs; see --status"},
	{"semaphore sem fg bg wait", NULL, OPTION_REFUSE, 0, 0, false, NULL, semaphore},
	{"semaphorename semaphore-name id semaphoretimeout semaphore-timeout", NULL, OPTION_REFUSE_VALUE, 0, 0, true, NULL, semaphore},
	{"rpl parens filter", NULL, OPTION_REFUSE_VALUE, 0, 0, true, NULL, perl},
	{"plus", NULL, OPTION_REFUSE, 0, 0, false, NULL, perl},
	{"interactive", "p", OPTION_REFUSE, 0, 0, false, NULL, "--dry-run shows the commands"},
	{"tty", NULL, OPTION_REFUSE, 0, 0, false, NULL, "a job is in the background and may not read from the terminal"},
	{"cat fifo", NULL, OPTION_REFUSE, 0, 0, false, NULL, "with --pipe a job reads its part from stdin"},
	{"files files0", NULL, OPTION_REFUSE, 0, 0, false, NULL, "--results keeps the output of each job in files"},
	{"latest-line ll ctag", NULL, OPTION_REFUSE, 0, 0, false, NULL, "see --status and --tag"},
	{"hostgroups hgrp", NULL, OPTION_REFUSE, 0, 0, false, NULL, remote},
	{"csv", NULL, OPTION_REFUSE, 0, 0, false, NULL, "--colsep , parts columns that have no commas in quotes"},
	{"tee", NULL, OPTION_REFUSE, 0, 0, false, NULL, "tee(1) gives each of several commands all of the input"},
	{"memsuspend limit block-timeout skip-first-line template tmpl total-jobs total process-slot-var", NULL, OPTION_REFUSE_VALUE, 0, 0,
	 true, NULL, "nothing here does the same"},
	{"noswap color", NULL, OPTION_REFUSE, 0, 0, false, NULL, "nothing here does the same"},
	{"er extensionreplace bnr basenamereplace dnr dirnamereplace bner basenameextensionreplace seqreplace slotreplace", NULL,
	 OPTION_REFUSE_VALUE, 0, 0, true, NULL, "-I renames {}; the other places keep their names"},
	{"profile", "J", OPTION_CALL, 0, 1, false, read_profile, NULL},
	{"group-by groupby shard bin", NULL, OPTION_REFUSE_VALUE, 0, 0, true, NULL, "--pipe splits by --block and -N only"},
	{"shebang hashbang shebang-wrap", NULL, OPTION_REFUSE, 0, 0, false, NULL, "call brood run from a script"},
};

/* --- options from elsewhere ---------------------------------------------------------------------------------------- */

static char **read_table(struct options *options, char **arguments)
{
	return parse_options(table, sizeof table / sizeof *table, options, arguments, "brood run --help");
}

/* Words as a shell parts them, with quotes and backslashes but nothing else. */
static void read_text(struct options *options, const char *text, const char *from)
{
	char **words = need(sizeof *words);
	size_t count = 0;
	while (*(text += strspn(text, " \t\n"))) {
		struct brood_buffer word = {0};
		char quote = 0;
		for (; *text && (quote || !strchr(" \t\n", *text)); text++) {
			if (*text == quote)
				quote = 0;
			else if (!quote && (*text == '\'' || *text == '"'))
				quote = *text;
			else
				text_add_char(&word, *text == '\\' && quote != '\'' && text[1] ? *++text : *text);
		}
		words = need_more(words, (count + 2) * sizeof *words);
		words[count++] = options_own(options, text_string(&word));
	}
	words[count] = NULL;
	char **rest = read_table(options, words);
	if (*rest)
		die("%s has options only, and not '%s'", from, *rest);
	free(words);
}

/* false: there is no such file. */
static bool read_option_file(struct options *options, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t capacity = 0;
	if (!file)
		return false;
	while (getline(&line, &capacity, file) > 0)
		if (*line != '#')
			read_text(options, line, path);
	free(line);
	fclose(file);
	return true;
}

/* A profile by its path, or by its name among those of GNU parallel. */
static bool read_named(struct options *options, const char *name)
{
	const char *home = getenv("PARALLEL_HOME"), *user = getenv("HOME");
	struct brood_buffer path = {0};
	if (home)
		text_add_format(&path, "%s/%s", home, name);
	else
		text_add_format(&path, "%s/.parallel/%s", user ? user : "", name);
	const bool found = read_option_file(options, text_string(&path));
	brood_buffer_free(&path);
	return found;
}

static void read_profile(void *target, const char *value)
{
	if (!(strchr(value, '/') && read_option_file(target, value)) && !read_named(target, value))
		die("there is no profile %s; it would be a file with options in ~/.parallel", value);
}

/* --- the command and the sources behind the options ---------------------------------------------------------------- */

enum separator { SEPARATOR_NONE, SEPARATOR_ARGUMENTS, SEPARATOR_ARGUMENTS_LINKED, SEPARATOR_FILES, SEPARATOR_FILES_LINKED };

static bool is_separator(const char *word, const char *text, bool *linked)
{
	const size_t size = strlen(text);
	if (strncmp(word, text, size) != 0 || (word[size] && strcmp(word + size, "+") != 0))
		return false;
	*linked = word[size];
	return true;
}

static enum separator find_separator(const struct options *options, const char *word)
{
	bool linked;
	if (is_separator(word, options->file_separator, &linked))
		return linked ? SEPARATOR_FILES_LINKED : SEPARATOR_FILES;
	if (is_separator(word, options->argument_separator, &linked))
		return linked ? SEPARATOR_ARGUMENTS_LINKED : SEPARATOR_ARGUMENTS;
	return SEPARATOR_NONE;
}

static void read_sources(struct options *options, char **words)
{
	while (*words) {
		const enum separator separator = find_separator(options, *words++);
		const bool linked = separator == SEPARATOR_ARGUMENTS_LINKED || separator == SEPARATOR_FILES_LINKED;
		size_t count = 0;
		while (words[count] && !find_separator(options, words[count]))
			count++;
		if (separator == SEPARATOR_ARGUMENTS || separator == SEPARATOR_ARGUMENTS_LINKED) {
			struct source *source = options_add_source(options, SOURCE_ARGUMENTS, linked);
			source->arguments = words;
			source->count = count;
		}
		else
			for (size_t i = 0; i < count; i++)
				options_add_source(options, SOURCE_FILE, linked)->path = words[i];
		words += count;
	}
}

static void check(const struct options *options)
{
	for (size_t i = 0; i < options->word_count; i++)
		if (strstr(options->words[i], "{="))
			die("{= perl =} is not done here: %s", perl);
	if (options->no_shell && !options->word_count)
		die("--no-shell needs a command; without one the inputs are commands for a shell");
	/* --results has no exit statuses. */
	if (options->resume == RESUME_RETRY ? !options->joblog
					     : options->resume && !options->joblog && !options->journal &&
						       !(options->results && options->resume == RESUME_UNFINISHED))
		die("%s needs --joblog, or better --journal, which says what has been done", options->resume == RESUME_UNFINISHED
		    ? "--resume" : options->resume == RESUME_FAILED ? "--resume-failed" : "--retry-failed");
	if (options->pipe && (options->source_count > 1 || (options->source_count && options->sources->kind != SOURCE_FILE)))
		die("--pipe reads stdin or one file, and takes no values; cat(1) joins files");
	if (options->column_separator && options->pipe)
		die("--colsep and --pipe do not go together: with --pipe the input is not split into values");
}

void options_read(struct options *options, char **arguments)
{
	*options = (struct options){.delimiter = "\n", .delimiter_size = 1, .argument_separator = ":::", .file_separator = "::::",
		.replacement = "{}", .max_arguments = -1, .max_replace = -1, .max_lines = -1, .retries = 1, .block = 1 << 20};
	char ladder[] = "TERM,200,TERM,100,TERM,50,KILL,25";
	option_ladder(options, ladder);
	read_named(options, "config");
	if (getenv("PARALLEL"))
		read_text(options, getenv("PARALLEL"), "the variable PARALLEL");
	char **words = read_table(options, arguments);
	options->words = words;
	while (words[options->word_count] && !find_separator(options, words[options->word_count]))
		options->word_count++;
	read_sources(options, words + options->word_count);
	if (!options->source_count && options->resume != RESUME_RETRY && !options->pipe) {
		options_add_source(options, SOURCE_FILE, false)->path = "-";
		if (isatty(STDIN_FILENO))
			say("the inputs are read from the terminal, each on a line; Ctrl-D ends them");
	}
	/* The log has the commands. */
	if (options->resume == RESUME_RETRY)
		options->word_count = options->source_count = 0;
	check(options);
	/* A percentage is of all jobs. */
	options->count_first |= options->halt.when != HALT_NEVER && options->halt.most.percent;
}

void options_free(struct options *options)
{
	free(options->sources);
	free(options->ladder);
	free(options->environment);
	for (size_t i = 0; i < options->owned_count; i++)
		free(options->owned[i]);
	free(options->owned);
}

bool options_repeat_words(const struct options *options)
{
	if (options->packing)
		return options->packing == PACK_REPEAT_WORDS;
	return options->max_replace > 0 || options->max_lines > 0;
}

/* The first line of a file in place of a number, as it is now. */
static bool read_jobs_file(const char *path, char *text, int size)
{
	FILE *file = fopen(path, "re");
	const bool fine = file && fgets(text, size, file);
	if (file)
		fclose(file);
	if (fine)
		text[strcspn(text, "\n")] = 0;
	return fine;
}

int options_jobs(const struct options *options)
{
	const char *text = options->jobs ? options->jobs : "100%";
	char line[64];
	if (read_jobs_file(text, line, sizeof line))
		text = line;
	const int processors = brood_processors();
	const char sign = *text == '+' || *text == '-' ? *text++ : 0;
	struct amount amount;
	if (!number_read_amount(text, number_read_plain, &amount) || (!amount.percent && amount.value != floor(amount.value)))
		parse_wrong("-j", options->jobs, "a whole number, a percentage of the processors such as 50%, +N or -N beside "
			    "their number, or a file with one of these");
	double jobs = amount.percent ? processors * amount.value / 100 : amount.value;
	if (sign)
		jobs = sign == '+' ? processors + jobs : processors - jobs;
	else if (!amount.percent && jobs == 0)
		jobs = MOST_JOBS;
	return jobs < 1 ? 1 : jobs > MOST_JOBS ? MOST_JOBS : (int)jobs;
}
