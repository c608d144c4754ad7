/* SPDX-License-Identifier: MIT */
/* Which descriptors children get, and what becomes of the parent's objects in them. */
#include "base/lineage.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* The descriptors that are open, as bits; the test itself has none above 63. */
static uint64_t open_descriptors(void)
{
	uint64_t open = 0;
	for (int fd = 3; fd < 64; fd++)
		open |= (uint64_t)is_open(fd) << fd;
	return open;
}

static int send_descriptors(brood_channel *channel, void *context)
{
	uint64_t open = open_descriptors();
	(void)context;
	return brood_send(channel, &open, sizeof open) ? 1 : 0;
}

START_TEST(adopted_descriptors)
{
	int pair[2] = {-7, -7}, outer[2];
	unsigned generation = lineage_generation();
	errno = EMFILE;
	ck_assert_int_eq(lineage_adopt(-1), -EMFILE);
	lineage_close(-1);
	ck_assert_int_eq(lineage_socketpair(-1, pair), -EINVAL);
	ck_assert(pair[0] == -7 && pair[1] == -7);
	ck_assert_int_eq(lineage_socketpair(SOCK_STREAM, pair), 0);
	ck_assert(fcntl(pair[0], F_GETFD) == FD_CLOEXEC && fcntl(pair[1], F_GETFD) == FD_CLOEXEC);
	ck_assert_int_eq(pipe2(outer, O_CLOEXEC), 0);
	int high = lineage_adopt(fcntl(outer[0], F_DUPFD_CLOEXEC, 1000));
	ck_assert_int_eq(high, 1000);
	/* A plain fork closes what is brood's, and leaves what is the user's. */
	pid_t pid = fork();
	if (!pid) {
		bool right = !is_open(pair[0]) && !is_open(pair[1]) && !is_open(high) && is_open(outer[0]) && is_open(outer[1]);
		_exit(!right || lineage_generation() == generation);
	}
	ck_assert_int_eq(support_join(pid, 10), 0);
	ck_assert(is_open(pair[0]) && is_open(high) && lineage_generation() == generation);
	/* Forgotten: the number may be the user's next. */
	lineage_close(pair[0]);
	int mine = fcntl(outer[0], F_DUPFD_CLOEXEC, pair[0]);
	ck_assert_int_eq(mine, pair[0]);
	pid = fork();
	if (!pid)
		_exit(!is_open(mine));
	ck_assert_int_eq(support_join(pid, 10), 0);
	close(mine);
	lineage_close(pair[1]);
	lineage_close(high);
	close(outer[0]);
	close(outer[1]);
}
END_TEST

static void land_low(void *context)
{
	int pair[2];
	(void)context;
	support_close_standard();
	ck_assert_int_eq(lineage_socketpair(SOCK_STREAM, pair), 0);
	ck_assert(pair[0] > 2 && pair[1] > 2 && !is_open(0) && !is_open(1) && !is_open(2));
	lineage_close(pair[0]);
	lineage_close(pair[1]);
	int fd = lineage_adopt(open("/dev/null", O_RDONLY | O_CLOEXEC));
	ck_assert(fd > 2 && !is_open(0));
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	lineage_close(fd);
}

START_TEST(nothing_lands_on_standard_descriptors)
{
	support_join_ok(support_fork(land_low, NULL, 10), 10);
}
END_TEST

START_TEST(siblings_are_closed)
{
	enum { COUNT = 8 };
	brood_channel *channels[COUNT];
	const char *cat[] = {"cat", NULL};
	int tube[2];
	brood_process *process, *direct;
	ck_assert_int_eq(pipe2(tube, O_CLOEXEC), 0);
	uint64_t users = open_descriptors();
	ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = cat, .search = true, .stdin_fd = tube[0])), 0);
	ck_assert_int_eq(brood_spawn(&direct, BROOD_PROGRAM(.argv = cat, .search = true, .stdin_fd = tube[0],
							     .flags = BROOD_DIRECT)), 0);
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(brood_start(&channels[i], send_descriptors, NULL), 0);
	for (int i = 0; i < COUNT; i++) {
		uint64_t open;
		receive_object(channels[i], open);
		/* The user's, and its own channel's. */
		ck_assert_uint_eq(open & users, users);
		ck_assert_int_eq(__builtin_popcountll(open & ~users), 1);
		ended(channels[i], 0, 0);
	}
	close(tube[0]);
	close(tube[1]);
	brood_process_free(process);
	brood_process_free(direct);
	/* The forked children held the pipe; the programs see its end. */
	collect_all();
}
END_TEST

static int objects_are_foreign(brood_channel *channel, brood_process *process)
{
	struct brood_message message;
	struct brood_status status;
	if (brood_send(channel, "", 1) != -EPERM || brood_receive(channel, &message) != -EPERM)
		return 1;
	if (brood_wait(channel, 0, &status) != -EPERM || brood_channel_kill(channel, 0) != -EPERM)
		return 2;
	if (brood_outlive(channel) != -EPERM || brood_close(channel) != -EPERM || brood_channel_fd(channel) != -1)
		return 3;
	if (brood_channel_limit(channel, 5) != -EPERM)
		return 4;
	if (brood_process_wait(process, 0, &status) != -EPERM || brood_process_kill(process, SIGKILL) != -EPERM)
		return 5;
	if (brood_process_fd(process) != -1)
		return 6;
	brood_channel_free(channel);
	brood_process_free(process);
	if (brood_reap() || brood_waitall(0))
		return 7;
	/* And it may have children of its own. */
	int code = 8;
	if (brood_start(&channel, return_code, &code) || brood_wait(channel, support_scale(10), &status) || status.exit_code != 8)
		return 9;
	brood_channel_free(channel);
	return 0;
}

struct objects {
	brood_channel *channel;
	brood_process *process;
};

static int look_at_objects(brood_channel *channel, void *context)
{
	struct objects *objects = context;
	(void)channel;
	return objects_are_foreign(objects->channel, objects->process);
}

START_TEST(objects_of_the_parent)
{
	struct objects objects;
	brood_channel *other;
	const char *sleep[] = {"sleep", "1000", NULL};
	ck_assert_int_eq(brood_start(&objects.channel, wait_for_end, NULL), 0);
	ck_assert_int_eq(brood_spawn(&objects.process, BROOD_PROGRAM(.argv = sleep, .search = true,
								      .flags = _i ? BROOD_DIRECT : 0)), 0);
	pid_t pid = fork();
	if (!pid)
		_exit(objects_are_foreign(objects.channel, objects.process));
	int status = support_join(pid, 20);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(brood_start(&other, look_at_objects, &objects), 0);
	ended(other, 0, 0);
	/* Nothing has happened to them here. */
	ck_assert_int_eq(brood_wait(objects.channel, 0, NULL), -ETIMEDOUT);
	ck_assert_int_eq(brood_process_wait(objects.process, 0, NULL), -ETIMEDOUT);
	ck_assert_int_eq(brood_process_kill(objects.process, SIGKILL), 0);
	brood_process_free(objects.process);
	brood_close(objects.channel);
	ended(objects.channel, 0, 0);
	collect_all();
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("lineage");
	TCase *lineage = support_case(suite, "lineage", 20);
	tcase_add_test(lineage, adopted_descriptors);
	tcase_add_test(lineage, nothing_lands_on_standard_descriptors);
	tcase_add_test(lineage, siblings_are_closed);
	tcase_add_loop_test(lineage, objects_of_the_parent, 0, 2);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
