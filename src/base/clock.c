/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <limits.h>
#include <math.h>
#include <time.h>

static uint64_t nanoseconds_of(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t clock_nanoseconds(void)
{
	return nanoseconds_of(CLOCK_MONOTONIC);
}

uint64_t clock_busy(void)
{
	return nanoseconds_of(CLOCK_THREAD_CPUTIME_ID);
}

double clock_now(void)
{
	return (double)clock_nanoseconds() * 1e-9;
}

double clock_deadline(double timeout)
{
	if (timeout < 0)
		return INFINITY;
	return timeout > 0 ? clock_now() + timeout : -INFINITY;
}

int clock_poll_timeout(double deadline)
{
	if (isinf(deadline))
		return deadline > 0 ? -1 : 0;
	double left = (deadline - clock_now()) * 1e3;
	if (left <= 0)
		return 0;
	return left >= INT_MAX ? INT_MAX : (int)left + 1;
}

double clock_left(double deadline)
{
	if (isinf(deadline))
		return deadline > 0 ? -1 : 0;
	return fmax(deadline - clock_now(), 0);
}
