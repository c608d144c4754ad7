/* SPDX-License-Identifier: MIT */
#include "process/inquest.h"

#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* So long a process has to say where it is, and that often it is looked whether it has. */
#define ANSWER_TIME 0.2
#define ANSWER_LOOK 0.002

void inquests_begin(struct inquests *inquests, struct blackbox *boxes)
{
	coroner_forget(&inquests->coroner);
	inquests->boxes = boxes;
}

enum inquest_kind inquest_of(const struct inquests *inquests, const struct nursery_report *report)
{
	if (!inquests->boxes || report->number < 0)
		return INQUEST_NONE;
	const struct blackbox *box = &inquests->boxes[report->number];
	if (atomic_load(&box->state) != BLACKBOX_FILLED)
		return INQUEST_NONE;
	/* A handler that the host had set may have ended the worker by _exit. */
	if (box->cause == BLACKBOX_SIGNAL)
		return !report->status.signal || report->status.signal == box->signal ? INQUEST_DEAD : INQUEST_NONE;
	return box->cause == BLACKBOX_EXIT && !report->status.signal ? INQUEST_DEAD : INQUEST_NONE;
}

bool inquests_have(const struct inquests *inquests, int number)
{
	for (size_t i = 0; i < inquests->count; i++)
		if (inquests->waiting[(inquests->first + i) % INQUESTS_MOST].report.number == number)
			return true;
	return false;
}

bool inquests_add(struct inquests *inquests, const struct nursery_report *report, enum inquest_kind kind)
{
	if (inquests->count == INQUESTS_MOST)
		return false;
	inquests->waiting[(inquests->first + inquests->count++) % INQUESTS_MOST] = (struct inquest){.report = *report, .kind = kind};
	return true;
}

void inquests_gone(struct inquests *inquests, pid_t pid)
{
	for (size_t i = 0; i < inquests->count; i++) {
		struct inquest *inquest = &inquests->waiting[(inquests->first + i) % INQUESTS_MOST];
		if (inquest->kind == INQUEST_STUCK && inquest->report.status.pid == pid)
			inquest->report.status.pid = 0;
	}
}

/* Asks the coroner what there is to ask. false: there is none to be asked. */
static bool ask(struct inquests *inquests, struct inquest *inquest, enum coroner_kind kind)
{
	struct coroner_question question = {.kind = kind, .number = inquest->report.number, .pid = inquest->report.status.pid};
	question.bottom = atomic_load(&inquests->boxes[question.number].bottom);
	inquest->asked = true;
	inquest->deadline = clock_now() + CORONER_TIME;
	/* One that has died of an earlier question is known to have only now. */
	for (int tries = 0; tries < 2; tries++) {
		if (!coroner_ask(&inquests->coroner, inquests->boxes, &question))
			return true;
		coroner_end(&inquests->coroner);
	}
	return false;
}

static enum coroner_kind question_of(const struct inquest *inquest)
{
	return inquest->kind == INQUEST_DEAD ? CORONER_DEAD : CORONER_STUCK;
}

static void put_text(struct inquests *inquests, const struct inquest *inquest, size_t size)
{
	struct blackbox *box = &inquests->boxes[inquest->report.number];
	memcpy(box->text, inquests->text, size);
	box->text_size = (uint32_t)size;
}

/* The process said where it is, or has not in time: true, there is nothing more to wait for. */
static bool hear(struct inquests *inquests, struct inquest *inquest)
{
	struct blackbox *box = &inquests->boxes[inquest->report.number];
	if (atomic_load(&box->state) != BLACKBOX_FILLED)
		return clock_now() >= inquest->deadline;
	inquest->answering = false;
	return !ask(inquests, inquest, CORONER_DEAD);
}

static bool is_stuck_box(const struct inquests *inquests, const struct inquest *inquest)
{
	const struct blackbox *box = &inquests->boxes[inquest->report.number];
	return box->cause == BLACKBOX_STUCK && atomic_load(&box->state) == BLACKBOX_FILLED;
}

/* The coroner's answer has come, or it has gone, or is late: true, there is nothing more to wait for. */
static bool take_answer(struct inquests *inquests, struct inquest *inquest)
{
	ssize_t size = coroner_answer(&inquests->coroner, inquests->text, sizeof inquests->text);
	if (size == -EAGAIN && clock_now() < inquest->deadline)
		return false;
	if (size < 0) {
		coroner_end(&inquests->coroner);
		if (size != -EPIPE || inquest->again)
			return true;
		inquest->again = true;
		return !ask(inquests, inquest, question_of(inquest));
	}
	if (size || inquest->kind != INQUEST_STUCK || is_stuck_box(inquests, inquest)) {
		put_text(inquests, inquest, (size_t)size);
		return true;
	}
	inquest->answering = inquest->report.status.pid && !kill(inquest->report.status.pid, BLACKBOX_ASK);
	inquest->deadline = clock_now() + ANSWER_TIME;
	return !inquest->answering;
}

static bool is_over(struct inquests *inquests, struct inquest *inquest)
{
	const bool gone = inquest->kind == INQUEST_STUCK && !inquest->report.status.pid;
	if (inquest->kind == INQUEST_NONE || (gone && (!inquest->asked || inquest->answering)))
		return true;
	if (!inquest->asked && !ask(inquests, inquest, question_of(inquest)))
		return true;
	return inquest->answering ? hear(inquests, inquest) : take_answer(inquests, inquest);
}

bool inquests_next(struct inquests *inquests, struct nursery_report *out)
{
	if (!inquests->count)
		return false;
	struct inquest *inquest = &inquests->waiting[inquests->first];
	if (!is_over(inquests, inquest))
		return false;
	/* For a crash on the way out it is free again. */
	if (inquest->kind == INQUEST_STUCK && is_stuck_box(inquests, inquest))
		atomic_store(&inquests->boxes[inquest->report.number].state, BLACKBOX_EMPTY);
	*out = inquest->report;
	inquests->first = (inquests->first + 1) % INQUESTS_MOST;
	inquests->count--;
	return true;
}

int inquests_due(const struct inquests *inquests)
{
	if (!inquests->count)
		return -1;
	const struct inquest *inquest = &inquests->waiting[inquests->first];
	if (!inquest->asked)
		return 0;
	return clock_poll_timeout(inquest->answering ? clock_now() + ANSWER_LOOK : inquest->deadline);
}
