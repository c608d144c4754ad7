/* SPDX-License-Identifier: MIT */
#include "process/ward.h"

#include "base/clock.h"
#include "base/lineage.h"
#include "base/signals.h"
#include "process/keeper.h"
#include "process/parking.h"
#include "process/status.h"
#include "process/tee.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* As many reports as the socket takes; all, where it is to wait. */
static void flush_reports(struct nursery *nursery, int flags)
{
	struct ward *ward = nursery->ward;
	size_t sent = 0;
	while (sent < ward->pending_count) {
		size_t count = ward->pending_count - sent < BUNDLE ? ward->pending_count - sent : BUNDLE;
		ssize_t size = send(nursery->socket, ward->pending + sent, count * sizeof *ward->pending, MSG_NOSIGNAL | flags);
		if (size >= 0)
			sent += count;
		else if (errno != EINTR)
			break;
	}
	ward->pending_count -= sent;
	memmove(ward->pending, ward->pending + sent, ward->pending_count * sizeof *ward->pending);
}

static void report(struct nursery *nursery, const struct nursery_report *what)
{
	struct ward *ward = nursery->ward;
	if (ward->pending_count == PENDING)
		flush_reports(nursery, 0);
	/* Nothing could be sent only where the host has gone. */
	if (ward->pending_count < PENDING)
		ward->pending[ward->pending_count++] = *what;
	ward->news |= !nursery->plan.brief || what->kind != NURSERY_STARTED || what->error;
}

static void start_worker(struct nursery *nursery, int number)
{
	struct nursery_report what = {.kind = NURSERY_STARTED, .number = number};
	struct ward *ward = nursery->ward;
	const pid_t self = getpid();
	pid_t pid = -1;
	int output = -1;
	errno = EAGAIN;
	if (ward->living < NURSERY_LIMIT) {
		output = tee_open(ward->tee, number);
		pid = fork();
	}
	if (!pid) {
		tee_enter(output);
		fork_settle(&nursery->host, self, &nursery->bell, 1);
		fork_leave(nursery->plan.work(nursery, nursery->plan.context, number));
	}
	if (pid < 0)
		what.error = -errno;
	lineage_close(output);
	if (pid < 0) {
		tee_end(ward->tee, number);
	} else {
		/* Both sides do it, so that it is done before either goes on. */
		setpgid(pid, pid);
		ward->workers[ward->living++] = (struct worker_entry){.pid = pid, .number = number};
		what.status.pid = pid;
		tee_name(ward->tee, number, pid);
	}
	report(nursery, &what);
}

static struct worker_entry *find_worker(struct ward *ward, pid_t pid, int number)
{
	for (size_t i = 0; i < ward->living; i++)
		if (ward->workers[i].pid == pid || ward->workers[i].number == number)
			return &ward->workers[i];
	return NULL;
}

static _Noreturn void leave(struct nursery *nursery)
{
	coroner_end(&nursery->ward->inquests.coroner);
	tee_finish(nursery->ward->tee);
	_exit(0);
}

static _Noreturn void end_all(struct nursery *nursery)
{
	for (size_t i = 0; i < nursery->ward->living; i++)
		signals_send(nursery->ward->workers[i].pid, SIGKILL);
	coroner_end(&nursery->ward->inquests.coroner);
	/* Also after a nursery that has gone there are no zombies. */
	while (wait(NULL) > 0 || errno == EINTR)
		;
	leave(nursery);
}

static void report_end(struct nursery *nursery, const struct nursery_report *what)
{
	struct inquests *inquests = &nursery->ward->inquests;
	const enum inquest_kind kind = inquest_of(inquests, what);
	inquests_gone(inquests, what->status.pid);
	if ((!kind && !inquests_have(inquests, what->number)) || !inquests_add(inquests, what, kind))
		report(nursery, what);
}

static void trace(struct nursery *nursery, int number)
{
	struct ward *ward = nursery->ward;
	struct nursery_report what = {.kind = NURSERY_TRACED, .number = number};
	const struct worker_entry *worker = find_worker(ward, 0, number);
	what.status.pid = worker ? worker->pid : 0;
	if (!worker || !nursery->plan.boxes || !inquests_add(&ward->inquests, &what, INQUEST_STUCK))
		report(nursery, &what);
}

/* One worker that has ended: false, there is none. */
static bool collect(struct nursery *nursery)
{
	siginfo_t info = {0};
	int error;
	do
		error = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
	while (error && errno == EINTR);
	if (error || !info.si_pid)
		return false;
	pid_t pid = info.si_pid;
	struct ward *ward = nursery->ward;
	struct worker_entry *worker = find_worker(ward, pid, -1);
	/* First, since somebody may wait for that. */
	if (worker && nursery->plan.ended)
		nursery->plan.ended(nursery->plan.context, worker->number);
	/* While its leader has not been reaped, the group is certainly the worker's. */
	kill(-pid, SIGKILL);
	int wait_status = 0;
	struct rusage usage = {0};
	while (wait4(pid, &wait_status, 0, &usage) < 0 && errno == EINTR)
		;
	if (worker) {
		struct nursery_report what = {.kind = NURSERY_ENDED, .number = worker->number, .status.pid = pid,
					      .signaled = worker->signaled, .ended = clock_now()};
		tee_end(ward->tee, worker->number);
		status_set_end(&what.status, wait_status);
		what.usage = usage_of(&usage);
		status_set_usage(&what.status, &what.usage);
		if (what.status.signal == SIGKILL && !worker->killed)
			what.status.out_of_memory = oom_watch_claim(&ward->kills);
		*worker = ward->workers[--ward->living];
		report_end(nursery, &what);
	}
	return true;
}

static void obey(struct nursery *nursery, const struct order *order)
{
	struct worker_entry *worker;
	switch (order->kind) {
	case ORDER_START:
		start_worker(nursery, order->number);
		break;
	case ORDER_SIGNAL:
		worker = find_worker(nursery->ward, 0, order->number);
		if (!worker)
			break;
		worker->signaled |= order->signal != SIGCONT;
		worker->killed |= order->signal == SIGKILL;
		signals_send(worker->pid, order->signal);
		break;
	case ORDER_TRACE:
		trace(nursery, order->number);
		break;
	default:
		nursery->ward->leaving = true;
	}
}

/* All orders that have come; ends the process, and the workers, where after them the host has gone. */
static void take_orders(struct nursery *nursery)
{
	for (bool gone = false;;) {
		struct order order;
		ssize_t size = recv(nursery->socket, &order, sizeof order, MSG_DONTWAIT);
		if (size == (ssize_t)sizeof order)
			obey(nursery, &order);
		else if (size < 0 && (errno == EAGAIN || errno == ENOMEM))
			return;
		else if (size < 0 && errno == EINTR)
			continue;
		else if (gone)
			end_all(nursery);
		/* What came while the kernel was looking is behind the first word of the end; and a reset is told before it. */
		else
			gone = true;
	}
}

static void open_signals(struct nursery *nursery)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	nursery->ward->signals = lineage_adopt(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

_Noreturn void ward_run(struct nursery *nursery)
{
	fork_take_over();
	prctl(PR_SET_NAME, "brood-nursery");
	int keep[] = {nursery->socket, nursery->bell, nursery->output};
	lineage_enter(keep, nursery->output < 0 ? 2 : 3);
	lineage_hold(true);
	madvise(nursery->ward, sizeof *nursery->ward, MADV_DONTFORK);
	open_signals(nursery);
	if (!nursery->plan.plain)
		nursery->ward->tee = tee_new(nursery->plan.boxes, nursery->output);
	const int signals = nursery->ward->signals;
	const pid_t host = getppid();
	inquests_begin(&nursery->ward->inquests, nursery->plan.boxes);
	nursery->ward->leaving = nursery->plan.brief;
	int next = 0;
	if (next < nursery->plan.count)
		start_worker(nursery, next++);
	if (next == nursery->plan.count && nursery->ward->news)
		flush_reports(nursery, MSG_DONTWAIT);
	/* While the first one gets ready, since it takes some 20 microseconds. */
	oom_watch_again(&nursery->ward->kills);
	while (next < nursery->plan.count) {
		if (next % PARKING_LOT == 0)
			tee_park(nursery->ward->tee);
		start_worker(nursery, next++);
	}
	tee_unpark(nursery->ward->tee);
	for (;;) {
		struct ward *ward = nursery->ward;
		struct nursery_report what;
		while (inquests_next(&ward->inquests, &what))
			report(nursery, &what);
		bool last = ward->leaving && !ward->living && !ward->inquests.count;
		if (last || ward->news)
			flush_reports(nursery, last ? 0 : MSG_DONTWAIT);
		if (last)
			leave(nursery);
		if (!ward->pending_count)
			ward->news = false;
		const short orders = ward->news ? POLLIN | POLLOUT : POLLIN;
		/* Without a descriptor for signals, which is -1, it looks every 10 ms. */
		const int due = inquests_due(&ward->inquests), look = signals < 0 || ward->pending_count ? 10 : -1;
		struct pollfd items[] = {{.fd = nursery->socket, .events = orders}, {.fd = signals, .events = POLLIN},
					 tee_wish(ward->tee), {.fd = due < 0 ? -1 : ward->inquests.coroner.socket, .events = POLLIN}};
		if (!poll(items, 4, due < 0 || (look >= 0 && look < due) ? look : due))
			ward->news = ward->pending_count;
		struct signalfd_siginfo info;
		if (items[1].revents && read(signals, &info, sizeof info) < 0 && errno != EAGAIN && errno != EINTR)
			end_all(nursery);
		while (collect(nursery))
			;
		/* Told by the parent-death signal, also where somebody holds a copy of the host's end of the socket. */
		if (getppid() != host)
			end_all(nursery);
		if (items[2].revents)
			tee_pass(ward->tee);
		if (items[0].revents & ~POLLOUT)
			take_orders(nursery);
	}
}
