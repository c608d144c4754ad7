/* SPDX-License-Identifier: MIT */
/*
 * Five children count to five, a count each second or each interval that is given, and outlive the parent, which leaves
 * at once. Idea: fork-count of Programming Python, chapter 5.
 */
#include <brood.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHILDREN = 5, COUNTS = 5 };

static int count(brood_channel *channel, void *context)
{
	(void)channel;
	double interval = *(const double *)context;
	struct timespec pause = {.tv_sec = (time_t)interval};
	pause.tv_nsec = (long)((interval - (double)pause.tv_sec) * 1e9);
	for (int i = 1; i <= COUNTS; i++) {
		nanosleep(&pause, NULL);
		printf("[%d] counts %d\n", getpid(), i);
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	double interval = argc > 1 ? strtod(argv[1], NULL) : 1;
	if (!(interval >= 0 && interval <= 3600)) {
		fputs("usage: fork-count [SECONDS]\n", stderr);
		return 2;
	}
	for (int i = 0; i < CHILDREN; i++) {
		brood_channel *channel;
		int error = brood_start(&channel, count, &interval);
		if (!error)
			error = brood_outlive(channel);
		if (error) {
			fprintf(stderr, "fork-count: %s\n", strerror(-error));
			return 1;
		}
		printf("Started %d\n", brood_channel_pid(channel));
		brood_channel_free(channel);
	}
	puts("The parent leaves");
	return 0;
}
