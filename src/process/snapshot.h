/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_SNAPSHOT_H
#define BROOD_PROCESS_SNAPSHOT_H

#include <stdint.h>

/*
 * What is kept of a thread: enough to say later, and in another process, which calls it was in. It lies in memory that is shared
 * with whoever may write anything there, so who reads it copies a number once, and checks it.
 *
 * Registers stand by the numbers that DWARF gives them: on x86-64 0 to 15, and at 16 the program counter; on AArch64 0 to 31,
 * of which 31 is the stack pointer, and at 32 the program counter.
 */
#if defined(__x86_64__)
enum { SNAPSHOT_REGISTERS = 17, SNAPSHOT_FP = 6, SNAPSHOT_SP = 7, SNAPSHOT_PC = 16 };
#elif defined(__aarch64__)
enum { SNAPSHOT_REGISTERS = 33, SNAPSHOT_FP = 29, SNAPSHOT_SP = 31, SNAPSHOT_PC = 32 };
#else
/* On others there are none, and tracebacks are empty. */
enum { SNAPSHOT_REGISTERS = 1, SNAPSHOT_FP = 0, SNAPSHOT_SP = 0, SNAPSHOT_PC = 0 };
#endif

enum { SNAPSHOT_STACK = 64 * 1024, SNAPSHOT_MAPS = 128 * 1024 };

struct snapshot {
	uint64_t registers[SNAPSHOT_REGISTERS];
	/* The stack from this address on, as much as was kept of it; its frames from bottom on are brood's own, 0: none are. */
	uint64_t stack_from, bottom;
	uint32_t stack_size;
	/* Of /proc/self/maps. */
	uint32_t maps_size;
	unsigned char stack[SNAPSHOT_STACK];
	char maps[SNAPSHOT_MAPS];
};

#endif
