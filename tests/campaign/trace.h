/* SPDX-License-Identifier: MIT */
/* One run of a program in which one process is killed. */
#ifndef BROOD_TESTS_TRACE_H
#define BROOD_TESTS_TRACE_H

#include <stdbool.h>

/* By descent: the program is the host, a child of a host a nursery, a child of a nursery a worker, a child of a worker a
   nursery again. */
enum trace_role { TRACE_HOST, TRACE_NURSERY, TRACE_WORKER, TRACE_ROLES };

/* Neither at nor after is set: nobody is killed. */
struct trace_plan {
	char *const *argv;
	enum trace_role role;
	unsigned long at;    /* at that stop, counted from 1 over all processes of the role; entry and exit of a call are two */
	unsigned long steps; /* that many instructions after it */
	double after;        /* that many seconds after the mark, whatever is being done there */
	bool timed;          /* after is set */
	bool count;          /* the stops of all roles are counted; else those of the role up to the kill */
	double limit;        /* seconds until it is called a hang */
};

struct trace_report {
	bool marked, killed;
	unsigned long stops[TRACE_ROLES];
	double seconds;  /* from the mark to the host's end */
	int host_status; /* as waitpid gives it */
	bool host_was_killed;
	bool hang;       /* the host had not ended in time */
	int left;        /* how many processes lived on a second after the host */
};

extern const char *const trace_names[TRACE_ROLES];

/* Runs the program, and returns when it and all that it made are gone. What hangs or is left is described on standard
   output before it is killed. output is a file for what the program prints. */
struct trace_report trace_run(const struct trace_plan *, int output);

#endif
