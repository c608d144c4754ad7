/* SPDX-License-Identifier: MIT */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/*
 * What the programs here share. Each takes one sample of one mechanism and prints it as one JSON object; run interleaves
 * them. A measurement is whole or there is none: whatever fails ends the program.
 */

_Noreturn void fail(const char *what);

/* Ends the program where result, a negative errno or -1 with errno, says so; otherwise gives it back. A call for each item would be
   counted among what it takes. */
_Noreturn void must_not(int result, const char *what);
static inline int must(int result, const char *what)
{
	if (result < 0)
		must_not(result, what);
	return result;
}

uint64_t nanoseconds(void);

/*
 * Calls work(context, count) with growing counts until a call takes a few milliseconds, and then with that count until a
 * sample's time is up. Nanoseconds for each of the count. A sample is BENCH_MILLISECONDS of the environment, or 60.
 */
typedef void measured(void *context, uint64_t count);
double measure(measured *work, void *context);
double sample_nanoseconds(void);

/*
 * Calls once(context), which says itself how many nanoseconds it took, until a sample's time is up; the first is left out
 * where it is short. The median.
 */
typedef double timed_once(void *context);
double measure_each(timed_once *once, void *context);

/* Prints {"ns": value}. */
void print_nanoseconds(double value);

/* Where two processes run: across cores, on the same core, or wherever the kernel puts them. */
enum placement { FREE, ACROSS, SAME };
enum placement placement_named(const char *name);
/* Puts this thread where side 0 or side 1 belongs. */
void settle_on(enum placement, int side);

/* Memory with every page touched, and without huge pages where small is true. */
void *touched(size_t size, bool small);

void write_whole(int fd, const void *data, size_t size);
/* false at the end of file. */
bool read_whole(int fd, void *data, size_t size);

/* A process's share of memory: the proportional set size, in which each page counts once among all that have it mapped. */
double memory_of(pid_t);
/* A file of /proc/PID. */
FILE *open_of(pid_t, const char *file);

double median(double *values, size_t count);

/* Room for as many descriptors as may be had: how many. */
size_t raise_descriptor_limit(void);

#endif
