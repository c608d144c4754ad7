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
enum { BLACKBOX_TEXT = 32 * 1024, BLACKBOX_OUTPUT = 16 * 1024, BLACKBOX_STACK = 64 * 1024 };

enum blackbox_state { BLACKBOX_EMPTY, BLACKBOX_WRITING, BLACKBOX_FILLED };

/* What filled it: a signal that kills, a call of exit, the nursery's asking where the worker is, or its own wish. */
enum blackbox_cause { BLACKBOX_SIGNAL = 1, BLACKBOX_EXIT, BLACKBOX_STUCK, BLACKBOX_NOTE };

/* What a fault was about to do. */
enum blackbox_access { BLACKBOX_UNKNOWN, BLACKBOX_READ, BLACKBOX_WRITE, BLACKBOX_EXECUTE };

struct blackbox {
	_Atomic uint32_t state;
	uint32_t cause;
	int32_t signal, code, sender; /* the signal, its si_code and si_pid */
	int32_t error;                /* errno as it was */
	uint64_t address, access;     /* of a fault */
	_Atomic uint64_t bottom;      /* of the stack: frames from there on are brood's own; the worker keeps it up to date */
	struct snapshot snapshot;
	/* Of the handlers. Here it costs a worker that does not crash nothing; among the library's own variables it would spread them
	   over more pages, of which each worker has its own copy. */
	_Alignas(64) unsigned char handler_stack[BLACKBOX_STACK];
	uint32_t text_size, output_size;
	char text[BLACKBOX_TEXT];
	char output[BLACKBOX_OUTPUT];
};

/* A signal that is not handled otherwise makes the worker write where it is, and go on. */
#define BLACKBOX_ASK SIGQUIT

/* Empties it for a new worker; called by the host. */
void blackbox_clear(struct blackbox *);

/* In a new worker: from now on the signals of a crash fill the box before they do what they did before. Whoever handled such a
   signal before handles it after, and who handles it later replaces this. */
void blackbox_arm(struct blackbox *);

/* In that worker: fills it with where the function with this frame was called from. false: it is not the worker's to fill. */
bool blackbox_note(const void *frame);

/* In that worker, on its way out by exit. */
void blackbox_leave(int status);

#endif
