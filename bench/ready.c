/* SPDX-License-Identifier: MIT */
/*
 * ready MECHANISM CHANNELS
 *
 * The call that says which of many channels can be received from, when five can: brood_exchange_ready, or poll or
 * epoll_wait over socket pairs. Five threads send on channels drawn anew for each call, and wait to be answered. The
 * call is timed only once all five can be received from and their senders have gone to sleep, and nothing else is.
 */
#include "measure.h"

#include <brood.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SENDERS = 5, ROOM = 64 };

static size_t channels;
static struct end {
	int near, far;
	brood_channel *near_channel, *far_channel;
} *ends;
static struct sender {
	pthread_barrier_t go;
	struct end *end;
} senders[SENDERS];

static void send_one(struct end *end)
{
	char byte = 1;
	if (end->far_channel) {
		must(brood_send(end->far_channel, "message", 8), "brood_send");
	} else {
		write_whole(end->far, &byte, 1);
		read_whole(end->far, &byte, 1);
	}
}

static void receive_one(struct end *end)
{
	char byte;
	struct brood_message message;
	if (end->near_channel) {
		must(brood_receive(end->near_channel, &message) == 1 ? 0 : -EPROTO, "brood_receive");
	} else {
		read_whole(end->near, &byte, 1);
		write_whole(end->near, &byte, 1);
	}
}

static void *run_sender(void *context)
{
	struct sender *sender = context;
	for (;;) {
		pthread_barrier_wait(&sender->go);
		if (!sender->end)
			return NULL;
		send_one(sender->end);
		pthread_barrier_wait(&sender->go);
	}
}

/* --- what is measured: each gives how many are ready, and lists them ----------------------------------------------- */

static brood_exchange *exchange;
static struct pollfd *polled;
static int epoll_fd;
static struct epoll_event events[ROOM];
static brood_channel *ready_channels[ROOM];

static int call_brood(void)
{
	return brood_exchange_ready(exchange, ready_channels, ROOM, -1);
}

static int call_poll(void)
{
	int count = poll(polled, channels, -1);
	int found = 0;
	for (size_t i = 0; i < channels && found < count; i++)
		found += polled[i].revents != 0;
	return found;
}

static int call_epoll(void)
{
	return epoll_wait(epoll_fd, events, ROOM, -1);
}

static void open_channels(bool brood)
{
	ends = calloc(channels, sizeof *ends);
	polled = calloc(channels, sizeof *polled);
	epoll_fd = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	must(brood_exchange_new(&exchange, 0), "brood_exchange_new");
	for (size_t i = 0; i < channels; i++) {
		struct end *end = &ends[i];
		if (brood) {
			must(brood_channel_pair(&end->near_channel, &end->far_channel), "brood_channel_pair");
			must(brood_exchange_add(exchange, end->near_channel), "brood_exchange_add");
			end->near = brood_channel_fd(end->near_channel);
			continue;
		}
		int pair[2];
		must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
		end->near = pair[0];
		end->far = pair[1];
		polled[i] = (struct pollfd){.fd = end->near, .events = POLLIN};
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = end};
		must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, end->near, &event), "epoll_ctl");
	}
}

/* Five channels, one from each fifth. */
static void send_all(struct end **chosen)
{
	for (size_t i = 0; i < SENDERS; i++) {
		chosen[i] = &ends[i * channels / SENDERS + (size_t)rand() % (channels / SENDERS)];
		senders[i].end = chosen[i];
		pthread_barrier_wait(&senders[i].go);
	}
	for (size_t i = 0; i < SENDERS; i++) {
		struct pollfd item = {.fd = chosen[i]->near, .events = POLLIN};
		must(poll(&item, 1, -1), "poll");
	}
	/* The senders look about for a while before they sleep; then the processor is given time to wake up itself. */
	usleep(200);
	for (uint64_t begin = nanoseconds(); nanoseconds() - begin < 20000;)
		;
}

static double measure_calls(int (*call)(void))
{
	enum { MOST = 1000, LEAST = 25 };
	static double times[MOST];
	size_t count = 0;
	const uint64_t end = nanoseconds() + (uint64_t)sample_nanoseconds();
	while (count < LEAST || (count < MOST && nanoseconds() < end)) {
		struct end *chosen[SENDERS];
		send_all(chosen);
		const uint64_t begin = nanoseconds();
		int found = call();
		times[count++] = (double)(nanoseconds() - begin);
		must(found == SENDERS ? 0 : -EPROTO, "not all five ready at once");
		for (size_t i = 0; i < SENDERS; i++)
			receive_one(chosen[i]);
		for (size_t i = 0; i < SENDERS; i++)
			pthread_barrier_wait(&senders[i].go);
	}
	/* The median: a call that was interrupted says nothing. */
	return median(times, count);
}

int main(int argc, char **argv)
{
	channels = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	if (channels < SENDERS) {
		fprintf(stderr, "usage: ready brood|poll|epoll CHANNELS\n");
		return 2;
	}
	const bool brood = !strcmp(argv[1], "brood");
	/* Two descriptors for each, and some to spare. */
	const size_t most = (raise_descriptor_limit() - 32) / 2;
	if (channels > most)
		channels = most;
	open_channels(brood);
	pthread_t threads[SENDERS];
	for (size_t i = 0; i < SENDERS; i++) {
		pthread_barrier_init(&senders[i].go, NULL, 2);
		must(-pthread_create(&threads[i], NULL, run_sender, &senders[i]), "pthread_create");
	}
	double result = measure_calls(brood ? call_brood : !strcmp(argv[1], "poll") ? call_poll : call_epoll);
	printf("{\"ns\": %.2f, \"channels\": %zu}\n", result, channels);
	for (size_t i = 0; i < SENDERS; i++) {
		senders[i].end = NULL;
		pthread_barrier_wait(&senders[i].go);
		pthread_join(threads[i], NULL);
	}
	return 0;
}
