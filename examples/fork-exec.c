/* SPDX-License-Identifier: MIT */
/*
 * Starts the program child, found beside this one, at each line of input until a line that is q; its argument is how
 * many lines there have been. By fork and exec, or, called as fork-exec spawn, by spawn. Idea: fork-exec of Programming
 * Python, chapter 5.
 */
#include <brood.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int find_child(char path[PATH_MAX])
{
	ssize_t size = readlink("/proc/self/exe", path, PATH_MAX);
	if (size < 0 || size > PATH_MAX - 8)
		return -1;
	path[size] = 0;
	strcpy(strrchr(path, '/') + 1, "child");
	return 0;
}

static int fork_and_exec(const struct brood_program *program)
{
	brood_channel *channel;
	int pid = brood_create(&channel);
	if (pid == 0) {
		int error = brood_exec(program);
		/* Only a failure comes here. */
		fprintf(stderr, "fork-exec: %s: %s\n", program->argv[0], strerror(-error));
		brood_suicide(1);
	}
	if (pid < 0)
		return pid;
	printf("Child is %d\n", pid);
	brood_wait(channel, -1, NULL);
	brood_channel_free(channel);
	return 0;
}

static int spawn(const struct brood_program *program)
{
	brood_process *process;
	int error = brood_spawn(&process, program);
	if (error)
		return error;
	printf("Child is %d\n", brood_process_pid(process));
	brood_process_wait(process, -1, NULL);
	brood_process_free(process);
	return 0;
}

int main(int argc, char **argv)
{
	bool by_spawn = argc > 1 && !strcmp(argv[1], "spawn");
	char path[PATH_MAX], line[256], number[16];
	if (find_child(path)) {
		fputs("fork-exec: cannot tell where it is itself\n", stderr);
		return 1;
	}
	for (int lines = 1; fgets(line, sizeof line, stdin) && strcmp(line, "q\n"); lines++) {
		snprintf(number, sizeof number, "%d", lines);
		const struct brood_program *program = BROOD_PROGRAM(.argv = (const char *const[]){path, number, NULL});
		int error = by_spawn ? spawn(program) : fork_and_exec(program);
		if (error) {
			fprintf(stderr, "fork-exec: %s: %s\n", path, strerror(-error));
			return 1;
		}
		fflush(stdout);
	}
	return 0;
}
