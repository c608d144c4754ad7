/* SPDX-License-Identifier: MIT */
/* Lines stepped by hand: both ends in one process, so that every order of events can be had on purpose. */
#include "traffic.h"

/* The source itself, in place of the library's: a ring can come late only between two instructions of it. */
#include "channel/line.c"

#include "channel/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct line one, other;

static void begin(void)
{
	GIVES(line_pair(&one, &other), 0);
}

static void finish(void)
{
	line_close(&one);
	line_close(&other);
	brood_buffer_free(&one.incoming.body);
	brood_buffer_free(&other.incoming.body);
}

/* How many tokens lie in the socket. */
static int tokens_at(const struct line *line)
{
	char bytes[64];
	ssize_t size = recv(line->fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
	return size < 0 ? 0 : (int)size;
}

static void announce(struct line *line, const void *data, size_t size)
{
	line_announce(line, &(struct frame){.kind = FRAME_DATA, .length = size}, data);
}

/* A whole message from one to the other, whatever its size. */
static void carry(struct line *from, struct line *to, size_t size, uint64_t seed)
{
	unsigned char *data = malloc(size + 1);
	traffic_fill(data, size, seed);
	announce(from, data, size);
	int taken;
	while (!(taken = line_take(to)))
		GIVES(line_push(from), 1);
	GIVES(taken, 1);
	GIVES(line_received(from), 0);
	MUST(to->incoming.body.size == size);
	MUST(traffic_matches((struct brood_bytes){to->incoming.body.data, size}, seed));
	line_acknowledge(to, false, false);
	GIVES(line_received(from), 1);
	MUST(!line_incoming(to));
	free(data);
}

START_TEST(test_sizes)
{
	begin();
	const size_t ring = one.ring;
	const size_t sizes[] = {0, 1, 8, 71, 72, 73, 4096, LINE_CHUNK - 1, LINE_CHUNK, LINE_CHUNK + 1, ring - 1, ring, ring + 1,
		2 * ring - 1, 2 * ring, 2 * ring + 1, 3 * ring + LINE_CHUNK, 7 * ring};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		carry(&one, &other, sizes[i], i);
		carry(&other, &one, sizes[i], i + 100);
	}
	GIVES(tokens_at(&one) + tokens_at(&other), 0);
	finish();
}
END_TEST

/* The numbers of messages come round after 2^32, those of bells after 2^30; nothing is seen of either. */
START_TEST(test_numbers_come_round)
{
	const uint32_t before[] = {(UINT32_C(1) << 30) - 3, UINT32_MAX - 2};
	for (int i = 0; i < 2; i++) {
		begin();
		one.sent = other.received = before[i];
		atomic_store(&one.mine->announced, before[i]);
		atomic_store(&other.mine->acknowledged, before[i]);
		for (unsigned round = 0; round < 6; round++) {
			carry(&one, &other, round * 50, round);
			line_answer_put_by(&one);
			GIVES(tokens_at(&other), 0);
			line_arm(&other);
			announce(&one, "x", 1);
			GIVES(tokens_at(&other), 1);
			line_disarm(&other);
			GIVES(other.tokens, 1);
			GIVES(line_drop_tokens(&other, 0), 0);
			GIVES(line_take(&other), 1);
			line_acknowledge(&other, false, true);
			GIVES(line_received(&one), 1);
			line_answer_put_by(&one);
			GIVES(tokens_at(&other), 1);
			other.tokens = 1;
			GIVES(line_drop_tokens(&other, 0), 0);
		}
		finish();
	}
}
END_TEST

/* A bell is rung once, only while it is armed, and only for its own message. */
START_TEST(test_bell)
{
	begin();
	announce(&one, "a", 1);
	GIVES(tokens_at(&other), 0);
	GIVES(line_take(&other), 1);
	line_acknowledge(&other, true, false);
	GIVES(line_received(&one), 1);
	MUST(other.armed);
	GIVES(tokens_at(&other), 0);
	announce(&one, "b", 1);
	GIVES(tokens_at(&other), 1);
	line_disarm(&other);
	line_disarm(&other);
	GIVES(other.tokens, 1);
	GIVES(line_drop_tokens(&other, 0), 0);
	GIVES(tokens_at(&other), 0);
	/* More bytes of an announced message ring again, once it is armed again. */
	GIVES(line_take(&other), 1);
	line_acknowledge(&other, false, false);
	size_t size = 3 * one.ring;
	void *data = calloc(1, size);
	announce(&one, data, size);
	GIVES(line_take(&other), 0);
	line_arm(&other);
	MUST(!line_incoming(&other));
	GIVES(line_push(&one), 1);
	GIVES(line_push(&one), 1);
	GIVES(tokens_at(&other), 1);
	MUST(line_incoming(&other));
	line_disarm(&other);
	GIVES(line_drop_tokens(&other, 0), 0);
	/* Armed, and taken away before anything came: nothing to wait for. */
	line_arm(&other);
	line_disarm(&other);
	GIVES(other.tokens, 0);
	free(data);
	finish();
}
END_TEST

/* A ring that comes when its message has been received, and the bell is armed for the next one, is none. */
START_TEST(test_late_ring)
{
	for (uint32_t how = ASLEEP_SOCKET; how <= ASLEEP_FUTEX; how++) {
		begin();
		announce(&one, "a", 1);
		GIVES(line_take(&other), 1);
		line_acknowledge(&other, true, false);
		atomic_store(&one.mine->message_bell, armed_for(2, how));
		ring(&one, &one.mine->message_bell, 1);
		GIVES(tokens_at(&other), 0);
		GIVES(atomic_load(&one.mine->message_bell), armed_for(2, how));
		ring(&one, &one.mine->message_bell, 2);
		GIVES(atomic_load(&one.mine->message_bell), ASLEEP_NOT);
		GIVES(tokens_at(&other), how == ASLEEP_SOCKET);
		finish();
	}
}
END_TEST

/* The ring is full until the other side has taken some, and then has room for just that. */
START_TEST(test_full_ring)
{
	begin();
	size_t size = 5 * one.ring;
	unsigned char *data = malloc(size);
	traffic_fill(data, size, 1);
	announce(&one, data, size);
	while (line_push(&one) == 1)
		;
	GIVES(one.written, one.ring);
	GIVES(line_push(&one), 0);
	GIVES(line_take(&other), 0);
	GIVES(other.incoming.body.size, one.ring);
	MUST(other.incoming.body.capacity <= 2 * one.ring);
	GIVES(line_push(&one), 1);
	free(data);
	finish();
}
END_TEST

/* Memory grows as bytes come, whatever has been announced, and what a large message took is given back. */
START_TEST(test_memory)
{
	begin();
	unsigned char *data = calloc(1, one.ring);
	frame_write(one.mine->head, &(struct frame){.kind = FRAME_DATA, .length = UINT64_C(1) << 50});
	atomic_store(&one.mine->written, 100);
	atomic_store(&one.mine->announced, 1);
	GIVES(line_take(&other), 0);
	MUST(other.incoming.body.capacity <= 256);
	finish();
	begin();
	carry(&one, &other, 8 * one.ring, 3);
	MUST(other.incoming.body.capacity >= 8 * one.ring);
	carry(&one, &other, 80, 3);
	MUST(other.incoming.body.capacity <= LINE_CHUNK);
	free(data);
	finish();
}
END_TEST

START_TEST(test_limit)
{
	begin();
	other.limit = 100;
	carry(&one, &other, 100, 1);
	brood_buffer_free(&other.incoming.body);
	char data[101] = "";
	announce(&one, data, 101);
	GIVES(line_take(&other), -EMSGSIZE);
	MUST(!other.incoming.body.capacity);
	finish();
}
END_TEST

/* With little address space the rings are smaller, and do the same. */
START_TEST(test_short_address_space)
{
	if (traffic_slow() > 1)
		support_skip("the tool needs address space of its own");
	struct rlimit limit, whole;
	getrlimit(RLIMIT_AS, &whole);
	size_t last = SIZE_MAX;
	for (size_t spare = 4u << 20; spare >= 16384; spare /= 2) {
		FILE *file = fopen("/proc/self/statm", "r");
		size_t pages = 0;
		MUST(fscanf(file, "%zu", &pages) == 1);
		fclose(file);
		limit = whole;
		limit.rlim_cur = pages * 4096 + spare;
		setrlimit(RLIMIT_AS, &limit);
		int error = line_pair(&one, &other);
		setrlimit(RLIMIT_AS, &whole);
		if (error) {
			GIVES(error, -ENOMEM);
			MUST(spare < 65536);
			break;
		}
		MUST(one.ring <= last && other.ring == one.ring);
		last = one.ring;
		carry(&one, &other, 300000, 5);
		carry(&other, &one, 3 * one.ring + 1, 6);
		finish();
	}
	MUST(last < 1u << 20);
}
END_TEST

/* --- the same with a channel on one side --------------------------------------------------------------------------- */

/* A host's event loop may well make what it polls non-blocking. */
static void *send_late(void *context)
{
	brood_channel *channel = context;
	for (unsigned i = 0; i < 20; i++) {
		support_sleep(0.005);
		GIVES(traffic_send(channel, 10, i), 0);
	}
	for (unsigned i = 0; i < 20; i++) {
		support_sleep(0.005);
		traffic_expect(channel, 10, i);
	}
	return NULL;
}

START_TEST(test_non_blocking_descriptor)
{
	traffic_ready_threads();
	brood_channel *channel, *peer;
	pthread_t thread;
	GIVES(brood_channel_pair(&channel, &peer), 0);
	int fd = brood_channel_fd(channel);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	pthread_create(&thread, NULL, send_late, peer);
	for (unsigned i = 0; i < 20; i++)
		traffic_expect(channel, 10, i);
	for (unsigned i = 0; i < 20; i++)
		GIVES(traffic_send(channel, 10, i), 0);
	pthread_join(thread, NULL);
	brood_channel_free(channel);
	brood_channel_free(peer);
}
END_TEST

/* A message that pauses on its way is waited for asleep, whenever its first bytes came. */
static double thread_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void *receive_one(void *context)
{
	static double used;
	struct brood_message message;
	double before = thread_seconds();
	GIVES(brood_receive(context, &message), 1);
	used = thread_seconds() - before;
	return &used;
}

START_TEST(test_pause_in_message)
{
	traffic_ready_threads();
	enum { SIZE = 2 << 20 };
	uint64_t random = 1;
	unsigned char *data = calloc(1, SIZE);
	/* One that looked all the time would use more than the pause in each round; on a busy machine some need that for the bytes. */
	unsigned rounds = traffic_rounds(300), busy = 0;
	for (unsigned round = 0; round < rounds; round++) {
		brood_channel *channel, *peer;
		pthread_t thread;
		GIVES(brood_channel_pair(&channel, &peer), 0);
		channel->line.patience = round % 2 ? channel->line.patience : 0;
		pthread_create(&thread, NULL, receive_one, channel);
		for (size_t i = traffic_below(&random, 20000); i; i--)
			__asm__ volatile("");
		announce(&peer->line, data, SIZE);
		support_sleep(0.006);
		while (!line_received(&peer->line))
			if (!line_push(&peer->line))
				sched_yield();
		void *used;
		pthread_join(thread, &used);
		busy += *(double *)used >= 0.005;
		brood_channel_free(channel);
		brood_channel_free(peer);
	}
	MUST(traffic_slow() > 1 || busy <= rounds / 4);
	free(data);
}
END_TEST

/* A send that the peer has received says so, whatever comes next; what is wrong with that, the next call says. */
static void *receive_then_announce(void *context)
{
	brood_channel *peer = context;
	struct brood_message message;
	GIVES(brood_receive(peer, &message), 1);
	char data[50] = "";
	announce(&peer->line, data, sizeof data);
	return NULL;
}

START_TEST(test_received_before_failure)
{
	traffic_ready_threads();
	for (unsigned round = 0; round < traffic_rounds(500); round++) {
		brood_channel *channel, *peer;
		pthread_t thread;
		GIVES(brood_channel_pair(&channel, &peer), 0);
		MUST(brood_channel_fd(channel) >= 0);
		GIVES(brood_channel_limit(channel, 20), 0);
		pthread_create(&thread, NULL, receive_then_announce, peer);
		GIVES(brood_send(channel, "x", 1), 0);
		pthread_join(thread, NULL);
		struct brood_message message;
		GIVES(brood_receive(channel, &message), -EMSGSIZE);
		GIVES(brood_send(channel, "x", 1), -EMSGSIZE);
		GIVES(brood_receive(channel, &message), -EMSGSIZE);
		brood_channel_free(channel);
		brood_channel_free(peer);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("line");
	TCase *tests = support_case(suite, "line", 20);
	tcase_add_test(tests, test_sizes);
	tcase_add_test(tests, test_numbers_come_round);
	tcase_add_test(tests, test_bell);
	tcase_add_test(tests, test_late_ring);
	tcase_add_test(tests, test_full_ring);
	tcase_add_test(tests, test_memory);
	tcase_add_test(tests, test_limit);
	tcase_add_test(tests, test_short_address_space);
	tcase_add_test(tests, test_non_blocking_descriptor);
	tcase_add_test(tests, test_pause_in_message);
	tcase_add_test(tests, test_received_before_failure);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
