/* SPDX-License-Identifier: MIT */
/*
 * calibrate
 *
 * How many turns of work_on are a microsecond. The most of several tries: nothing makes it run faster than it can.
 */
#include "load.h"
#include "measure.h"

#include <stdio.h>

int main(void)
{
	enum { TRIES = 15, TURNS = 500000 };
	double best = 0;
	for (int i = 0; i < TRIES; i++) {
		uint64_t begin = nanoseconds();
		work_on(1, TURNS);
		double turns = TURNS * 1e3 / (double)(nanoseconds() - begin);
		best = turns > best ? turns : best;
	}
	printf("{\"turns\": %.3f}\n", best);
	return 0;
}
