/* SPDX-License-Identifier: MIT */
#ifndef BROOD_BASE_RAW_H
#define BROOD_BASE_RAW_H

/*
 * A system call without the C library: the result or -errno. It touches no thread-local storage, so that a process which
 * shares the host's memory, and with it the storage of the thread that made it, can use it while that thread runs on.
 */
long raw_call(long number, long a, long b, long c, long d, long e);

/* Whether raw_call keeps that promise on this machine. */
#if defined(__x86_64__) || defined(__aarch64__)
#define RAW_SAFE 1
#else
#define RAW_SAFE 0
#endif

/* For functions that run in such a process: no stack canary, which is thread-local, and no sanitizer's calls. */
#if defined(__clang__)
#define RAW_FUNCTION __attribute__((__no_stack_protector__, __no_sanitize__("address", "undefined", "thread")))
#else
#define RAW_FUNCTION __attribute__((__no_stack_protector__, __no_sanitize__("address,undefined,thread")))
#endif

/* Closes every descriptor from first on but for spare, which is left alone; by close_range where it can be had. */
void raw_close_from(int first, int spare);

#endif
