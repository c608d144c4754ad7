/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_BLACKBOX_H
#define BROOD_PROCESS_BLACKBOX_H

#include "process/snapshot.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * What a worker leaves behind of how it ended, in memory that it shares with its nursery and the host; one for each number. The
 * worker writes the first part, when a signal is about to kill it, or when it leaves by exit. The nursery adds the traceback
 * that was made of that and the last of what the worker wrote to stderr. Nobody believes a number in it.
 */
enum { BLACKBOX_TEXT = 32 * 1024, BLACKBOX_OUTPUT = 16 * 1024 };

enum blackbox_state { BLACKBOX_EMPTY, BLACKBOX_WRITING, BLACKBOX_FILLED };

/* What filled it. */
enum blackbox_cause { BLACKBOX_SIGNAL = 1, BLACKBOX_EXIT, BLACKBOX_STUCK };

struct blackbox {
	_Atomic uint32_t state;
	uint32_t cause;
	int32_t signal, code, sender, error; /* the signal, its si_code and si_pid; errno as it was */
	uint64_t address, access;            /* of a fault; access: see describe.h */
	struct snapshot snapshot;
	uint32_t text_size, output_size;
	char text[BLACKBOX_TEXT];
	char output[BLACKBOX_OUTPUT];
};

#endif
