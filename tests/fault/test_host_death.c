/* SPDX-License-Identifier: MIT */
/* However a host ends, at whatever point: none of its children lives on, unless it was asked to. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { MOST = 16 };

/* What the host tells the test. */
struct board {
	atomic_int ready;
	_Atomic(pid_t) keeper;
	int count;
	pid_t pids[MOST];
};

static struct board *board;

static void make_board(void)
{
	board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(board != MAP_FAILED);
}

static bool is_ready(void *context)
{
	return board->ready >= *(int *)context;
}

static void await_ready(int count)
{
	ck_assert_msg(support_wait_until(is_ready, &count, 10), "the host does not get ready");
}

/* The limit is 100 ms; a machine that runs other tests at the same time gets more. */
static void all_gone(void)
{
	for (int i = 0; i < board->count; i++)
		ck_assert_msg(support_process_gone(board->pids[i], 1), "process %d (%d of %d) is still there", board->pids[i], i + 1,
			      board->count);
}

/* --- children of every kind ---------------------------------------------------------------------------------------- */

enum habit { IDLE, BUSY, STOPPED, DEAF, HABITS };

static int live(brood_channel *channel, void *context)
{
	enum habit habit = *(enum habit *)context;
	(void)channel;
	if (habit == DEAF)
		for (int number = 1; number < NSIG; number++)
			signal(number, SIG_IGN);
	pid_t pid = fork();
	if (pid)
		board->pids[board->count++] = pid;
	board->ready++;
	if (habit == STOPPED)
		raise(SIGSTOP);
	for (volatile bool on = true; on;)
		if (habit != BUSY)
			pause();
	return 1;
}

static brood_process *spawn_one(const char *const *argv, unsigned flags)
{
	brood_process *process;
	ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = argv, .search = true, .flags = flags, .stdout_fd = BROOD_NULL,
							      .stderr_fd = BROOD_NULL)), 0);
	board->pids[board->count++] = brood_process_pid(process);
	return process;
}

static void *spawn_in_thread(void *context)
{
	const char *sleep[] = {"sleep", "1000", NULL};
	spawn_one(sleep, *(unsigned *)context);
	return NULL;
}

static void make_all(void)
{
	const char *spin[] = {PROBE, "spin", NULL}, *deaf[] = {PROBE, "deaf", NULL};
	const char *shell[] = {"sh", "-c", "sleep 1000 & sleep 1000", NULL};
	for (enum habit habit = 0; habit < HABITS; habit++) {
		brood_channel *channel;
		ck_assert_int_eq(brood_start(&channel, live, &habit), 0);
		while (board->ready < 2 * ((int)habit + 1))
			support_sleep(0.001);
		board->pids[board->count++] = brood_channel_pid(channel);
	}
	for (unsigned flags = 0; flags <= BROOD_DIRECT; flags += BROOD_DIRECT) {
		spawn_one(spin, flags);
		brood_process_kill(spawn_one(spin, flags), SIGSTOP);
		spawn_one(deaf, flags);
		spawn_one(shell, flags);
	}
}

enum death { KILLED, GROUP_KILLED, EXITS, ABORTS, EXECS, DEATHS };

static void die(enum death death)
{
	if (death == KILLED)
		raise(SIGKILL);
	if (death == GROUP_KILLED)
		kill(0, SIGKILL);
	if (death == EXITS)
		_exit(0);
	if (death == ABORTS)
		abort();
	execlp("sleep", "sleep", "2", (char *)NULL);
}

static void host_and_die(void *context)
{
	setpgid(0, 0);
	make_all();
	/* Grandchildren of the shells come a moment later, and belong to the guards of this test. */
	support_sleep(support_scale(0.1));
	die(*(enum death *)context);
}

START_TEST(all_children_go_with_the_host)
{
	enum death death = (enum death)_i;
	make_board();
	pid_t host = support_fork(host_and_die, &death, 20);
	if (death == EXECS) {
		await_ready(2 * HABITS);
		support_sleep(support_scale(0.3));
		all_gone();
		kill(host, SIGKILL);
	}
	support_join(host, 20);
	ck_assert_int_eq(board->count, 2 * HABITS + 8);
	all_gone();
}
END_TEST

/* --- at any point -------------------------------------------------------------------------------------------------- */

static void *make_for_ever(void *context)
{
	const char *sleep[] = {"sleep", "1000", NULL};
	const int turn = *(int *)context;
	int code = 0;
	for (int i = 0;; i++) {
		brood_channel *channel;
		brood_process *process;
		if (turn % 3 == 0)
			brood_start(&channel, i % 2 ? wait_for_end : return_code, &code);
		else
			brood_spawn(&process, BROOD_PROGRAM(.argv = sleep, .search = true, .flags = turn % 3 == 1 ? BROOD_DIRECT : 0));
		board->ready = 1;
	}
	return NULL;
}

static void make_children(void *context)
{
	pthread_t thread;
	if (*(int *)context % 2)
		make_for_ever(context);
	ck_assert_int_eq(pthread_create(&thread, NULL, make_for_ever, context), 0);
	pthread_join(thread, NULL);
}

static bool no_orphans(void *context)
{
	return support_orphans() <= *(int *)context;
}

START_TEST(no_orphans_wherever_the_host_is_killed)
{
	make_board();
	unsigned seed = 1;
	int before = support_orphans();
	for (int round = 0; round < rounds(200); round++) {
		board->ready = 0;
		pid_t host = support_fork(make_children, &round, 20);
		await_ready(1);
		support_sleep((double)(rand_r(&seed) % 8000) * 1e-6);
		kill(host, SIGKILL);
		support_join(host, 10);
		ck_assert_msg(support_wait_until(no_orphans, &before, 2), "round %d: %d orphans", round, support_orphans());
	}
}
END_TEST

/* --- unless asked otherwise ---------------------------------------------------------------------------------------- */

static int outlive(brood_channel *channel, void *context)
{
	struct brood_message message;
	(void)context;
	board->keeper = getppid();
	while (brood_receive(channel, &message) > 0)
		;
	board->ready = 1;
	for (;;)
		support_sleep(1);
	return 0;
}

enum outliver { STARTED, SPAWNED, SPAWNED_DIRECT, OUTLIVERS };

static void leave_outliver(void *context)
{
	enum outliver outliver = *(enum outliver *)context;
	const char *sleep[] = {"sleep", "1000", NULL};
	if (outliver == STARTED) {
		brood_channel *channel;
		ck_assert_int_eq(brood_start(&channel, outlive, NULL), 0);
		ck_assert_int_eq(brood_outlive(channel), 0);
		board->pids[board->count++] = brood_channel_pid(channel);
	} else {
		spawn_one(sleep, BROOD_OUTLIVE | (outliver == SPAWNED ? 0 : BROOD_DIRECT));
	}
	_exit(0);
}

START_TEST(outlivers_live_on)
{
	enum outliver outliver = (enum outliver)_i;
	make_board();
	int before = support_orphans();
	support_join_ok(support_fork(leave_outliver, &outliver, 10), 10);
	if (outliver == STARTED)
		await_ready(1);
	support_sleep(0.2);
	ck_assert(support_process_alive(board->pids[0]));
	/* Itself, or its keeper. */
	ck_assert_int_eq(support_orphans() - before, 1);
	kill(board->pids[0], SIGKILL);
	ck_assert(support_process_gone(board->pids[0], 2));
	/* The keeper goes too. */
	ck_assert(support_wait_until(no_orphans, &before, 2));
}
END_TEST

/* The host ends while orders are on their way: those before brood_outlive do not hide it. */
static void order_and_die(void *context)
{
	brood_channel *channel;
	(void)context;
	ck_assert_int_eq(brood_start(&channel, outlive, NULL), 0);
	board->pids[board->count++] = brood_channel_pid(channel);
	while (!board->keeper)
		support_sleep(0.001);
	kill(board->keeper, SIGSTOP);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(brood_channel_kill(channel, SIGCONT), 0);
	ck_assert_int_eq(brood_outlive(channel), 0);
	_exit(0);
}

START_TEST(last_orders_are_obeyed)
{
	make_board();
	support_join_ok(support_fork(order_and_die, NULL, 10), 10);
	kill(board->keeper, SIGCONT);
	await_ready(1);
	support_sleep(0.1);
	ck_assert(support_process_alive(board->pids[0]));
	kill(board->pids[0], SIGKILL);
	ck_assert(support_process_gone(board->keeper, 2));
}
END_TEST

/* --- threads ------------------------------------------------------------------------------------------------------- */

/* Made by another thread than the first, and that thread has ended since. */
static void host_with_threads(void *context)
{
	unsigned flags[] = {0, BROOD_DIRECT};
	(void)context;
	for (int i = 0; i < 2; i++) {
		pthread_t thread;
		ck_assert_int_eq(pthread_create(&thread, NULL, spawn_in_thread, &flags[i]), 0);
		pthread_join(thread, NULL);
	}
	support_sleep(0.02);
	for (int i = 0; i < 2; i++)
		ck_assert(support_process_alive(board->pids[i]));
	raise(SIGKILL);
}

START_TEST(children_of_threads_go_with_the_host)
{
	make_board();
	support_join(support_fork(host_with_threads, NULL, 10), 10);
	ck_assert_int_eq(board->count, 2);
	all_gone();
}
END_TEST

static void *look_after_the_first(void *context)
{
	(void)context;
	support_sleep(0.05);
	board->ready = support_process_alive(board->pids[0]) + support_process_alive(board->pids[1]);
	_exit(0);
}

/* The first thread may end before the process does; with BROOD_DIRECT the kernel would take that for the host's end. */
static void end_first_thread(void *context)
{
	brood_channel *channel;
	unsigned flags = 0;
	pthread_t thread;
	(void)context;
	ck_assert_int_eq(brood_start(&channel, wait_for_end, NULL), 0);
	board->pids[board->count++] = brood_channel_pid(channel);
	spawn_in_thread(&flags);
	ck_assert_int_eq(pthread_create(&thread, NULL, look_after_the_first, NULL), 0);
	pthread_exit(NULL);
}

START_TEST(children_outlive_the_first_thread)
{
	make_board();
	support_join_ok(support_fork(end_first_thread, NULL, 10), 10);
	ck_assert_int_eq(board->ready, 2);
	all_gone();
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("host_death");
	TCase *deaths = support_case(suite, "deaths", 30);
	tcase_add_loop_test(deaths, all_children_go_with_the_host, 0, DEATHS);
	tcase_add_test(deaths, children_of_threads_go_with_the_host);
	tcase_add_test(deaths, children_outlive_the_first_thread);
	TCase *points = support_case(suite, "points", 60);
	tcase_add_test(points, no_orphans_wherever_the_host_is_killed);
	TCase *outlivers = support_case(suite, "outlivers", 20);
	tcase_add_loop_test(outlivers, outlivers_live_on, 0, OUTLIVERS);
	tcase_add_test(outlivers, last_orders_are_obeyed);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
