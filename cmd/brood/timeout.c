/* SPDX-License-Identifier: MIT */
#include "timeout.h"

#include "clock.h"
#include "say.h"
#include "signals.h"
#include "text.h"
#include "timeout_group.h"
#include "timeout_options.h"
#include "timeout_report.h"
#include "timeout_terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* As timeout(1). */
enum { EXIT_TIME_UP = 124, EXIT_OWN_TROUBLE = 125, EXIT_NOT_STARTED = 126, EXIT_NOT_FOUND = 127 };

/* How often it is looked at whether any process of the group is left, once its time is up. */
static const double LOOK_SECONDS = 0.01;

struct timeout {
	const struct timeout_options *options;
	brood_process *process;
	pid_t group;
	int signal_fd;
	double started, deadline, kill_time; /* 0: never */
	bool timed_out, ended;
};

/* --- beginning ----------------------------------------------------------------------------------------------------- */

/* What is passed on to the command, and what tells of it. Signals that were ignored at the start stay so. */
static int catch_signals(void)
{
	static const int passed[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP, SIGCHLD};
	/* Were it ignored, as whoever called this may have it, there would be no status to wait for. */
	signal(SIGCHLD, SIG_DFL);
	return signals_catch(passed, sizeof passed / sizeof *passed);
}

static int start(struct timeout *timeout)
{
	const char *const *argv = (const char *const *)timeout->options->command;
	/* As a child of its own, so that this process learns when it is stopped. */
	const int error = brood_spawn(&timeout->process, BROOD_PROGRAM(.argv = argv, .search = true, .flags = BROOD_DIRECT));
	if (error) {
		say("%s cannot be run: %s", *argv, strerror(-error));
		return error == -ENOENT ? EXIT_NOT_FOUND
		       : error == -EAGAIN || error == -ENOMEM || error == -EMFILE || error == -ENFILE ? EXIT_OWN_TROUBLE : EXIT_NOT_STARTED;
	}
	timeout->group = brood_process_pid(timeout->process);
	timeout->started = clock_now();
	timeout->deadline = timeout->options->seconds > 0 ? timeout->started + timeout->options->seconds : 0;
	/* It may have tried to read before the terminal was its own, and have been stopped for it. */
	if (timeout_terminal_give(timeout->group))
		brood_process_kill(timeout->process, SIGCONT);
	return 0;
}

/* --- the end of its time ------------------------------------------------------------------------------------------- */

static void describe(const struct timeout *timeout)
{
	struct brood_buffer text = {0};
	text_add_format(&text, "%s:", command_name);
	for (char **word = timeout->options->command; *word; word++)
		text_add_format(&text, " %.200s", *word);
	text_add_format(&text, ": its time was up after %.4g s; where its processes are:\n", clock_now() - timeout->started);
	timeout_group_describe(timeout->group, &text);
	/* In one piece, so that nothing of the command's comes to stand within it. */
	if (write(STDERR_FILENO, text.data, text.size) < 0)
		errno = 0;
	brood_buffer_free(&text);
}

static void end_time(struct timeout *timeout)
{
	timeout->timed_out = true;
	timeout->deadline = 0;
	if (!timeout->options->quiet)
		describe(timeout);
	timeout->kill_time = clock_now() + timeout->options->grace;
	brood_process_kill(timeout->process, timeout->options->signal);
	/* One that is stopped would not see it. */
	if (timeout->options->signal != SIGKILL)
		brood_process_kill(timeout->process, SIGCONT);
}

/* --- signals, and being stopped ------------------------------------------------------------------------------------ */

/* Stops this process and its group, as the terminal would have; how long it was stopped. */
static void suspend(struct timeout *timeout, int signal)
{
	const double before = clock_now();
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	timeout_terminal_take(timeout->group);
	kill(0, SIGTSTP);
	/* Here it stops. */
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	const double away = clock_now() - before;
	timeout->started += away;
	timeout->deadline += timeout->deadline > 0 ? away : 0;
	timeout->kill_time += timeout->kill_time > 0 ? away : 0;
	/* One that wants the terminal and cannot have it would be stopped for it at once, again and again. */
	const bool given = timeout_terminal_give(timeout->group);
	if (given || (signal != SIGTTIN && signal != SIGTTOU))
		brood_process_kill(timeout->process, SIGCONT);
}

/* The command has been stopped: with a terminal that is for its user to see. Without one time goes on. */
static void look_for_stop(struct timeout *timeout)
{
	siginfo_t info = {0};
	if (waitid(P_PID, (id_t)timeout->group, &info, WSTOPPED | WNOHANG) || info.si_pid != timeout->group)
		return;
	if (!timeout_terminal_is_there() || timeout->timed_out)
		return;
	/* It asked for the terminal a moment before that became its own. */
	if ((info.si_status == SIGTTIN || info.si_status == SIGTTOU) && tcgetpgrp(STDIN_FILENO) == timeout->group)
		brood_process_kill(timeout->process, SIGCONT);
	else
		suspend(timeout, info.si_status);
}

static void take_signals(struct timeout *timeout)
{
	struct signalfd_siginfo info;
	while (read(timeout->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGCHLD) {
			look_for_stop(timeout);
		} else if (info.ssi_signo == SIGTSTP) {
			brood_process_kill(timeout->process, SIGSTOP);
			suspend(timeout, SIGTSTP);
		} else {
			brood_process_kill(timeout->process, (int)info.ssi_signo);
			brood_process_kill(timeout->process, SIGCONT);
		}
	}
}

/* --- the wait ------------------------------------------------------------------------------------------------------ */

static double next_time(const struct timeout *timeout)
{
	if (timeout->ended)
		return clock_now() + LOOK_SECONDS;
	return timeout->kill_time > 0 ? timeout->kill_time : timeout->deadline;
}

static int milliseconds_to(double time)
{
	if (time <= 0)
		return -1;
	const double left = (time - clock_now()) * 1000;
	/* Rounded up, so that it is not looked at just before. */
	return left <= 0 ? 0 : left > 1e6 ? 1000000 : (int)left + 1;
}

/* Until the command has ended and, once its time was up, so has its group, which is certainly its own while the command has
   not been waited for. */
static void watch(struct timeout *timeout)
{
	while (!timeout->ended || (timeout->timed_out && timeout->kill_time > 0 && timeout_group_lives(timeout->group))) {
		struct pollfd entries[] = {{.fd = timeout->signal_fd, .events = POLLIN},
			{.fd = timeout->ended ? -1 : brood_process_fd(timeout->process), .events = POLLIN}};
		const int count = poll(entries, 2, milliseconds_to(next_time(timeout)));
		if (count > 0 && entries[1].revents)
			timeout->ended = true;
		if (count > 0 && entries[0].revents)
			take_signals(timeout);
		if (!timeout->ended && timeout->deadline > 0 && clock_now() >= timeout->deadline)
			end_time(timeout);
		if (timeout->kill_time > 0 && clock_now() >= timeout->kill_time) {
			brood_process_kill(timeout->process, SIGKILL);
			timeout->kill_time = 0;
		}
	}
}

/* --- the end ------------------------------------------------------------------------------------------------------- */

/* As the command did, so that whoever waits sees the signal; the core, if there is one, is the command's. */
static void die_likewise(int number)
{
	const struct rlimit none = {0};
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
	signals_die(number);
}

static int finish(struct timeout *timeout)
{
	struct brood_status status = {0};
	const double seconds = clock_now() - timeout->started;
	timeout_terminal_take(timeout->group);
	if (timeout->timed_out)
		timeout_terminal_restore();
	const int error = brood_process_wait(timeout->process, -1, &status);
	if (error) {
		say("it is not known how %s ended: %s", *timeout->options->command, strerror(-error));
		return EXIT_OWN_TROUBLE;
	}
	brood_process_free(timeout->process);
	if (!timeout_report_write(timeout->options, &status, timeout->timed_out, seconds))
		return EXIT_OWN_TROUBLE;
	if (timeout->timed_out && !timeout->options->preserve_status)
		return EXIT_TIME_UP;
	if (!status.signal)
		return status.exit_code;
	die_likewise(status.signal);
	return 128 + status.signal;
}

int timeout_main(char **arguments)
{
	struct timeout_options options;
	struct timeout timeout = {.options = &options};
	exit_trouble = EXIT_OWN_TROUBLE;
	timeout_options_read(&options, arguments);
	timeout_report_open(&options);
	timeout_terminal_save();
	timeout.signal_fd = catch_signals();
	const int status = start(&timeout);
	if (status)
		return status;
	watch(&timeout);
	return finish(&timeout);
}
