/* SPDX-License-Identifier: MIT */
#include "base/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
	syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

bool futex_wait_for(_Atomic uint32_t *word, uint32_t value, uint32_t nanoseconds)
{
	const struct timespec limit = {.tv_nsec = nanoseconds};
	return !syscall(SYS_futex, word, FUTEX_WAIT, value, &limit, NULL, 0) || errno != ETIMEDOUT;
}

void futex_wake(_Atomic uint32_t *word)
{
	/* A wake that got lost would be waited for for ever. */
	for (int tries = 0; syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0) < 0 && tries < 3;)
		tries++;
}
