/* SPDX-License-Identifier: MIT */
/* A peer that is not brood, or lies: refused, and never a crash, a read out of bounds, or memory for what it claims. */
#include "traffic.h"

#include "channel/channel.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* In the child, which is killed after a moment, whatever it does. */
typedef void hostile_fn(struct line *line, uint64_t *random);

struct hostile {
	hostile_fn *function;
	uint64_t seed;
	double seconds;
};

static int hostile_child(brood_channel *channel, void *context)
{
	struct hostile *hostile = context;
	uint64_t random = hostile->seed;
	support_deadline(hostile->seconds);
	hostile->function(&channel->line, &random);
	for (;;)
		pause();
	return 0;
}

static brood_channel *start(hostile_fn *function, uint64_t seed, double seconds)
{
	static struct hostile hostile;
	brood_channel *channel;
	hostile = (struct hostile){.function = function, .seed = seed, .seconds = seconds};
	GIVES(brood_start(&channel, hostile_child, &hostile), 0);
	return channel;
}

static void finish(brood_channel *channel)
{
	GIVES(brood_wait(channel, support_scale(10), NULL), 0);
	brood_channel_free(channel);
}

/* A message as it should not be: number counts up as it must, unless a test wants it otherwise. */
static void announce(struct line *line, enum frame_kind kind, uint64_t length, uint64_t written)
{
	frame_write(line->mine->head, &(struct frame){.kind = kind, .length = length});
	atomic_store(&line->mine->written, written);
	atomic_store(&line->mine->announced, ++line->sent);
}

/* Wakes the host as brood does, so that the lie is what it stumbles over. */
static void ring(struct line *line, _Atomic uint32_t *bell)
{
	if (atomic_exchange(bell, 0) & 3)
		MUST(send(line->fd, "!", 1, MSG_NOSIGNAL) == 1);
}

static void wake(struct line *line)
{
	ring(line, &line->mine->message_bell);
	ring(line, &line->mine->receipt_bell);
}

static void bad_magic(struct line *line, uint64_t *random)
{
	(void)random;
	frame_write(line->mine->head, &(struct frame){.kind = FRAME_DATA});
	line->mine->head[0] = 'x';
	atomic_store(&line->mine->announced, 1);
	wake(line);
}

static void bad_kind(struct line *line, uint64_t *random)
{
	(void)random;
	frame_write(line->mine->head, &(struct frame){.kind = FRAME_DATA});
	line->mine->head[4] = 77;
	atomic_store(&line->mine->announced, 1);
	wake(line);
}

static void bad_reserve(struct line *line, uint64_t *random)
{
	frame_write(line->mine->head, &(struct frame){.kind = FRAME_DATA});
	line->mine->head[5 + traffic_below(random, 3)] = 1;
	atomic_store(&line->mine->announced, 1);
	wake(line);
}

static void length_2_60(struct line *line, uint64_t *random)
{
	(void)random;
	announce(line, FRAME_DATA, UINT64_C(1) << 60, 100);
	wake(line);
}

static void length_all_ones(struct line *line, uint64_t *random)
{
	(void)random;
	announce(line, FRAME_DATA, UINT64_MAX, 100);
	wake(line);
}

static void length_negative(struct line *line, uint64_t *random)
{
	(void)random;
	announce(line, FRAME_DATA, (uint64_t)INT64_MIN, 100);
	wake(line);
}

static void written_beyond_length(struct line *line, uint64_t *random)
{
	(void)random;
	announce(line, FRAME_DATA, 1000, 1001);
	wake(line);
}

static void written_beyond_ring(struct line *line, uint64_t *random)
{
	(void)random;
	announce(line, FRAME_DATA, UINT64_C(1) << 40, line->ring + 1);
	wake(line);
}

static void written_wrong_inline(struct line *line, uint64_t *random)
{
	(void)random;
	announce(line, FRAME_DATA, 72, 71);
	wake(line);
}

static void announced_ahead(struct line *line, uint64_t *random)
{
	(void)random;
	line->sent = 6;
	announce(line, FRAME_DATA, 0, 0);
	wake(line);
}

static void announced_behind(struct line *line, uint64_t *random)
{
	(void)random;
	line->sent = UINT32_MAX - 1;
	announce(line, FRAME_DATA, 0, 0);
	wake(line);
}

static void written_goes_back(struct line *line, uint64_t *random)
{
	(void)random;
	announce(line, FRAME_DATA, 100000, 5000);
	wake(line);
	while (!atomic_load(&line->peers->consumed))
		;
	atomic_store(&line->mine->written, 4000);
	wake(line);
}

static void failure_of(struct line *line, const void *body, size_t size)
{
	memcpy(line->mine->inlined, body, size);
	announce(line, FRAME_FAILURE, size, size);
	wake(line);
}

static void empty_failure(struct line *line, uint64_t *random)
{
	(void)random;
	failure_of(line, "", 0);
}

static void cut_failure(struct line *line, uint64_t *random)
{
	(void)random;
	failure_of(line, "\1\0\0\0\0\0\0\0\5\0\0\0wor", 15);
}

static void failure_without_end(struct line *line, uint64_t *random)
{
	(void)random;
	failure_of(line, "\1\0\0\0\0\0\0\0\0\0\0\0x\0\0\0\0\0\0\0\0\0\0", 23);
}

static void failure_and_more(struct line *line, uint64_t *random)
{
	(void)random;
	failure_of(line, "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0more", 27);
}

static void huge_string(struct line *line, uint64_t *random)
{
	(void)random;
	failure_of(line, "\1\0\0\0\0\0\0\0\377\377\377\377\0\0\0\0\0\0\0\0\0\0\0", 23);
}

static void garbage_bytes(struct line *line, uint64_t *random)
{
	(void)random;
	MUST(send(line->fd, "hello", 5, MSG_NOSIGNAL) == 5);
}

static void flood(struct line *line, uint64_t *random)
{
	char tokens[4096];
	(void)random;
	memset(tokens, '!', sizeof tokens);
	for (int i = 0; i < 100; i++)
		(void)send(line->fd, tokens, sizeof tokens, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Each of these a receiver refuses, and then it stays refused; out is untouched; the claim takes no memory. */
static hostile_fn *const refused[] = {bad_magic, bad_kind, bad_reserve, length_2_60, length_all_ones, length_negative,
	written_beyond_length, written_beyond_ring, written_wrong_inline, announced_ahead, announced_behind, written_goes_back,
	empty_failure, cut_failure, failure_without_end, failure_and_more, huge_string, garbage_bytes, flood};

START_TEST(test_receiver_refuses)
{
	struct brood_message message, before;
	memset(&message, 0x5a, sizeof message);
	before = message;
	for (int poll = 0; poll < 2; poll++) {
		brood_channel *channel = start(refused[_i], 1, 0.5);
		/* Asked for late, it may find out by itself, and the channel is closed then. A peer may keep back the token that
		   it is asked for, but not its end. */
		int fd = poll ? brood_channel_fd(channel) : -1;
		MUST(fd < 0 || traffic_readable(fd, support_scale(4)));
		GIVES(brood_receive(channel, &message), -EBADMSG);
		MUST(channel->line.incoming.body.capacity < 1 << 20);
		MUST(!memcmp(&message, &before, sizeof message));
		GIVES(brood_receive(channel, &message), -EBADMSG);
		GIVES(brood_send(channel, "x", 1), -EBADMSG);
		brood_channel_kill(channel, SIGKILL);
		finish(channel);
	}
}
END_TEST

/* The same while this side sends. A failure is put by as it is, and refused when it is received. */
START_TEST(test_sender_refuses)
{
	brood_channel *channel = start(refused[_i], 1, 0.2);
	struct brood_message message;
	int result = brood_send(channel, "x", 1);
	MUST(result == -EBADMSG || result == -EPIPE);
	GIVES(brood_receive(channel, &message), -EBADMSG);
	brood_channel_kill(channel, SIGKILL);
	finish(channel);
}
END_TEST

/* --- lies about what this side sent ---------------------------------------------------------------------------------- */

static void acknowledged_ahead(struct line *line, uint64_t *random)
{
	(void)random;
	while (!atomic_load(&line->peers->announced))
		;
	atomic_store(&line->mine->acknowledged, 5);
	wake(line);
}

static void acknowledged_unread(struct line *line, uint64_t *random)
{
	(void)random;
	while (!atomic_load(&line->peers->announced))
		;
	atomic_store(&line->mine->acknowledged, 1);
	wake(line);
}

static void consumed_ahead(struct line *line, uint64_t *random)
{
	(void)random;
	while (!atomic_load(&line->peers->announced))
		;
	atomic_store(&line->mine->consumed, UINT64_MAX);
	wake(line);
}

static void consumed_back(struct line *line, uint64_t *random)
{
	(void)random;
	while (atomic_load(&line->peers->written) < line->ring)
		;
	atomic_store(&line->mine->consumed, 5000);
	wake(line);
	support_sleep(0.01);
	atomic_store(&line->mine->consumed, 4000);
	wake(line);
}

static hostile_fn *const lies[] = {acknowledged_ahead, acknowledged_unread, consumed_ahead, consumed_back};

START_TEST(test_lies_to_a_sender)
{
	char *data = calloc(1, 4 << 20);
	brood_channel *channel = start(lies[_i], 1, 5);
	GIVES(brood_send(channel, data, 4 << 20), -EBADMSG);
	GIVES(brood_send(channel, "x", 1), -EBADMSG);
	brood_channel_kill(channel, SIGKILL);
	finish(channel);
	free(data);
}
END_TEST

/* --- a peer that does all of it at random ---------------------------------------------------------------------------- */

static void scribble_all(struct line *line, uint64_t *random)
{
	for (;;) {
		unsigned char *half = (unsigned char *)(traffic_below(random, 4) ? line->mine : line->peers);
		uint64_t word = traffic_random(random) >> traffic_below(random, 64);
		size_t at = traffic_below(random, sizeof(struct line_half) - sizeof word + 1);
		memcpy(half + at, &word, traffic_below(random, sizeof word) + 1);
		if (!traffic_below(random, 64))
			(void)send(line->fd, "!", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

/* Nearly right: heads as they should be, numbers nearly so, so that it gets far. */
static void scribble_nearly(struct line *line, uint64_t *random)
{
	for (;;) {
		uint64_t length = traffic_random(random) >> traffic_below(random, 64);
		switch (traffic_below(random, 10)) {
		case 0:
			line->sent = atomic_load(&line->peers->acknowledged);
			frame_write(line->mine->head, &(struct frame){.kind = FRAME_DATA + (traffic_below(random, 4) == 0), .length = length});
			atomic_store(&line->mine->written, length < 4000 ? length : traffic_below(random, 4000));
			atomic_store(&line->mine->announced, line->sent + 1);
			break;
		case 1:
			atomic_fetch_add(&line->mine->written, traffic_below(random, line->ring));
			break;
		case 2:
			atomic_store(&line->mine->acknowledged, atomic_load(&line->peers->announced));
			break;
		case 3:
			atomic_store(&line->mine->consumed, atomic_load(&line->peers->written));
			break;
		case 4:
			atomic_store(&line->mine->consumed, length);
			break;
		case 5:
			memset(line->outgoing_ring + traffic_below(random, line->ring), (int)length, 1);
			break;
		case 6:
			atomic_store(&line->mine->message_bell, (uint32_t)length);
			break;
		case 7:
			atomic_store(&line->mine->receipt_bell, (uint32_t)length);
			break;
		case 8:
			atomic_store(&line->mine->put_by, (uint32_t)length);
			break;
		default:
			if (!traffic_below(random, 8))
				(void)send(line->fd, "!", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
			else
				sched_yield();
		}
	}
}

static void use(brood_channel *channel, uint64_t *random, unsigned char *data, size_t most)
{
	struct brood_message message;
	for (;;) {
		size_t size = traffic_below(random, 4) ? traffic_below(random, 100) : traffic_below(random, most);
		int result;
		if (traffic_below(random, 8) == 0)
			(void)brood_channel_fd(channel);
		if (traffic_below(random, 2)) {
			result = brood_send(channel, data, size);
		} else {
			result = brood_receive(channel, &message);
			/* All that is given can be read. */
			for (size_t i = 0; result == 1 && i < message.body.size; i += 64)
				data[0] ^= ((const unsigned char *)message.body.data)[i];
			if (result == 1 && message.failure)
				data[0] ^= (unsigned char)strlen(message.failure->message);
			if (result == 1)
				continue;
		}
		if (!result)
			continue;
		MUST(result == -EBADMSG || result == -EPIPE || result == -ECONNRESET || result == -EMSGSIZE || result == -ENOBUFS);
		return;
	}
}

static void run_scribbler(hostile_fn *function, unsigned rounds)
{
	enum { MOST = 3 << 20 };
	unsigned char *data = calloc(1, MOST);
	for (unsigned i = 0; i < traffic_rounds(rounds); i++) {
		uint64_t random = i + 1;
		brood_channel *channel = start(function, i, 0.02);
		if (i % 2)
			GIVES(brood_channel_limit(channel, 1 << 20), 0);
		/* An endless message is bounded by what comes, but that may come for long. */
		double begin = support_now();
		use(channel, &random, data, MOST);
		MUST(support_now() - begin < support_scale(4));
		brood_channel_kill(channel, SIGKILL);
		finish(channel);
	}
	free(data);
}

START_TEST(test_scribbler)
{
	run_scribbler(scribble_all, 150);
}
END_TEST

START_TEST(test_near_scribbler)
{
	run_scribbler(scribble_nearly, 300);
}
END_TEST

/* A peer that never reads the tokens that it is sent does not make this side wait. */
static void deaf(struct line *line, uint64_t *random)
{
	(void)random;
	for (;;)
		if (line_take(line) == 1)
			line_acknowledge(line, true, true);
}

START_TEST(test_tokens_unread)
{
	brood_channel *channel = start(deaf, 1, 5);
	for (unsigned i = 0; i < 3000; i++)
		GIVES(brood_send(channel, &i, sizeof i), 0);
	brood_channel_kill(channel, SIGKILL);
	finish(channel);
}
END_TEST

/* One that shuts its socket but lives on has ended. */
static void shut(struct line *line, uint64_t *random)
{
	(void)random;
	shutdown(line->fd, SHUT_RDWR);
}

START_TEST(test_shut)
{
	struct brood_message message;
	brood_channel *channel = start(shut, 1, 5);
	GIVES(brood_receive(channel, &message), 0);
	GIVES(brood_send(channel, "x", 1), -EPIPE);
	brood_channel_kill(channel, SIGKILL);
	finish(channel);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("hostile peer");
	TCase *tests = support_case(suite, "hostile", 30);
	tcase_add_loop_test(tests, test_receiver_refuses, 0, (int)(sizeof refused / sizeof *refused));
	tcase_add_loop_test(tests, test_sender_refuses, 0, (int)(sizeof refused / sizeof *refused));
	tcase_add_loop_test(tests, test_lies_to_a_sender, 0, (int)(sizeof lies / sizeof *lies));
	tcase_add_test(tests, test_scribbler);
	tcase_add_test(tests, test_near_scribbler);
	tcase_add_test(tests, test_tokens_unread);
	tcase_add_test(tests, test_shut);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
