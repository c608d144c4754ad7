/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_JOB_H
#define BROOD_COMMAND_JOB_H

#include "record.h"
#include "spool.h"

#include <stdio.h>

enum job_state { JOB_WAITING, JOB_RUNNING, JOB_ENDED, JOB_PRINTED };
enum job_end { END_NONE, END_EXIT, END_SIGNAL, END_TIMEOUT, END_HALTED, END_SPARED, END_UNSTARTED };

/* One command: what it runs, how it goes, what it wrote. */
struct job {
	size_t number; /* from 1, in the order of inputs */
	int slot;      /* from 1 */
	unsigned attempt;
	enum job_state state;

	struct record **records;
	size_t record_count;
	struct brood_buffer command; /* as a shell would read it, a NUL behind */
	struct brood_buffer words;   /* where no shell is needed: each with a NUL behind */
	size_t word_count;
	struct brood_buffer alias;   /* the command as in slot 1, where the slot is in it */
	struct brood_buffer tag;

	brood_process *process;
	int fds[2];   /* the ends that stdout and stderr are read from, or -1 */
	int kept[2];  /* the ends that they are written to: kept, so that a pipe whose job has closed it wakes nobody */
	int input;  /* the end that its stdin is written to, or -1 */
	struct brood_buffer chunk; /* of --pipe: what it reads */
	size_t chunk_written, sent; /* sent: in all */
	bool input_wanted; /* it has a stdin of its own */

	struct capture outputs[2];
	size_t ticket; /* its place in the order of printing, once it has ended */
	bool at_line_start[2], printed_command, streamed;
	FILE *files[2]; /* of --results */
	char *paths[2];
	bool unkept;     /* some of its output could not be written there */
	char *directory; /* of its own, by --wd ... */

	double started, wall_started, seconds, deadline;
	size_t step;      /* of the kill ladder: the next one */
	double next_step; /* when; 0: it is not being ended */
	enum job_end end, why_killed;
	int error; /* of END_UNSTARTED */
	struct brood_status status;
};

struct job *job_new(size_t number, struct record **records, size_t count);
void job_free(struct job *);

/* Makes it as it was before its attempt, for another one. */
void job_reset(struct job *);

/* The text by which it is known in another run, where it may get another slot. */
struct brood_bytes job_identity(const struct job *);

bool job_failed(const struct job *);

/* As a shell says it: 128 and the signal where one ended it. */
int job_exit_status(const struct job *);

/* What happened, in words: "exit code 3", "killed by SIGSEGV (core dumped)". */
const char *job_describe(const struct job *, char *text, size_t size);

/* The name of a signal with SIG before it, or its number. */
const char *signal_name(int signal);

#endif
