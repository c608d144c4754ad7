/* SPDX-License-Identifier: MIT */
#include "process/status.h"

#include <sys/resource.h>
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

void status_set_usage(struct brood_status *status, const struct rusage *usage)
{
	status->user_seconds = (double)usage->ru_utime.tv_sec + (double)usage->ru_utime.tv_usec * 1e-6;
	status->system_seconds = (double)usage->ru_stime.tv_sec + (double)usage->ru_stime.tv_usec * 1e-6;
	status->peak_bytes = (size_t)usage->ru_maxrss * 1024;
}
