/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_INQUEST_H
#define BROOD_PROCESS_INQUEST_H

#include "process/coroner.h"
#include "process/nursery.h"

/*
 * Reports of a nursery that wait for a coroner's answer, one after the other. The nursery waits for none of them: it goes on,
 * and looks after them when the coroner's socket is readable, or the time is up.
 */
enum inquest_kind { INQUEST_NONE, INQUEST_DEAD, INQUEST_STUCK };

struct inquest {
	struct nursery_report report;
	enum inquest_kind kind;
	/* Where the coroner could not look, the process is asked itself; where it was killed, another is asked again. */
	bool asked, answering, again;
	double deadline;
};

/* At most an end, and before it a question, for each worker. */
enum { INQUESTS_MOST = 2 * NURSERY_LIMIT };

struct inquests {
	struct coroner coroner;
	struct blackbox *boxes;
	struct inquest waiting[INQUESTS_MOST];
	size_t first, count;
	char text[BLACKBOX_TEXT];
};

void inquests_begin(struct inquests *, struct blackbox *boxes);

/* What is to be asked of a worker that has ended, by what it has left in its box. */
enum inquest_kind inquest_of(const struct inquests *, const struct nursery_report *);

/* Whether reports of that number are under way, which are to be told first. */
bool inquests_have(const struct inquests *, int number);

/* The report is to wait for the answer. false: there is no room. */
bool inquests_add(struct inquests *, const struct nursery_report *, enum inquest_kind);

/* The process has been reaped, and its number may be another's. */
void inquests_gone(struct inquests *, pid_t);

/* The next report that needs to wait no longer, with the answer in its box. */
bool inquests_next(struct inquests *, struct nursery_report *out);

/* Milliseconds until inquests_next should be called again without being woken; -1: there is no need. */
int inquests_due(const struct inquests *);

#endif
