/* SPDX-License-Identifier: MIT */
/*
 * spawners THREADS PROGRAM: runs the program with each line of stdin as its argument, in so many threads that each spawn, wait,
 * and go on. No output is read, no failure told, nothing is kept: what a supervisor's rate is measured against.
 */
#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char *program;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static char *next_line(void)
{
	char *line = NULL;
	size_t size = 0;
	pthread_mutex_lock(&lock);
	const ssize_t length = getline(&line, &size, stdin);
	pthread_mutex_unlock(&lock);
	if (length < 0) {
		free(line);
		return NULL;
	}
	line[strcspn(line, "\n")] = '\0';
	return line;
}

/* With pipes for its outputs, as one has who would read them. */
static void run_one(char *argument)
{
	char *argv[] = {program, argument, NULL};
	posix_spawn_file_actions_t actions;
	int out[2], err[2], status;
	pid_t child;
	must(pipe2(out, O_CLOEXEC), "pipe2");
	must(pipe2(err, O_CLOEXEC), "pipe2");
	must(-posix_spawn_file_actions_init(&actions), "posix_spawn_file_actions_init");
	must(-posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO), "adddup2");
	must(-posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO), "adddup2");
	must(-posix_spawn(&child, program, &actions, NULL, argv, environ), "posix_spawn");
	posix_spawn_file_actions_destroy(&actions);
	must(waitpid(child, &status, 0), "waitpid");
	for (int i = 0; i < 2; i++) {
		close(out[i]);
		close(err[i]);
	}
	errno = ECHILD;
	must(status ? -1 : 0, program);
}

static void *spawn_all(void *unused)
{
	(void)unused;
	for (char *line; (line = next_line()); free(line))
		run_one(line);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[64];
	const int count = argc == 3 ? atoi(argv[1]) : 0;
	if (count < 1 || count > 64) {
		fprintf(stderr, "usage: spawners THREADS PROGRAM\n");
		return 2;
	}
	program = argv[2];
	for (int i = 0; i < count; i++)
		must(-pthread_create(&threads[i], NULL, spawn_all, NULL), "pthread_create");
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
