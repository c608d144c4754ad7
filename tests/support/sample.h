/* SPDX-License-Identifier: MIT */
/* A little library that handles its errors, or does not, for the test of faults.c. */
#ifndef BROOD_TESTS_SAMPLE_H
#define BROOD_TESTS_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Copies the text through a pipe to a child and from it back by another pipe. 0 or -errno; frees and closes all. */
int sample_echo(const char *text, char *out, size_t size);

/* The same mistakes that the guards are to find; each happens only where a call has failed. */
enum sample_mistake { SAMPLE_LEAKS, SAMPLE_CRASHES, SAMPLE_HANGS, SAMPLE_FORGETS };
int sample_mistake(enum sample_mistake);

/* One read and one write of up to size bytes. */
ssize_t sample_read(int fd, void *data, size_t size);
ssize_t sample_write(int fd, const void *data, size_t size);

/* Whether each kind of call works when nothing fails. */
bool sample_calls(void);

#endif
