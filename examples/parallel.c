/* SPDX-License-Identifier: MIT */
/*
 * Runs each line of standard input as a shell command, several at a time, and prints what they print in the order of the
 * lines. A command that takes longer than the seconds that are given is killed, and what it has started with it.
 *
 *     parallel [SECONDS] < commands
 */
#include <brood.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* Run in each worker before its first line: the commands are not to read the lines. */
static int close_input(void *context)
{
	(void)context;
	return !freopen("/dev/null", "r", stdin);
}

/* Runs one line in a worker; what the command prints is the line's value. */
static int run_line(brood_task *task, void *context)
{
	(void)context;
	struct brood_bytes line = brood_item(task);
	char *command = strndup(line.data, line.size), part[4096];
	FILE *output = command ? popen(command, "r") : NULL;
	int error = output ? 0 : -errno;
	free(command);
	for (size_t size; !error && (size = fread(part, 1, sizeof part, output));)
		error = brood_reply(task, part, size);
	int status = output ? pclose(output) : 0;
	if (error)
		return brood_fail(task, -error, "Error", "%s", strerror(-error));
	if (WIFSIGNALED(status))
		return brood_fail(task, 1, "Command", "was ended by signal %d", WTERMSIG(status));
	if (status)
		return brood_fail(task, 1, "Command", "exited with %d", WEXITSTATUS(status));
	return 0;
}

/* Called in the host for the next item. The line is copied, and so need not stay. */
static int next_line(void *lines, struct brood_bytes *line)
{
	return brood_reader_readline(lines, line);
}

/* Called in the host with each record, here in the order of the lines. */
static int print_result(void *lines, const struct brood_result *result)
{
	(void)lines;
	if (result->outcome == BROOD_SUCCESS)
		fwrite(result->value.data, 1, result->value.size, stdout);
	else
		printf("line %zu: %s: %s\n", result->index + 1, result->failure->type, result->failure->message);
	return fflush(stdout) ? -errno : 0;
}

int main(int argc, char **argv)
{
	brood_pool *pool = NULL;
	brood_reader *lines = NULL;
	int error = brood_reader_new(&lines, 0);
	if (!error)
		error = brood_pool_new(&pool, run_line, NULL,
				       BROOD_OPTIONS(.timeout = argc > 1 ? atof(argv[1]) : 0, .flags = BROOD_ORDERED,
						     .worker_start = close_input));
	if (!error) {
		int workers = brood_pool_spawn(pool, 0);
		error = workers < 0 ? workers : brood_pool_stream(pool, next_line, print_result, lines);
	}
	if (error)
		fprintf(stderr, "parallel: %s\n", strerror(-error));
	brood_pool_free(pool);
	brood_reader_free(lines);
	return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
