/* SPDX-License-Identifier: MIT */
#include "wordcount.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHILDREN_MOST = 1024, EXIT_USAGE = 2 };

static volatile sig_atomic_t stop;

static void stop_on(int signal)
{
	stop = signal;
	job_cancel();
}

static void print_help(void)
{
	puts("usage: wordcount [-j N] [--top N] [--no-stop-words] [PATH]...\n"
	     "\n"
	     "Counts the words of every document and manual page under the paths, by default\n"
	     "/usr/share/doc and /usr/share/man, in parallel child processes. Files that gzip\n"
	     "packed are unpacked. Symbolic links are not followed, and binary files, which\n"
	     "have a NUL in their first 8 KiB, are skipped.\n"
	     "\n"
	     "  -j N             children, by default one a processor\n"
	     "  --top N          words and documents to show, by default 15 and 10\n"
	     "  --no-stop-words  leave the most common English words out of those shown\n"
	     "  --timeout S      seconds after which a child that is at one file is killed, by\n"
	     "                   default 60; 0: never\n"
	     "  -h, --help       this help\n"
	     "\n"
	     "For tests:\n"
	     "  --crash-on NAME    a child that comes to a file of that name is killed\n"
	     "  --crash-once NAME  only the first child is\n"
	     "  --delay SECONDS    a child waits so long before each file\n"
	     "\n"
	     "The exit code is 0 when all files were seen to, those that failed included, 1 when\n"
	     "they could not be, and 2 for a wrong option.");
}

static bool read_number(const char *text, long most, long *out)
{
	char *end;
	errno = 0;
	long number = strtol(text, &end, 10);
	if (errno || end == text || *end || number < 0 || number > most)
		return false;
	*out = number;
	return true;
}

static bool read_seconds(const char *text, double *out)
{
	char *end;
	*out = strtod(text, &end);
	return end != text && !*end && *out >= 0 && *out < 3600;
}

static int complain(const char *what, const char *text)
{
	fprintf(stderr, "wordcount: %s '%s'; see wordcount --help\n", what, text);
	return EXIT_USAGE;
}

/* -1 to go on, else the exit code. */
static int read_options(int argc, char **argv, struct settings *settings)
{
	enum { TOP = 256, NO_STOP_WORDS, TIMEOUT, CRASH_ON, CRASH_ONCE, DELAY };
	static const struct option options[] = {
		{"top", required_argument, NULL, TOP},
		{"no-stop-words", no_argument, NULL, NO_STOP_WORDS},
		{"timeout", required_argument, NULL, TIMEOUT},
		{"crash-on", required_argument, NULL, CRASH_ON},
		{"crash-once", required_argument, NULL, CRASH_ONCE},
		{"delay", required_argument, NULL, DELAY},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	long number;
	for (int option; (option = getopt_long(argc, argv, "j:h", options, NULL)) != -1;) {
		switch (option) {
		case 'j':
			if (!read_number(optarg, CHILDREN_MOST, &number) || !number)
				return complain("no number of children from 1 to 1024:", optarg);
			settings->children = (int)number;
			break;
		case TOP:
			if (!read_number(optarg, 1000000, &number))
				return complain("no number to show:", optarg);
			settings->top_words = settings->top_documents = (size_t)number;
			break;
		case NO_STOP_WORDS:
			settings->no_stop_words = true;
			break;
		case TIMEOUT:
			if (!read_seconds(optarg, &settings->timeout))
				return complain("no number of seconds:", optarg);
			break;
		case CRASH_ON:
			settings->crash_on = optarg;
			break;
		case CRASH_ONCE:
			settings->crash_once = optarg;
			break;
		case DELAY:
			if (!read_seconds(optarg, &settings->delay))
				return complain("no number of seconds:", optarg);
			break;
		case 'h':
			print_help();
			return EXIT_SUCCESS;
		default:
			return EXIT_USAGE;
		}
	}
	return -1;
}

/* Paths that are asked for have to be there; of the usual ones, those that are there will do. */
static int check_paths(char **paths, bool asked)
{
	char **kept = paths;
	for (char **path = paths; *path; path++) {
		if (!access(*path, F_OK)) {
			*kept++ = *path;
		} else if (asked) {
			fprintf(stderr, "wordcount: %s: %s\n", *path, strerror(errno));
			return EXIT_FAILURE;
		}
	}
	*kept = NULL;
	if (kept > paths)
		return 0;
	fputs("wordcount: this system has no documents installed; give a path\n", stderr);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	double started = seconds_now();
	struct settings settings = {.children = brood_processors(), .top_words = 15, .top_documents = 10, .timeout = 60};
	int code = read_options(argc, argv, &settings);
	if (code >= 0)
		return code;
	static char doc[] = "/usr/share/doc", man[] = "/usr/share/man";
	char *usual[] = {doc, man, NULL}, **paths = optind < argc ? argv + optind : usual;
	code = check_paths(paths, paths != usual);
	if (code)
		return code;

	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &(struct sigaction){.sa_handler = stop_on}, NULL);

	struct tree tree = {0};
	struct totals totals = {0};
	struct tally tally = {0};
	tree_find(&tree, paths);
	int error = job_run(&tree, &settings, &stop, &totals, &tally);
	if (!error)
		table_print(&tree, &settings, &totals, &tally, seconds_now() - started);
	else if (!stop)
		fprintf(stderr, "wordcount: %s\n", strerror(-error));
	tree_free(&tree);
	tally_free(&tally);
	if (stop) {
		/* Whoever started this sees that a signal ended it. */
		signal(stop, SIG_DFL);
		raise(stop);
	}
	return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
