/* SPDX-License-Identifier: MIT */
#ifndef TESTS_ALLOCATION_H
#define TESTS_ALLOCATION_H

#include <stddef.h>

/* Allocations of this program, by malloc, calloc and realloc, seen through the linker's --wrap. */

/* From now the nth allocation, 1 the first, fails; 0: none does. */
void allocation_fail(unsigned long nth);

/* Whether the one that was to fail has come. Ends the failing. */
int allocation_failed(void);

/* How many live. Only differences mean something: what libc itself allocated may be freed here. */
long allocation_count(void);

/* The largest that was asked for since the last call. */
size_t allocation_largest(void);

#endif
