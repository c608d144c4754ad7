/* SPDX-License-Identifier: MIT */
/* Forks a child at each line of input, until a line that is q. Idea: fork1 of Programming Python, chapter 5. */
#include <brood.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	char line[256];
	while (fgets(line, sizeof line, stdin) && strcmp(line, "q\n")) {
		brood_channel *channel;
		pid_t pid = brood_create(&channel);
		if (pid < 0) {
			fprintf(stderr, "fork1: %s\n", strerror(-pid));
			return 1;
		}
		if (pid == 0) {
			printf("Hello from child %d\n", getpid());
			/* Without this, the child would go back to the loop and read the parent's lines. */
			brood_suicide(0);
		}
		brood_wait(channel, -1, NULL);
		brood_channel_free(channel);
		printf("Hello from parent %d, which forked %d\n", getpid(), pid);
	}
	return 0;
}
