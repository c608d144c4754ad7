/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_USAGE_H
#define BROOD_PROCESS_USAGE_H

#include <stdint.h>

struct rusage;

/* Times in microseconds, the peak in bytes. */
enum usage_word {
	USAGE_USER, USAGE_SYSTEM, USAGE_PEAK, USAGE_MINOR, USAGE_MAJOR, USAGE_VOLUNTARY, USAGE_INVOLUNTARY,
	USAGE_WORDS
};

/* What a process has used so far, as words, so that it can be taken from and to shared memory word by word. */
struct usage {
	uint64_t words[USAGE_WORDS];
};

struct usage usage_of(const struct rusage *);

/* Of this process and of the children that it has waited for; but the peak is its own. */
struct usage usage_now(void);

/* From now on the peak is that from now on, in whatever says it of this process. Without /proc it stays. */
void usage_reset_peak(void);

#endif
