/* SPDX-License-Identifier: MIT */
/* A pool in hosts of every kind, and what it leaves of them; and what is left of it when they, or its own, are killed. */
#include "pool.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { COUNT = 200 };

static atomic_bool stop;

/* Every tenth item kills its worker, in a way that can be told. */
static int die_at_times(brood_task *task, void *context)
{
	size_t index = brood_index(task);
	if (index % 20 == 3)
		_exit(33);
	if (index % 20 == 13)
		raise(SIGKILL);
	return reply_index(task, context);
}

static void check_die_at_times(const brood_results *results, size_t from)
{
	for (size_t i = from; i < from + COUNT; i++) {
		struct brood_result result = record_of(results, i);
		if (i % 10 != 3) {
			value_is(result, (uint64_t){i});
			continue;
		}
		ck_assert_int_eq(result.outcome, BROOD_ABORT);
		ck_assert_int_eq(result.status->exit_code, i % 20 == 3 ? 33 : 0);
		ck_assert_int_eq(result.status->signal, i % 20 == 3 ? 0 : SIGKILL);
	}
}

static void use_pool(void)
{
	brood_results *results;
	brood_pool *pool = pool_with(die_at_times, NULL, BROOD_OPTIONS(.workers = 3));
	for (size_t round = 0; round < 3; round++) {
		ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, COUNT), 0);
		check_die_at_times(brood_pool_results(pool), COUNT * round);
	}
	ck_assert_int_eq(brood_pool_cleanup(pool), 0);
	brood_pool_free(pool);
	ck_assert_int_eq(brood_parallelize_array(&results, die_at_times, NULL, NULL, 0, COUNT, NULL), 0);
	check_die_at_times(results, 0);
	brood_results_free(results);
}

static void *wait_for_any(void *context)
{
	while (!stop)
		if (waitpid(-1, NULL, WNOHANG) <= 0)
			sched_yield();
	return context;
}

static void *make_noise(void *context)
{
	while (!stop) {
		void *memory = malloc(1000);
		fprintf(stderr, "%s", "");
		free(memory);
	}
	return context;
}

enum host { PLAIN, IGNORES, WAITS_FOR_ANY, HAS_THREADS, IS_INTERRUPTED, HOSTS };

START_TEST(host_of_any_kind)
{
	enum host host = (enum host)_i;
	pthread_t thread;
	stop = false;
	if (host == IGNORES)
		signal(SIGCHLD, SIG_IGN);
	if (host == WAITS_FOR_ANY || host == HAS_THREADS)
		ck_assert_int_eq(pthread_create(&thread, NULL, host == HAS_THREADS ? make_noise : wait_for_any, NULL), 0);
	if (host == IS_INTERRUPTED)
		support_storm_start(0.002);
	use_pool();
	if (host == IS_INTERRUPTED) {
		ck_assert_uint_gt(support_storm_count(), 0);
		support_storm_stop();
	}
	stop = true;
	if (host == WAITS_FOR_ANY || host == HAS_THREADS)
		pthread_join(thread, NULL);
	if (host == IGNORES)
		ck_assert_ptr_eq(signal(SIGCHLD, SIG_DFL), SIG_IGN);
}
END_TEST

static volatile sig_atomic_t caught;

static void catch_one(int number)
{
	caught = number;
}

START_TEST(host_stays_as_it_was)
{
	sigset_t mask, before[2];
	static struct sigaction actions[2][NSIG];
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signal(SIGUSR2, catch_one);
	signal(SIGPIPE, SIG_IGN);
	for (int after = 0; after < 2; after++) {
		for (int number = 1; number < NSIG; number++)
			sigaction(number, NULL, &actions[after][number]);
		sigprocmask(SIG_SETMASK, NULL, &before[after]);
		if (!after)
			use_pool();
	}
	for (int number = 1; number < NSIG; number++) {
		ck_assert_int_eq(sigismember(&before[0], number), sigismember(&before[1], number));
		ck_assert_ptr_eq(actions[0][number].sa_handler, actions[1][number].sa_handler);
	}
	raise(SIGUSR2);
	ck_assert_int_eq(caught, SIGUSR2);
}
END_TEST

START_TEST(descriptors_are_close_on_exec)
{
	brood_pool *pool = pool_with(reply_index, NULL, BROOD_OPTIONS(.workers = 2));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 5), 0);
	for (int fd = 3; fd < 1000; fd++) {
		int flags = fcntl(fd, F_GETFD);
		ck_assert_msg(flags < 0 || flags & FD_CLOEXEC, "descriptor %d", fd);
	}
	brood_pool_free(pool);
}
END_TEST

static void *use_in_thread(void *context)
{
	use_pool();
	return context;
}

START_TEST(pools_of_two_threads)
{
	pthread_t threads[2];
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, use_in_thread, NULL), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

START_TEST(two_pools_in_turn)
{
	brood_pool *pools[2];
	for (int i = 0; i < 2; i++)
		pools[i] = pool_with(i ? reply_index : die_at_times, NULL, BROOD_OPTIONS(.workers = 2));
	for (size_t round = 0; round < 3; round++) {
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(brood_pool_process_array(pools[i], NULL, 0, COUNT), 0);
		check_die_at_times(brood_pool_results(pools[0]), round * COUNT);
		ck_assert_uint_eq(brood_results_count(brood_pool_results(pools[1])), (round + 1) * COUNT);
	}
	brood_pool_free(pools[0]);
	ck_assert_int_eq(brood_pool_process_array(pools[1], NULL, 0, COUNT), 0);
	brood_pool_free(pools[1]);
}
END_TEST

/* Each item has a pool of its own, in which items die too. */
static int nest(brood_task *task, void *context)
{
	brood_results *results;
	uint64_t successes = 0;
	(void)context;
	int error = brood_parallelize_array(&results, die_at_times, NULL, NULL, 0, 20, BROOD_OPTIONS(.workers = 2));
	if (error)
		return error;
	struct brood_result result;
	for (size_t i = 0; !brood_results_get(results, i, &result); i++)
		successes += result.outcome == BROOD_SUCCESS;
	brood_results_free(results);
	return brood_reply(task, &successes, sizeof successes);
}

START_TEST(pools_in_workers)
{
	brood_pool *pool = pool_with(nest, NULL, BROOD_OPTIONS(.workers = 2));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 10), 0);
	for (size_t i = 0; i < 10; i++)
		value_is(pool_record(pool, i), (uint64_t){18});
	brood_pool_free(pool);
}
END_TEST

/* --- processes that are killed from outside ------------------------------------------------------------------------ */

struct board {
	atomic_int begun;
	_Atomic(pid_t) pids[COUNT];
};

static int note_pid(brood_task *task, void *context)
{
	struct board *board = context;
	board->pids[brood_index(task) % COUNT] = getpid();
	board->begun++;
	support_sleep(0.002);
	return reply_index(task, NULL);
}

static atomic_int kills;

static void *kill_nursery(void *context)
{
	struct board *board = context;
	for (int round = 0; round < 3; round++) {
		while (board->begun < 40 * (round + 1) && !stop)
			support_sleep(0.001);
		pid_t pid = support_child_named("brood-nursery");
		if (pid && !kill(pid, SIGKILL))
			kills++;
	}
	return NULL;
}

static void *kill_workers(void *context)
{
	struct board *board = context;
	for (int at = 0; at < COUNT && !stop; at = board->begun)
		if (at > 0 && board->pids[at - 1] && at % 7 == 0 && !kill(board->pids[at - 1], SIGKILL))
			kills++;
	return NULL;
}

START_TEST(every_item_has_its_record_whoever_is_killed)
{
	struct board *board = shared_memory(sizeof *board);
	pthread_t thread;
	brood_pool *pool = pool_with(note_pid, board, BROOD_OPTIONS(.workers = 3, .retries = (unsigned)(_i / 2)));
	stop = false;
	kills = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, _i % 2 ? kill_workers : kill_nursery, board), 0);
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, COUNT), 0);
	stop = true;
	pthread_join(thread, NULL);
	ck_assert_int_gt(kills, 0);
	for (uint64_t i = 0; i < COUNT; i++) {
		struct brood_result result = pool_record(pool, i);
		if (result.outcome == BROOD_ABORT)
			ck_assert_int_eq(result.status->signal, SIGKILL);
		else
			value_is(result, i);
	}
	/* And the pool goes on. */
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 3), 0);
	for (uint64_t i = COUNT; i < COUNT + 3; i++)
		value_is(pool_record(pool, i), i);
	brood_pool_free(pool);
}
END_TEST

static int linger(brood_task *task, void *context)
{
	struct board *board = context;
	(void)task;
	signal(SIGTERM, SIG_IGN);
	for (int i = 0; i < 2; i++) {
		pid_t pid = i ? getpid() : fork();
		if (!pid)
			for (;;)
				pause();
		board->pids[board->begun++] = pid;
	}
	for (volatile bool on = true; on;)
		;
	return 0;
}

/* Its workers are idle, or busy with children of their own. */
static void host_to_be_killed(void *context)
{
	struct board *board = context;
	brood_pool *idle = pool_with(reply_pid, NULL, BROOD_OPTIONS(.workers = 2));
	brood_pool *busy = pool_with(linger, board, BROOD_OPTIONS(.workers = 2));
	ck_assert_int_eq(brood_pool_process_array(idle, NULL, 0, 20), 0);
	for (size_t i = 0; i < 20; i++) {
		pid_t pid;
		memcpy(&pid, pool_record(idle, i).value.data, sizeof pid);
		board->pids[20 + i] = pid;
	}
	brood_pool_process_array(busy, NULL, 0, 2);
}

static bool has_four(void *context)
{
	return ((struct board *)context)->begun == 4;
}

START_TEST(workers_end_with_their_host)
{
	static const int numbers[] = {SIGKILL, SIGTERM, SIGSEGV};
	struct board *board = shared_memory(sizeof *board);
	pid_t host = support_fork(host_to_be_killed, board, 20);
	ck_assert(support_wait_until(has_four, board, 10));
	kill(host, numbers[_i]);
	ck_assert_int_eq(WTERMSIG(support_join(host, 10)), numbers[_i]);
	for (int i = 0; i < COUNT; i++)
		if (board->pids[i])
			ck_assert_msg(support_process_gone(board->pids[i], 5), "process %d is still there", board->pids[i]);
}
END_TEST

/* --- what the system refuses --------------------------------------------------------------------------------------- */

/* In a process that leaves by _exit, since a leak checker makes one of its own at exit. */
static void be_refused(void)
{
	brood_pool *pool;
	brood_results *results = (brood_results *)&results, *const none = results;
	int before = support_descriptors();
	ck_assert_int_eq(brood_pool_new(&pool, reply_index, NULL, NULL), 0);
	support_seccomp_deny(EAGAIN, SYS_clone, SYS_clone3, SYS_fork, SYS_vfork);
	ck_assert_int_eq(brood_pool_spawn(pool, 2), -EAGAIN);
	ck_assert_int_eq(brood_pool_spawn(pool, 2), -EAGAIN);
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 1), -ESRCH);
	brood_pool_free(pool);
	ck_assert_int_eq(brood_parallelize_array(&results, reply_index, NULL, NULL, 0, 1, NULL), -EAGAIN);
	ck_assert_ptr_eq(results, none);
	ck_assert_int_eq(support_descriptors(), before);
}

START_TEST(no_process_is_eagain)
{
	if (RUNNING_ON_VALGRIND)
		support_skip("valgrind does not take this from its own calls");
	pid_t pid = fork();
	if (!pid) {
		be_refused();
		_exit(0);
	}
	support_join_ok(pid, 10);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool host");
	TCase *hosts = support_case(suite, "hosts", 30);
	tcase_add_loop_test(hosts, host_of_any_kind, 0, HOSTS);
	tcase_add_test(hosts, host_stays_as_it_was);
	tcase_add_test(hosts, descriptors_are_close_on_exec);
	tcase_add_test(hosts, pools_of_two_threads);
	tcase_add_test(hosts, two_pools_in_turn);
	tcase_add_test(hosts, pools_in_workers);
	TCase *killed = support_case(suite, "killed", 30);
	tcase_add_loop_test(killed, every_item_has_its_record_whoever_is_killed, 0, 4);
	tcase_add_loop_test(killed, workers_end_with_their_host, 0, 3);
	TCase *refused = support_case(suite, "refused", 20);
	tcase_add_test(refused, no_process_is_eagain);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
