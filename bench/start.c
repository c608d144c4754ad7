/* SPDX-License-Identifier: MIT */
/*
 * start MECHANISM MEBIBYTES
 *
 * From making a child to having its first message of 8 bytes, and waiting for the child's end, in a host with that much
 * memory of its own touched, in small pages.
 */
#include "measure.h"

#include <brood.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char greeting[8] = "greeting";

static int greet(brood_channel *channel, void *context)
{
	(void)context;
	return brood_send(channel, greeting, sizeof greeting) != 0;
}

static void start_brood(void *context, uint64_t count)
{
	(void)context;
	for (uint64_t i = 0; i < count; i++) {
		brood_channel *channel;
		struct brood_message message;
		must(brood_start(&channel, greet, NULL), "brood_start");
		must(brood_receive(channel, &message) == 1 ? 0 : -EPROTO, "brood_receive");
		must(brood_wait(channel, -1, NULL), "brood_wait");
		brood_channel_free(channel);
	}
}

static void start_fork(void *context, uint64_t count)
{
	(void)context;
	for (uint64_t i = 0; i < count; i++) {
		int ends[2];
		char message[sizeof greeting];
		must(pipe(ends), "pipe");
		pid_t child = must(fork(), "fork");
		if (!child) {
			write_whole(ends[1], greeting, sizeof greeting);
			_exit(0);
		}
		close(ends[1]);
		if (!read_whole(ends[0], message, sizeof message))
			fail("read");
		must(waitpid(child, NULL, 0), "waitpid");
		close(ends[0]);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: start brood|fork MEBIBYTES\n");
		return 2;
	}
	touched(strtoul(argv[2], NULL, 10) << 20, true);
	print_nanoseconds(measure(strcmp(argv[1], "fork") ? start_brood : start_fork, NULL));
	return 0;
}
