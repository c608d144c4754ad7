/* SPDX-License-Identifier: MIT */
#include "process/coroner.h"

#include "base/lineage.h"
#include "process/unwinder.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of an answer: since a message without bytes would be taken for the end. */
struct head {
	uint32_t size;
};

struct answer {
	struct head head;
	char text[BLACKBOX_TEXT];
};

/* Of a call of exit what is told begins with the caller: the lines before it go, and the others are numbered anew. */
static size_t drop_inner(char *text, size_t size)
{
	static const char *const ways_out[] = {" exit+", " exit at ", " brood_suicide+", " brood_suicide at "};
	const char *from = NULL;
	for (size_t i = 0; !from && i < sizeof ways_out / sizeof *ways_out; i++)
		from = strstr(text, ways_out[i]);
	from = from ? strchr(from, '\n') : NULL;
	if (!from || !from[1])
		return size;
	size_t out = 0;
	unsigned number = 0;
	for (const char *line = from + 1; *line;) {
		const char *rest = *line == '#' ? line + 1 + strspn(line + 1, "0123456789") : line;
		const size_t length = strcspn(rest, "\n") + (strchr(rest, '\n') != NULL);
		/* The number is no longer than the one that was there. */
		if (rest != line)
			out += (size_t)sprintf(text + out, "#%u", number++);
		memmove(text + out, rest, length);
		out += length;
		line = rest + length;
	}
	text[out] = 0;
	return out;
}

static size_t look_at_box(struct unwinder *unwinder, const struct blackbox *box, char *text)
{
	const size_t size = unwinder_snapshot(unwinder, &box->snapshot, text, BLACKBOX_TEXT);
	return box->cause == BLACKBOX_EXIT ? drop_inner(text, size) : size;
}

static size_t look(struct unwinder *unwinder, const struct blackbox *boxes, const struct coroner_question *question, char *text)
{
	switch (question->kind) {
	case CORONER_DEAD:
		return boxes ? look_at_box(unwinder, &boxes[question->number], text) : 0;
	case CORONER_STUCK:
		return unwinder_process(unwinder, question->pid, question->bottom, text, BLACKBOX_TEXT);
	default:
		return 0;
	}
}

static _Noreturn void serve(int socket, const struct blackbox *boxes)
{
	struct unwinder *unwinder;
	struct answer *answer = malloc(sizeof *answer);
	if (!answer || unwinder_new(&unwinder))
		_exit(1);
	for (;;) {
		struct coroner_question question;
		ssize_t size = recv(socket, &question, sizeof question, 0);
		if (size < 0 && errno == EINTR)
			continue;
		if (size != (ssize_t)sizeof question)
			_exit(0);
		answer->head.size = (uint32_t)look(unwinder, boxes, &question, answer->text);
		if (send(socket, answer, sizeof answer->head + answer->head.size, MSG_NOSIGNAL) < 0)
			_exit(1);
	}
}

/* Of what its maker had open nothing is its business. */
static int settle(int socket, pid_t maker)
{
	enum { OWN = STDERR_FILENO + 1 };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != maker)
		_exit(0);
	prctl(PR_SET_NAME, "brood-coroner");
	const struct rlimit none = {0};
	setrlimit(RLIMIT_CORE, &none);
	if (socket != OWN && dup2(socket, OWN) < 0)
		_exit(1);
	syscall(SYS_close_range, OWN + 1, ~0U, 0);
	return OWN;
}

static int make(struct coroner *coroner, const struct blackbox *boxes)
{
	int pair[2];
	const pid_t self = getpid();
	int error = lineage_socketpair(SOCK_SEQPACKET, pair);
	if (error)
		return error;
	lineage_hold(true);
	pid_t pid = fork();
	error = pid < 0 ? -errno : 0;
	if (!pid)
		serve(settle(pair[1], self), boxes);
	lineage_close(pair[1]);
	if (error) {
		lineage_close(pair[0]);
		return error;
	}
	*coroner = (struct coroner){.pid = pid, .socket = pair[0]};
	return 0;
}

int coroner_ask(struct coroner *coroner, const struct blackbox *boxes, const struct coroner_question *question)
{
	if (coroner->socket < 0) {
		int error = make(coroner, boxes);
		if (error)
			return error;
	}
	while (send(coroner->socket, question, sizeof *question, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -EPIPE;
	return 0;
}

ssize_t coroner_answer(struct coroner *coroner, char *text, size_t size)
{
	struct head head;
	struct iovec parts[] = {{&head, sizeof head}, {text, size}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t got;
	do
		got = recvmsg(coroner->socket, &message, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return -EAGAIN;
	return got < (ssize_t)sizeof head ? -EPIPE : got - (ssize_t)sizeof head;
}

void coroner_end(struct coroner *coroner)
{
	if (coroner->socket < 0)
		return;
	lineage_close(coroner->socket);
	kill(coroner->pid, SIGKILL);
	while (waitpid(coroner->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*coroner = (struct coroner){.socket = -1};
}

void coroner_forget(struct coroner *coroner)
{
	*coroner = (struct coroner){.socket = -1};
}
