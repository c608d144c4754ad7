/* SPDX-License-Identifier: MIT */
#include "process/status.h"

#include <sys/wait.h>

void status_set_end(struct brood_status *status, int wait_status)
{
	if (WIFSIGNALED(wait_status)) {
		status->signal = WTERMSIG(wait_status);
		status->core_dumped = WCOREDUMP(wait_status);
	} else {
		status->exit_code = WEXITSTATUS(wait_status);
	}
}

void status_set_usage(struct brood_status *status, const struct usage *usage)
{
	status->user_seconds = (double)usage->words[USAGE_USER] * 1e-6;
	status->system_seconds = (double)usage->words[USAGE_SYSTEM] * 1e-6;
	status->peak_bytes = usage->words[USAGE_PEAK];
}
