/* SPDX-License-Identifier: MIT */
#include "halt.h"

/* Where the number of all jobs is not known, a percentage says nothing about fewer. */
enum { PERCENT_LEAST = 3 };

bool halt_reached(const struct halt *halt, const struct tally *tally)
{
	const size_t done = tally->succeeded + tally->failed;
	const size_t count = halt->what == HALT_FAIL ? tally->failed : halt->what == HALT_SUCCESS ? tally->succeeded : done;
	if (halt->when == HALT_NEVER)
		return false;
	if (!halt->most.percent)
		return (double)count >= halt->most.value;
	if (tally->total)
		return (double)count * 100 >= halt->most.value * (double)tally->total;
	/* Of those that have ended. */
	return count >= PERCENT_LEAST && (double)count * 100 >= halt->most.value * (double)done;
}

int halt_status(const struct halt *halt, const struct tally *tally, int exit_status)
{
	const size_t done = tally->succeeded + tally->failed, all = tally->total ? tally->total : done;
	if (halt->what == HALT_SUCCESS)
		return 0;
	if (halt->most.percent)
		return all ? (int)((tally->failed * 100 + all - 1) / all) : 0;
	if (halt->most.value <= 1)
		return exit_status;
	return tally->failed > 101 ? 101 : (int)tally->failed;
}
