/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_RUN_H
#define BROOD_COMMAND_RUN_H

#include "batch.h"
#include "halt.h"
#include "launch.h"
#include "options.h"
#include "printer.h"

struct logs;
struct chunks;
struct status;

enum stop { STOP_NO, STOP_STARTING, STOP_ENDING, STOP_KILLING };

/* All that is under way. */
struct run {
	const struct options *options;
	struct input *input;
	struct launcher launcher;
	struct batch batch;
	struct printer printer;
	struct chunks *chunks; /* of --pipe */
	struct logs *logs;
	struct status *status;

	struct job **running; /* in the order of their starts */
	size_t running_count;
	bool *slots;
	int jobs;
	struct job **retried; /* to be tried again, the last one first */
	size_t retried_count;
	struct job *next;     /* made, and not started yet */
	struct job *ending;   /* whose end is being told of: not to be freed yet */

	size_t made;
	bool exhausted;
	struct tally tally;
	enum stop stop;
	int signal;         /* that ends the command */
	int halt_status;    /* what a halt makes the command exit with */
	bool halted, trouble;
	double next_start;  /* not before: --delay */
	double *times;      /* of the jobs that succeeded, for --timeout N% */
	size_t time_count;
	int signal_fd;
	int source_fd;      /* of the inputs, while one is waited for; or -1 */
};

/* The command brood run, from its options on; what it exits with. */
int run_main(char **arguments);

/* The parts of a run: what begins, and what ends. */
void run_start_jobs(struct run *);
/* Those that are to be tried again, while the next input is waited for. */
void run_start_retried(struct run *);
void run_end_job(struct run *, struct job *);
void run_kill_job(struct job *, enum job_end why);
void run_stop(struct run *, enum stop);
void run_step_ladders(struct run *, double now);
/* When something is to be done though nothing happens; a negative number: never. */
double run_next_time(const struct run *);
/* One wait, and all that it brought. */
void run_wait(struct run *);

#endif
