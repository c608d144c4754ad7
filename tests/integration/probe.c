/* SPDX-License-Identifier: MIT */
/* The program that the tests start: it says on standard output what it was given, or does what its first argument says. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void say_descriptors(void)
{
	for (int fd = 0; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d ", fd);
}

static void say_signals(void)
{
	sigset_t mask;
	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int number = 1; number < NSIG; number++) {
		struct sigaction action;
		if (sigismember(&mask, number) > 0)
			printf("blocked:%d ", number);
		if (!sigaction(number, NULL, &action) && action.sa_handler != SIG_DFL)
			printf("changed:%d ", number);
	}
}

/* Whether 0, 1 and 2 are the same file as the paths given. */
static void say_same(char **paths)
{
	for (int fd = 0; paths[fd]; fd++) {
		struct stat one, other;
		if (!fstat(fd, &one) && !stat(paths[fd], &other) && one.st_dev == other.st_dev && one.st_ino == other.st_ino)
			printf("same ");
		else
			printf("other ");
	}
}

static void ignore_signals(void)
{
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_IGN);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	if (!strcmp(what, "descriptors")) {
		say_descriptors();
	} else if (!strcmp(what, "count")) {
		int count = 0;
		for (int fd = 0; fd < 4096; fd++)
			count += fcntl(fd, F_GETFD) >= 0;
		return count;
	} else if (!strcmp(what, "signals")) {
		say_signals();
	} else if (!strcmp(what, "group")) {
		printf("%s", getpgrp() == getpid() ? "own" : "other");
	} else if (!strcmp(what, "leave")) {
		/* Its group, for that of the process that waits for it, which is a keeper's or the test's. */
		printf("%d\n", setpgid(0, getpgid(getppid())));
		fflush(stdout);
		for (;;)
			pause();
	} else if (!strcmp(what, "directory")) {
		char path[4096];
		printf("%s", getcwd(path, sizeof path));
	} else if (!strcmp(what, "same")) {
		say_same(argv + 2);
	} else if (!strcmp(what, "arguments")) {
		for (int i = 0; i < argc; i++)
			printf("[%s]", argv[i]);
		for (char **at = environ; *at; at++)
			if (!strncmp(*at, "PROBE_", 6))
				printf("{%s}", *at);
	} else if (!strcmp(what, "both")) {
		fprintf(stderr, "err");
		printf("out");
	} else if (!strcmp(what, "exit")) {
		return atoi(argv[2]);
	} else if (!strcmp(what, "raise")) {
		raise(atoi(argv[2]));
	} else if (!strcmp(what, "spin")) {
		for (;;)
			getppid();
	} else if (!strcmp(what, "deaf")) {
		ignore_signals();
		if (fork())
			for (;;)
				pause();
		for (;;)
			pause();
	} else if (!strcmp(what, "cat")) {
		for (int byte; (byte = getchar()) != EOF;)
			putchar(byte);
	} else {
		return 99;
	}
	return 0;
}
