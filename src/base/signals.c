/* SPDX-License-Identifier: MIT */
#include "base/signals.h"

#include <errno.h>
#include <unistd.h>

void signals_block(sigset_t *before)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

void signals_restore(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

int signals_send(pid_t leader, int signal)
{
	const int error = kill(-leader, signal) ? -errno : 0;
	/* It may be leaving just now; and what ends it may as well come twice. */
	if (signal != SIGKILL && getpgid(leader) == leader)
		return error;
	if (!kill(leader, signal))
		return 0;
	return error ? -errno : 0;
}
