/* SPDX-License-Identifier: MIT */
/* Children that hang, and hosts that forget: limits on sends and receives, and what is left of children that were freed. */
#include "traffic.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int hang(brood_channel *channel, void *context)
{
	(void)channel;
	(void)context;
	for (;;)
		pause();
	return 0;
}

static brood_channel *start(brood_process_fn *function, void *context)
{
	brood_channel *channel;
	GIVES(brood_start(&channel, function, context), 0);
	return channel;
}

static void end(brood_channel *channel)
{
	brood_channel_kill(channel, SIGKILL);
	GIVES(brood_wait(channel, support_scale(5), NULL), 0);
	brood_channel_free(channel);
}

START_TEST(test_send_has_a_limit)
{
	size_t sizes[] = {8, 3 << 20};
	for (int i = 0; i < 2; i++) {
		brood_channel *channel = start(hang, NULL);
		char *data = calloc(1, sizes[i]);
		GIVES(brood_channel_timeout(channel, 0.1), 0);
		double begin = support_now();
		GIVES(brood_send(channel, data, sizes[i]), -ETIMEDOUT);
		MUST(support_now() - begin >= 0.1 && support_now() - begin < support_scale(5));
		/* It ends the channel: what the peer has of it cannot be taken back. */
		GIVES(brood_send(channel, data, sizes[i]), -ETIMEDOUT);
		GIVES(brood_channel_fd(channel), -1);
		free(data);
		end(channel);
	}
}
END_TEST

static int send_when_told(brood_channel *channel, void *context)
{
	struct brood_message message;
	GIVES(brood_receive(channel, &message), 1);
	support_sleep(*(double *)context);
	return brood_send(channel, "late", 4);
}

/* A receive that gave up has changed nothing: the message comes to the next one, and to whoever polls. */
START_TEST(test_receive_has_a_limit)
{
	for (int polled = 0; polled < 2; polled++) {
		double delay = support_scale(0.3);
		brood_channel *channel = start(send_when_told, &delay);
		struct brood_message message = {.body = {&message, 1}};
		if (polled)
			MUST(brood_channel_fd(channel) >= 0);
		GIVES(brood_channel_timeout(channel, 0), 0);
		GIVES(brood_receive(channel, &message), -ETIMEDOUT);
		MUST(message.body.data == &message);
		GIVES(brood_channel_timeout(channel, -1), 0);
		GIVES(brood_send(channel, "go", 2), 0);
		GIVES(brood_channel_timeout(channel, 0.01), 0);
		GIVES(brood_receive(channel, &message), -ETIMEDOUT);
		struct pollfd item = {.fd = brood_channel_fd(channel), .events = POLLIN};
		GIVES(poll(&item, 1, 0), 0);
		GIVES(poll(&item, 1, (int)(support_scale(10) * 1000)), 1);
		GIVES(brood_receive(channel, &message), 1);
		GIVES(message.body.size, 4);
		GIVES(brood_channel_timeout(channel, 0.0 / 0.0), -EINVAL);
		end(channel);
	}
}
END_TEST

static int stop_within(brood_channel *channel, void *context)
{
	(void)context;
	char *data = calloc(1, 64 << 20);
	/* It waits for room that the host has not made, and is stopped there. */
	GIVES(brood_send(channel, data, 64 << 20), 0);
	return 0;
}

/* Stopped in the middle of a message, a child makes its channel ready, but does not hold the host for ever. */
START_TEST(test_stopped_within_a_message)
{
	brood_channel *channel = start(stop_within, NULL);
	struct pollfd item = {.fd = brood_channel_fd(channel), .events = POLLIN};
	struct brood_message message;
	GIVES(poll(&item, 1, (int)(support_scale(10) * 1000)), 1);
	GIVES(brood_channel_kill(channel, SIGSTOP), 0);
	support_sleep(0.05);
	GIVES(brood_channel_timeout(channel, 0.1), 0);
	GIVES(brood_receive(channel, &message), -ETIMEDOUT);
	GIVES(brood_channel_kill(channel, SIGCONT), 0);
	GIVES(brood_channel_timeout(channel, support_scale(20)), 0);
	GIVES(brood_receive(channel, &message), 1);
	GIVES(message.body.size, 64 << 20);
	end(channel);
}
END_TEST

static void expect_hi(brood_channel *channel)
{
	struct brood_message message;
	GIVES(brood_receive(channel, &message), 1);
	MUST(message.body.size == 2 && !memcmp(message.body.data, "hi", 2));
}

static int free_own(brood_channel *channel, void *context)
{
	(void)context;
	GIVES(brood_send(channel, "hi", 2), 0);
	brood_channel_free(channel);
	return 3;
}

START_TEST(test_child_frees_its_channel)
{
	brood_channel *channel = start(free_own, NULL);
	struct brood_status status;
	expect_hi(channel);
	GIVES(brood_wait(channel, support_scale(5), &status), 0);
	GIVES(status.signal, 0);
	GIVES(status.exit_code, 3);
	brood_channel_free(channel);
}
END_TEST

/* Freed as soon as their answer is there, children have not ended yet; the next ones collect them. */
START_TEST(test_freed_children_do_not_pile_up)
{
	int children = support_children(), descriptors = support_descriptors();
	for (unsigned i = 0; i < traffic_rounds(300); i++) {
		brood_channel *channel = start(free_own, NULL);
		expect_hi(channel);
		brood_channel_free(channel);
		MUST(support_children() - children < 100 && support_descriptors() - descriptors < 100);
	}
	GIVES(brood_waitall(support_scale(5)), 0);
}
END_TEST

/* An exchange waits also for a child whose channel ended by an error. */
START_TEST(test_exchange_waits_after_errors)
{
	brood_exchange *exchange;
	GIVES(brood_exchange_new(&exchange, 0), 0);
	int children = support_children();
	brood_channel *idle = start(hang, NULL), *channel = start(stop_within, NULL), *out;
	GIVES(brood_exchange_add(exchange, idle), 0);
	GIVES(brood_exchange_add(exchange, channel), 0);
	struct brood_message message;
	GIVES(brood_exchange_ready(exchange, &out, 1, support_scale(5)), 1);
	GIVES(brood_channel_kill(channel, SIGKILL), 0);
	GIVES(brood_receive(channel, &message), -ECONNRESET);
	double deadline = support_now() + support_scale(5);
	while (support_children() > children + 1) {
		GIVES(brood_exchange_ready(exchange, &out, 1, 0.01), 0);
		MUST(support_now() < deadline);
	}
	brood_channel_kill(idle, SIGKILL);
	GIVES(brood_wait(idle, support_scale(5), NULL), 0);
	brood_exchange_free(exchange);
}
END_TEST

static void host_of_outliver(void *context)
{
	pid_t *shared = context;
	const char *argv[] = {"sleep", "100", NULL};
	brood_process *process;
	GIVES(brood_spawn(&process, BROOD_PROGRAM(.argv = argv, .search = true, .flags = BROOD_OUTLIVE)), 0);
	*shared = brood_process_pid(process);
	_exit(0);
}

/* Whether the parent of a process is no keeper. */
static bool keeper_left(void *context)
{
	char path[64], line[256], name[64] = "";
	int parent = 0;
	snprintf(path, sizeof path, "/proc/%d/status", *(pid_t *)context);
	FILE *file = fopen(path, "re");
	MUST(file);
	while (fgets(line, sizeof line, file))
		sscanf(line, "PPid: %d", &parent);
	fclose(file);
	snprintf(path, sizeof path, "/proc/%d/comm", parent);
	file = fopen(path, "re");
	if (file) {
		if (!fgets(name, sizeof name, file))
			*name = '\0';
		fclose(file);
	}
	return strcmp(name, "brood-keeper\n") != 0;
}

/* With its host gone, a keeper of what outlives it is of no use, and holds the host's memory: it goes too. */
START_TEST(test_keeper_of_an_outliver_leaves)
{
	pid_t *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(shared != MAP_FAILED);
	pid_t host = fork();
	if (!host)
		host_of_outliver(shared);
	GIVES(waitpid(host, NULL, 0), host);
	pid_t program = *shared;
	MUST(program > 0 && support_process_alive(program));
	MUST(support_wait_until(keeper_left, &program, 5));
	MUST(support_process_alive(program));
	kill(program, SIGKILL);
	MUST(support_process_gone(program, 5));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("patience");
	TCase *tests = support_case(suite, "patience", 60);
	tcase_add_test(tests, test_send_has_a_limit);
	tcase_add_test(tests, test_receive_has_a_limit);
	tcase_add_test(tests, test_stopped_within_a_message);
	tcase_add_test(tests, test_child_frees_its_channel);
	tcase_add_test(tests, test_freed_children_do_not_pile_up);
	tcase_add_test(tests, test_exchange_waits_after_errors);
	tcase_add_test(tests, test_keeper_of_an_outliver_leaves);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
