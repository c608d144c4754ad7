/* SPDX-License-Identifier: MIT */
#ifndef BROOD_TESTS_CRASH_H
#define BROOD_TESTS_CRASH_H

#include <stddef.h>

/* A stream of so many items, each of which crashes in one of six ways, and whose records must say in which and where. The
   processes that find that out may grow in memory and descriptors over the first tenth of them, and not after it. */
void crash_all(size_t count);

#endif
