/* SPDX-License-Identifier: MIT */
#include "process/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* What the kernel takes for a signal set, which is smaller than the C library's. */
#define KERNEL_SET (64 / 8)
#define BIT(signal) (UINT64_C(1) << ((signal) - 1))

/* Sent by the kernel when the host's thread that made the keeper ends; the host itself may well live on. */
#define HOST_SIGNAL SIGTERM

struct kernel_action {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

RAW_FUNCTION static void leave(int status)
{
	for (;;)
		raw_call(SYS_exit_group, status, 0, 0, 0, 0);
}

RAW_FUNCTION void keeper_prepare(void)
{
	/* Ignored in the host, SIGCHLD would be ignored here, and the child's status lost. */
	struct kernel_action action = {0};
	raw_call(SYS_rt_sigaction, SIGCHLD, (long)&action, 0, KERNEL_SET, 0);
	raw_call(SYS_setpgid, 0, 0, 0, 0, 0);
	raw_call(SYS_prctl, PR_SET_PDEATHSIG, HOST_SIGNAL, 0, 0, 0);
	raw_call(SYS_prctl, PR_SET_NAME, (long)"brood-keeper", 0, 0, 0);
}

RAW_FUNCTION bool keeper_bind_child(pid_t keeper)
{
	raw_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return raw_call(SYS_getppid, 0, 0, 0, 0, 0) == keeper;
}

RAW_FUNCTION static void report(int socket, const struct keeper_report *message)
{
	while (raw_call(SYS_write, socket, (long)message, sizeof *message, 0, 0) == -EINTR)
		;
}

RAW_FUNCTION static void report_end(int socket, long pid, int status, const struct rusage *usage)
{
	struct keeper_report message = {.kind = KEEPER_ENDED, .pid = (int32_t)pid, .wait_status = status};
	message.user_microseconds = usage->ru_utime.tv_sec * 1000000L + usage->ru_utime.tv_usec;
	message.system_microseconds = usage->ru_stime.tv_sec * 1000000L + usage->ru_stime.tv_usec;
	message.peak_kibibytes = usage->ru_maxrss;
	report(socket, &message);
}

/* As signals_send. */
RAW_FUNCTION static void signal_child(long child, long signal)
{
	raw_call(SYS_kill, -child, signal, 0, 0, 0);
	if (signal == SIGKILL || raw_call(SYS_getpgid, child, 0, 0, 0, 0) != child)
		raw_call(SYS_kill, child, signal, 0, 0, 0);
}

/* All orders of the host's that have come. false: after them came its end. */
RAW_FUNCTION static bool obey(int socket, long child, bool *outlive)
{
	for (bool gone = false;;) {
		struct keeper_order order;
		long size = raw_call(SYS_recvfrom, socket, (long)&order, sizeof order, MSG_DONTWAIT, 0);
		if (size == -EINTR)
			continue;
		/* An order that came while the kernel was looking is behind the first word of the end; see receive_report. */
		if (!size && !gone) {
			gone = true;
			continue;
		}
		if (size == -EAGAIN)
			return true;
		if (size != (long)sizeof order)
			return false;
		if (order.kind == KEEPER_SIGNAL)
			signal_child(child, order.signal);
		else if (order.kind == KEEPER_OUTLIVE)
			*outlive = true;
	}
}

/*
 * Keeps the child, if there is one, until it has ended. Orders are obeyed before the child is waited for, and never after: until then
 * its process group cannot be another's.
 */
RAW_FUNCTION static void watch(int socket, long child, bool outlive, long signals)
{
	/* A child that was made to outlive its host has no tie to its keeper either: with nobody left to report to, the keeper
	   can go. One that was set free later would be killed by the kernel with it. */
	const bool bound = !outlive;
	const long parent = raw_call(SYS_getppid, 0, 0, 0, 0, 0);
	bool host = true;
	for (;;) {
		struct pollfd items[2] = {{.fd = (int)signals, .events = POLLIN}, {.fd = host ? socket : -1, .events = POLLIN}};
		raw_call(SYS_ppoll, (long)items, 2, 0, 0, 0);
		if (items[1].revents && !obey(socket, child, &outlive))
			host = false;
		if (items[0].revents) {
			struct signalfd_siginfo info;
			raw_call(SYS_read, signals, (long)&info, sizeof info, 0, 0);
			struct rusage usage;
			int status;
			if (child && raw_call(SYS_wait4, child, (long)&status, WNOHANG, (long)&usage, 0) == child) {
				report_end(socket, child, status, &usage);
				return;
			}
			if (host && raw_call(SYS_getppid, 0, 0, 0, 0, 0) != parent) {
				/* Its last orders came before its end. */
				obey(socket, child, &outlive);
				host = false;
			}
		}
		if (!host && !outlive && child)
			signal_child(child, SIGKILL);
		if (!host && !(outlive && bound))
			return;
	}
}

RAW_FUNCTION static long open_signals(void)
{
	const uint64_t set = BIT(SIGCHLD) | BIT(HOST_SIGNAL);
	return raw_call(SYS_signalfd4, -1, (long)&set, KERNEL_SET, SFD_CLOEXEC | SFD_NONBLOCK, 0);
}

RAW_FUNCTION void keeper_await_host(int socket)
{
	/* Without the descriptor, -1, the socket alone tells. */
	watch(socket, 0, false, open_signals());
}

RAW_FUNCTION static void report_start(int socket, long child, long error)
{
	struct keeper_report message = {.kind = KEEPER_STARTED, .pid = (int32_t)child, .error = (int32_t)error};
	report(socket, &message);
}

RAW_FUNCTION _Noreturn void keeper_run(int socket, long child, bool outlive)
{
	if (child < 0) {
		report_start(socket, 0, -child);
		leave(0);
	}
	/* Both sides do it, so that it is done before either goes on. */
	raw_call(SYS_setpgid, child, child, 0, 0, 0);
	raw_close_from(0, socket);
	long signals = open_signals();
	if (signals < 0) {
		raw_call(SYS_kill, -child, SIGKILL, 0, 0, 0);
		raw_call(SYS_wait4, child, 0, 0, 0, 0);
		report_start(socket, 0, -signals);
	} else {
		report_start(socket, child, 0);
		watch(socket, child, outlive, signals);
	}
	leave(0);
	__builtin_unreachable();
}
