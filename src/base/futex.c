/* SPDX-License-Identifier: MIT */
#include "base/futex.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
	syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

void futex_wake(_Atomic uint32_t *word)
{
	/* A wake that got lost would be waited for for ever. */
	for (int tries = 0; syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0) < 0 && tries < 3;)
		tries++;
}
