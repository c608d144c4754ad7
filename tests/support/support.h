/* SPDX-License-Identifier: MIT */
/*
 * What every Check program of the tests stands on. A program is
 *
 *   int main(void) { return support_main(make_suite); }
 *
 * and each of its cases comes from support_case, whose fixtures compare what the test's process has before and after
 * each test: descriptors, children (zombies included), living orphans, threads. A difference fails the test by name.
 *
 * Three processes stand above a test's body, and the tests see none of it:
 *
 *   keeper   a subreaper: orphans of tests, however deep, become its children; it reaps them
 *    └ runner    Check's own, which forks
 *       └ test    a process for each test, in a process group of its own
 *
 * So wait(-1) and getppid in a test mean what they mean in a host, and a process that a test, or a host that the test
 * forked and killed, leaves alive is found all the same, as a new child of the keeper.
 */
#ifndef BROOD_TESTS_SUPPORT_H
#define BROOD_TESTS_SUPPORT_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Runs the suite, with TAP on standard output and what the tests print on standard error. What main returns. */
int support_main(Suite *(*make)(void));

/* A new case of the suite, guarded as said above, each test with a limit of that many seconds. */
TCase *support_case(Suite *, const char *name, double timeout);

/* --- what the guards compare --------------------------------------------------------------------------------------- */

/* Takes what there is now as what must be there at the test's end. */
void support_baseline(void);

/*
 * What has changed since the baseline, as text that is valid until the next call, or NULL. Waits up to that many seconds
 * for the difference to go away, as processes and threads take a moment to end.
 */
const char *support_difference(double wait);

/* How long the test's end waits so, 2 seconds unless it is said, scaled; also in processes forked from now on. */
void support_patience(double seconds);

/* The test's end calls this before it compares: for what the test's own program keeps on purpose. */
void support_finally(void (*hook)(void));

/* Shared mappings are compared as well, from now on. */
void support_watch_mappings(void);

/* Closes 0, 1 and 2, and expects them to be still closed at the end, so that nothing may land there. */
void support_close_standard(void);

/* --- skipping ------------------------------------------------------------------------------------------------------ */

/* Ends the test as skipped, with the reason, after the guards' comparison. */
_Noreturn void support_skip(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

/* --- time ---------------------------------------------------------------------------------------------------------- */

/* Seconds on the monotonic clock. */
double support_now(void);

/* Seconds, multiplied as Check multiplies its limits under a slow tool (CK_TIMEOUT_MULTIPLIER). */
double support_scale(double seconds);

void support_sleep(double seconds);

/* Polls until the predicate holds: true; or false once timeout seconds, scaled, are over. */
bool support_wait_until(bool (*predicate)(void *context), void *context, double timeout);

/* This process dies by SIGKILL after that many seconds, scaled: for processes that a test forks itself. Not inherited. */
void support_deadline(double seconds);

/* Signals at the interval, in this process, to a handler without SA_RESTART, until stopped: each slow call sees EINTR. */
void support_storm_start(double interval);
void support_storm_stop(void);
/* How many signals have come. */
unsigned long support_storm_count(void);

/* --- what this process has ----------------------------------------------------------------------------------------- */

/* How many descriptors are open. */
int support_descriptors(void);

/* How many children this process has, zombies included, also those that a plain wait does not see. */
int support_children(void);

/* A child of this process with that name; 0: there is none. */
pid_t support_child_named(const char *name);

/* How many orphans of this program's tests are alive now. */
int support_orphans(void);

int support_threads(void);

/* The state letter of /proc/<pid>/stat, or 0 when there is no such process. */
char support_process_state(pid_t pid);

/* It exists, and is no zombie. */
bool support_process_alive(pid_t pid);

/* Waits for that to become false. */
bool support_process_gone(pid_t pid, double timeout);

/* --- processes of the test's own ----------------------------------------------------------------------------------- */

/*
 * Forks a process with a deadline of its own, for a host that is to be killed or looked at from outside. It ends with
 * 0 when the function returns, and then only if its own guards find no difference; ck_assert works in it.
 */
pid_t support_fork(void (*function)(void *context), void *context, double timeout);

/* Waits for a child and gives its wait status; when timeout seconds, scaled, are over, kills it and fails the test. */
int support_join(pid_t pid, double timeout);

/* Fails the test unless the child ends in time with exit code 0. */
void support_join_ok(pid_t pid, double timeout);

/* Runs the function in the same way, with the test's descriptors above 2 gone to /dev/null: true when an assertion or a
   guard in there failed, of which nothing is reported. For tests of the tests. */
bool support_fails(void (*function)(void *context), void *context, double timeout);

/* --- sandboxes ----------------------------------------------------------------------------------------------------- */

/* From now on the kernel answers with that errno to these calls (SYS_…), for this process and what it makes. */
#define support_seccomp_deny(error, ...) \
	support_seccomp_deny_list((error), (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))
void support_seccomp_deny_list(int error, const int *calls, size_t count);

#endif
