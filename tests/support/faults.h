/* SPDX-License-Identifier: MIT */
/*
 * Makes the library's calls fail on purpose. A program that links the dependency `faults` gets a copy of the library in
 * which each call of the list in faults.c goes through here; the calls of the test itself, of Check and of the C library
 * do not, so that a scenario may assert and prepare whatever it likes.
 *
 * Calls are counted in memory that processes share: those of children which the library forks count as well. What they
 * exec does not.
 */
#ifndef BROOD_TESTS_FAULTS_H
#define BROOD_TESTS_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

/* The nth call from now on, n from 1, fails with that errno, or with what is usual for that call if error is 0. Once.
   With n 0 nothing fails and calls are only counted. */
void faults_fail(unsigned n, int error);

/* The same, and every call after the nth fails as well. */
void faults_fail_from(unsigned n, int error);

/* Nothing fails or counts any more. What has been seen stays to be asked. */
void faults_off(void);

/* How many calls there have been since faults_fail. */
unsigned faults_seen(void);

/* The call that failed last since faults_fail, or NULL. */
const char *faults_failed(void);

/* Only these calls, named with spaces between, count and fail ("mmap memfd_create"); NULL: all. Stays until changed. */
void faults_only(const char *names);

/* These calls neither count nor fail; NULL: all do. Stays until changed. */
void faults_except(const char *names);

/* Reads, writes, sends and receives on pipes, files and stream sockets move at most that many bytes a call; 0: all. */
void faults_short(size_t most);

/*
 * Runs the scenario in a process of its own for n = 1, 2, … with the nth call failing, until it made fewer than n calls.
 * The scenario runs to its end whatever fails, and asserts what must hold then; faults_failed() tells it what failed.
 * Each run must end in time, without a crash, and leave no descriptor, child, orphan or thread; else the test fails and
 * standard error has the n and the call. Returns how many calls there were to fail. Each run forks from the test as it
 * is now, with what it has opened.
 */
unsigned faults_each(void (*scenario)(void *context), void *context);

/* The same with a choice; all zero is what faults_each does. */
struct faults_plan {
	int error;          /* 0: what is usual for the call */
	bool from;          /* all later calls fail too; for calls named in only */
	const char *only;   /* as faults_only */
	const char *except; /* as faults_except */
	double deadline;    /* seconds for each run, scaled; 0: 10 */
	bool mappings;      /* shared mappings are compared as well */
};
unsigned faults_each_plan(void (*scenario)(void *context), void *context, const struct faults_plan *);

#endif
