/* SPDX-License-Identifier: MIT */
#include "outcome.h"

#include <stdio.h>
#include <unistd.h>

static const char *word_of(const struct job *job)
{
	switch (job->end) {
	case END_UNSTARTED:
		return "unstarted";
	case END_TIMEOUT:
		return "timeout";
	case END_SIGNAL:
		return "signal";
	default:
		return job_failed(job) ? "fail" : "success";
	}
}

void outcome_of(const struct job *job, struct outcome *out)
{
	*out = (struct outcome){.word = word_of(job)};
	/* What is there of an earlier attempt is not this one's. */
	if (job->end != END_UNSTARTED) {
		out->status = job->status;
		out->exited = !job->status.signal;
	}
	if (out->status.signal)
		snprintf(out->signal, sizeof out->signal, "%s", signal_name(out->status.signal));
	if (job_failed(job))
		job_describe(job, out->failure, sizeof out->failure);
}

const char *outcome_host(void)
{
	static char name[256];
	if (!*name && gethostname(name, sizeof name - 1))
		snprintf(name, sizeof name, "localhost");
	return name;
}
