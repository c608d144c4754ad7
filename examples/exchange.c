/* SPDX-License-Identifier: MIT */
/*
 * An exchange collects from children of different speed: each counts to two, and what they say is printed in the order
 * in which it comes. The argument is the interval of the fastest child, in seconds.
 */
#include <brood.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHILDREN = 3, COUNTS = 2 };

struct runner {
	const char *name;
	double interval;
};

static int run(brood_channel *channel, void *context)
{
	const struct runner *runner = context;
	struct timespec pause = {.tv_sec = (time_t)runner->interval};
	pause.tv_nsec = (long)((runner->interval - (double)pause.tv_sec) * 1e9);
	for (int i = 1; i <= COUNTS; i++) {
		char line[64];
		nanosleep(&pause, NULL);
		int size = snprintf(line, sizeof line, "%s %d", runner->name, i);
		if (brood_send(channel, line, (size_t)size))
			return 1;
	}
	return 0;
}

static int start_all(brood_exchange *exchange, double interval)
{
	struct runner runners[CHILDREN] = {{"tortoise", interval * 32}, {"dog", interval * 8}, {"hare", interval}};
	for (int i = 0; i < CHILDREN; i++) {
		brood_channel *channel;
		int error = brood_start(&channel, run, &runners[i]);
		if (!error)
			error = brood_exchange_add(exchange, channel);
		if (error)
			return error;
	}
	return 0;
}

/* Until no channel is active, since each leaves the exchange when its child has ended. */
static int collect(brood_exchange *exchange)
{
	while (brood_exchange_active(exchange, NULL, 0)) {
		brood_channel *ready[CHILDREN];
		int count = brood_exchange_ready(exchange, ready, CHILDREN, -1);
		if (count < 0)
			return count;
		for (int i = 0; i < count; i++) {
			struct brood_message message;
			if (brood_receive(ready[i], &message) == 1)
				printf("%.*s\n", (int)message.body.size, (const char *)message.body.data);
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	double interval = argc > 1 ? strtod(argv[1], NULL) : 0.05;
	if (!(interval >= 0 && interval <= 60)) {
		fputs("usage: exchange [SECONDS]\n", stderr);
		return 2;
	}
	brood_exchange *exchange;
	int error = brood_exchange_new(&exchange, 0);
	if (!error) {
		error = start_all(exchange, interval);
		if (!error)
			error = collect(exchange);
		brood_exchange_free(exchange);
	}
	if (error) {
		fprintf(stderr, "exchange: %s\n", strerror(-error));
		return 1;
	}
	return 0;
}
