/* SPDX-License-Identifier: MIT */
/* Channels, sentence by sentence of the header. */
#include "traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int echo_child(brood_channel *channel, void *context)
{
	struct brood_message message;
	int result;
	(void)context;
	while ((result = brood_receive(channel, &message)) == 1)
		GIVES(brood_send(channel, message.body.data, message.body.size), 0);
	return result ? 99 : 0;
}

/* Runs the function in a child, with the channel left to the caller. */
static brood_channel *start(brood_process_fn *function, void *context)
{
	brood_channel *channel;
	GIVES(brood_start(&channel, function, context), 0);
	return channel;
}

static void finish(brood_channel *channel)
{
	GIVES(brood_close(channel), 0);
	traffic_ended(channel, 0);
	brood_channel_free(channel);
}

START_TEST(test_arguments)
{
	brood_channel *one, *two;
	struct brood_message message;
	struct brood_status status;
	GIVES(brood_create(NULL), -EINVAL);
	GIVES(brood_start(NULL, echo_child, NULL), -EINVAL);
	GIVES(brood_start(&one, NULL, NULL), -EINVAL);
	GIVES(brood_channel_pair(NULL, &two), -EINVAL);
	GIVES(brood_channel_pair(&one, NULL), -EINVAL);
	GIVES(brood_send(NULL, "", 0), -EINVAL);
	GIVES(brood_receive(NULL, &message), -EINVAL);
	GIVES(brood_close(NULL), -EINVAL);
	GIVES(brood_wait(NULL, 0, &status), -EINVAL);
	GIVES(brood_channel_kill(NULL, 0), -EINVAL);
	GIVES(brood_outlive(NULL), -EINVAL);
	GIVES(brood_channel_limit(NULL, 1), -EINVAL);
	GIVES(brood_channel_fd(NULL), -1);
	GIVES(brood_channel_pid(NULL), 0);
	brood_channel_free(NULL);
	GIVES(brood_channel_pair(&one, &two), 0);
	GIVES(brood_send(one, NULL, 1), -EINVAL);
	GIVES(brood_receive(one, NULL), -EINVAL);
	/* No child: nothing to kill, and nothing to wait for. */
	GIVES(brood_channel_pid(one), 0);
	GIVES(brood_channel_kill(one, SIGKILL), -EINVAL);
	GIVES(brood_outlive(one), -EINVAL);
	memset(&status, 0x5a, sizeof status);
	GIVES(brood_wait(one, -1, &status), 0);
	MUST(!status.pid && !status.exit_code && !status.signal && status.user_seconds <= 0 && !status.peak_bytes);
	GIVES(brood_wait(one, -1, NULL), 0);
	brood_channel_free(one);
	brood_channel_free(two);
}
END_TEST

START_TEST(test_sizes)
{
	const size_t ring = 1 << 20;
	const size_t sizes[] = {0, 1, 2, 71, 72, 73, 127, 128, 4095, 4096, 4097, 65535, 65536, 65537, ring / 4, ring - 1, ring,
		ring + 1, 2 * ring - 1, 2 * ring, 2 * ring + 1, 10 * ring + 17};
	brood_channel *channel = start(echo_child, NULL);
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		GIVES(traffic_send(channel, sizes[i], i), 0);
		traffic_expect(channel, sizes[i], i);
	}
	/* Nothing at all may be no place. */
	GIVES(brood_send(channel, NULL, 0), 0);
	struct brood_message message;
	GIVES(brood_receive(channel, &message), 1);
	MUST(!message.body.size && !message.failure);
	finish(channel);
}
END_TEST

struct stream {
	unsigned count;
	bool poll;
};

static int count_child(brood_channel *channel, void *context)
{
	const struct stream *stream = context;
	for (unsigned i = 0; i < stream->count; i++)
		if (brood_send(channel, &i, sizeof i))
			return 1;
	return 0;
}

START_TEST(test_million)
{
	for (int poll = 0; poll < 2; poll++) {
		struct stream stream = {.count = traffic_rounds(poll ? 100000 : 1000000), .poll = poll};
		brood_channel *channel = start(count_child, &stream);
		int fd = poll ? brood_channel_fd(channel) : -1;
		for (unsigned i = 0; i < stream.count; i++) {
			struct brood_message message;
			unsigned number;
			if (poll && i % 16 == 0)
				MUST(traffic_readable(fd, support_scale(5)));
			MUST(brood_receive(channel, &message) == 1 && message.body.size == sizeof number);
			memcpy(&number, message.body.data, sizeof number);
			MUST(number == i);
		}
		traffic_ended(channel, 0);
		finish(channel);
	}
}
END_TEST

/* A message stays until the next receive, whether or not that one gives anything, and in between all may be sent. */
START_TEST(test_view)
{
	brood_channel *channel = start(echo_child, NULL);
	struct brood_message first;
	for (size_t size = 1; size < 3 << 20; size = size * 5 + 3) {
		GIVES(traffic_send(channel, size, 1), 0);
		GIVES(brood_receive(channel, &first), 1);
		GIVES(traffic_send(channel, size + 100, 2), 0);
		MUST(first.body.size == size && traffic_matches(first.body, 1));
		traffic_expect(channel, size + 100, 2);
	}
	finish(channel);
}
END_TEST

/* brood_send comes back only once the other side has received. */
static int late_receiver(brood_channel *channel, void *context)
{
	(void)context;
	support_sleep(0.2);
	traffic_expect(channel, 10, 1);
	support_sleep(0.2);
	traffic_expect(channel, 3 << 20, 2);
	return 0;
}

START_TEST(test_acknowledged)
{
	brood_channel *channel = start(late_receiver, NULL);
	double begin = support_now();
	GIVES(traffic_send(channel, 10, 1), 0);
	MUST(support_now() - begin >= 0.19);
	GIVES(traffic_send(channel, 3 << 20, 2), 0);
	MUST(support_now() - begin >= 0.39);
	finish(channel);
}
END_TEST

/* A child that sends and is gone loses nothing. */
static int send_and_leave(brood_channel *channel, void *context)
{
	GIVES(traffic_send(channel, *(size_t *)context, 3), 0);
	_exit(0);
}

START_TEST(test_send_and_leave)
{
	const size_t sizes[] = {0, 8, 80, 3 << 20};
	for (unsigned i = 0; i < traffic_rounds(100); i++) {
		size_t size = sizes[i % 4];
		brood_channel *channel = start(send_and_leave, &size);
		struct brood_message message;
		if (i % 3 == 0)
			support_sleep(0.001);
		if (i % 2)
			MUST(traffic_readable(brood_channel_fd(channel), support_scale(5)));
		traffic_expect(channel, size, 3);
		GIVES(brood_receive(channel, &message), 0);
		GIVES(brood_receive(channel, &message), 0);
		finish(channel);
	}
}
END_TEST

/* The answers of a closed channel, its own and the peer's. */
START_TEST(test_closed)
{
	brood_channel *one, *two;
	struct brood_message message, before;
	memset(&message, 0x5a, sizeof message);
	before = message;
	GIVES(brood_channel_pair(&one, &two), 0);
	MUST(brood_channel_fd(one) >= 0);
	GIVES(brood_close(one), 0);
	GIVES(brood_close(one), 0);
	GIVES(brood_channel_fd(one), -1);
	GIVES(brood_send(one, "x", 1), -EPIPE);
	GIVES(brood_receive(one, &message), 0);
	GIVES(brood_channel_limit(one, 1), 0);
	MUST(traffic_readable(brood_channel_fd(two), 1));
	GIVES(brood_send(two, "x", 1), -EPIPE);
	GIVES(brood_receive(two, &message), 0);
	GIVES(brood_send(two, "x", 1), -EPIPE);
	GIVES(brood_receive(two, &message), 0);
	MUST(!memcmp(&message, &before, sizeof message));
	brood_channel_free(one);
	brood_channel_free(two);
}
END_TEST

static int send_sizes(brood_channel *channel, void *context)
{
	(void)context;
	GIVES(traffic_send(channel, 100, 1), 0);
	GIVES(traffic_send(channel, 101, 2), -EPIPE);
	GIVES(brood_send(channel, "", 1), -EPIPE);
	return 0;
}

START_TEST(test_limit)
{
	struct brood_message message, before;
	memset(&message, 0x5a, sizeof message);
	before = message;
	brood_channel *channel = start(send_sizes, NULL);
	GIVES(brood_channel_limit(channel, 100), 0);
	traffic_expect(channel, 100, 1);
	GIVES(brood_receive(channel, &message), -EMSGSIZE);
	GIVES(brood_receive(channel, &message), -EMSGSIZE);
	GIVES(brood_send(channel, "", 1), -EMSGSIZE);
	GIVES(brood_channel_fd(channel), -1);
	MUST(!memcmp(&message, &before, sizeof message));
	finish(channel);
	/* 0 takes a limit away again. */
	channel = start(echo_child, NULL);
	GIVES(brood_channel_limit(channel, 1), 0);
	GIVES(brood_channel_limit(channel, 0), 0);
	GIVES(traffic_send(channel, 5000, 1), 0);
	traffic_expect(channel, 5000, 1);
	finish(channel);
}
END_TEST

/* What does not fit into memory is an error, and so is told on both sides. */
static int send_huge(brood_channel *channel, void *context)
{
	(void)context;
	GIVES(traffic_send(channel, 256 << 20, 1), -EPIPE);
	return 0;
}

START_TEST(test_no_memory)
{
	if (traffic_slow() > 1)
		support_skip("the tool needs address space of its own");
	struct brood_message message, before;
	memset(&message, 0x5a, sizeof message);
	before = message;
	brood_channel *channel = start(send_huge, NULL);
	setrlimit(RLIMIT_AS, &(struct rlimit){.rlim_cur = 150 << 20, .rlim_max = RLIM_INFINITY});
	GIVES(brood_receive(channel, &message), -ENOMEM);
	GIVES(brood_receive(channel, &message), -ENOMEM);
	MUST(!memcmp(&message, &before, sizeof message));
	finish(channel);
}
END_TEST

/* In a forked process, whoever forked, the parent's objects are nobody's, and their descriptors closed. */
static void check_foreign(brood_channel *channel, int fd)
{
	struct brood_message message;
	struct brood_status status;
	MUST(fcntl(fd, F_GETFD) < 0);
	MUST(brood_send(channel, "x", 1) == -EPERM);
	MUST(brood_raise(channel, 1, "T", "x") == -EPERM);
	MUST(brood_receive(channel, &message) == -EPERM);
	MUST(brood_wait(channel, 0, &status) == -EPERM);
	MUST(brood_channel_kill(channel, SIGKILL) == -EPERM);
	MUST(brood_outlive(channel) == -EPERM);
	MUST(brood_channel_limit(channel, 0) == -EPERM);
	MUST(brood_channel_fd(channel) == -1);
	MUST(brood_close(channel) == -EPERM);
	brood_channel_free(channel);
}

struct foreign {
	brood_channel *channel;
	int fd;
};

static int foreign_child(brood_channel *channel, void *context)
{
	struct foreign *foreign = context;
	check_foreign(foreign->channel, foreign->fd);
	GIVES(traffic_send(channel, 4, 4), 0);
	return 0;
}

START_TEST(test_after_fork)
{
	brood_channel *channel = start(echo_child, NULL);
	struct foreign foreign = {.channel = channel, .fd = brood_channel_fd(channel)};
	GIVES(traffic_send(channel, 200, 1), 0);
	pid_t pid = fork();
	MUST(pid >= 0);
	if (!pid) {
		check_foreign(channel, foreign.fd);
		_exit(0);
	}
	support_join_ok(pid, 10);
	brood_channel *other = start(foreign_child, &foreign);
	traffic_expect(other, 4, 4);
	finish(other);
	traffic_expect(channel, 200, 1);
	finish(channel);
}
END_TEST

/* The end of one child's channel comes although its siblings, made later, live on. */
START_TEST(test_siblings)
{
	brood_channel *channels[4];
	struct brood_message message;
	for (int i = 0; i < 4; i++)
		channels[i] = start(echo_child, NULL);
	for (int i = 0; i < 4; i++) {
		GIVES(brood_channel_kill(channels[i], SIGKILL), 0);
		GIVES(brood_receive(channels[i], &message), 0);
		if (i < 3)
			GIVES(traffic_send(channels[i + 1], 9, 9), 0);
		if (i < 3)
			traffic_expect(channels[i + 1], 9, 9);
	}
	for (int i = 0; i < 4; i++)
		brood_channel_free(channels[i]);
	GIVES(brood_waitall(support_scale(10)), 0);
}
END_TEST

/* As fork: the child's own code goes on from brood_create. */
START_TEST(test_create)
{
	brood_channel *channel;
	int pid = brood_create(&channel);
	MUST(pid >= 0);
	if (!pid) {
		struct brood_status status;
		MUST(brood_channel_pid(channel) == 0 && brood_wait(channel, -1, &status) == 0);
		traffic_expect(channel, 5, 5);
		GIVES(traffic_send(channel, 6, 6), 0);
		brood_suicide(4);
	}
	GIVES(brood_channel_pid(channel), pid);
	GIVES(traffic_send(channel, 5, 5), 0);
	traffic_expect(channel, 6, 6);
	GIVES(brood_wait(channel, 0, NULL) == 0 || brood_wait(channel, 5, NULL) == 0, 1);
	traffic_ended(channel, 4);
	brood_channel_free(channel);
}
END_TEST

/* SIGPIPE does not come, though its disposition is the default, and nothing lands on closed standard descriptors. */
START_TEST(test_closed_standard)
{
	support_close_standard();
	signal(SIGPIPE, SIG_DFL);
	brood_channel *channel = start(echo_child, NULL);
	MUST(brood_channel_fd(channel) > 2);
	GIVES(traffic_send(channel, 3 << 20, 1), 0);
	traffic_expect(channel, 3 << 20, 1);
	GIVES(brood_channel_kill(channel, SIGKILL), 0);
	GIVES(brood_wait(channel, -1, NULL), 0);
	GIVES(brood_send(channel, "x", 1), -EPIPE);
	brood_channel_free(channel);
}
END_TEST

/* Every descriptor is close-on-exec. */
START_TEST(test_close_on_exec)
{
	brood_channel *one, *two;
	GIVES(brood_channel_pair(&one, &two), 0);
	brood_channel *channel = start(echo_child, NULL);
	for (int fd = 3; fd < 64; fd++)
		MUST(fd == brood_channel_fd(one) || fd == brood_channel_fd(two) || fd == brood_channel_fd(channel) ?
		     fcntl(fd, F_GETFD) == FD_CLOEXEC : 1);
	finish(channel);
	brood_channel_free(one);
	brood_channel_free(two);
}
END_TEST

/* All goes on while signals come every now and then, with handlers that restart nothing. */
START_TEST(test_storm)
{
	brood_channel *channel = start(echo_child, NULL);
	support_storm_start(0.0003);
	for (unsigned i = 0; i < traffic_rounds(300); i++) {
		size_t size = i % 20 ? i : 1 << 20;
		GIVES(traffic_send(channel, size, i), 0);
		if (i % 2)
			MUST(brood_channel_fd(channel) >= 0);
		traffic_expect(channel, size, i);
		if (i % 10 == 0)
			support_sleep(0.001);
	}
	support_storm_stop();
	MUST(support_storm_count() > 3);
	finish(channel);
}
END_TEST

START_TEST(test_descriptors_used_up)
{
	struct rlimit limit, before;
	getrlimit(RLIMIT_NOFILE, &before);
	brood_channel *channel = (brood_channel *)&limit, *other = channel, *out = channel;
	for (rlim_t most = (rlim_t)support_descriptors(); most < 40; most++) {
		limit = (struct rlimit){.rlim_cur = most, .rlim_max = before.rlim_max};
		setrlimit(RLIMIT_NOFILE, &limit);
		int error = brood_channel_pair(&channel, &other);
		if (error) {
			GIVES(error, -EMFILE);
			MUST(channel == out && other == out);
		} else {
			brood_channel_free(channel);
			brood_channel_free(other);
			channel = other = out;
		}
		error = brood_start(&channel, echo_child, NULL);
		setrlimit(RLIMIT_NOFILE, &before);
		if (error) {
			GIVES(error, -EMFILE);
			MUST(channel == out);
			continue;
		}
		finish(channel);
		break;
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("channel");
	TCase *tests = support_case(suite, "channel", 20);
	tcase_add_test(tests, test_arguments);
	tcase_add_test(tests, test_sizes);
	tcase_add_test(tests, test_view);
	tcase_add_test(tests, test_acknowledged);
	tcase_add_test(tests, test_send_and_leave);
	tcase_add_test(tests, test_closed);
	tcase_add_test(tests, test_limit);
	tcase_add_test(tests, test_no_memory);
	tcase_add_test(tests, test_after_fork);
	tcase_add_test(tests, test_siblings);
	tcase_add_test(tests, test_create);
	tcase_add_test(tests, test_closed_standard);
	tcase_add_test(tests, test_close_on_exec);
	tcase_add_test(tests, test_storm);
	tcase_add_test(tests, test_descriptors_used_up);
	/* On a busy machine each message waits for its turn. */
	tcase_add_test(support_case(suite, "many", 90), test_million);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
