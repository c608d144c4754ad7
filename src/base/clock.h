/* SPDX-License-Identifier: MIT */
#ifndef BROOD_BASE_CLOCK_H
#define BROOD_BASE_CLOCK_H

#include <stdint.h>

/* Seconds on CLOCK_MONOTONIC. */
double clock_now(void);

/* The same clock in nanoseconds, for short spans. */
uint64_t clock_nanoseconds(void);

/* What the processor counts, 10^9 in a second and more, for those who cannot pay for a look at the clock: that takes 25 ns, this 10. */
static inline uint64_t clock_ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t count;
	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
	return count << 5;
#else
	return clock_nanoseconds();
#endif
}

/* The processor time of this thread, in nanoseconds. */
uint64_t clock_busy(void);

/* When a limit in seconds from now is over; never for a negative one. */
double clock_deadline(double timeout);

/* The limit in seconds that ends at the deadline: negative for never, 0 once it is over. */
double clock_left(double deadline);

/* What poll and epoll_wait take to wait until the deadline: -1 for ever, 0 once it is over; rounded up, and cut to what
   an int holds, so that the caller looks at the clock again when nothing came. */
int clock_poll_timeout(double deadline);

#endif
