/* SPDX-License-Identifier: MIT */
/* What the tests of processes and programs share beyond support.h. */
#ifndef BROOD_TESTS_PROCESS_H
#define BROOD_TESTS_PROCESS_H

#include "support.h"

#include <brood.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* valgrind writes core files of its own, flushes streams at _exit, dies of some failed execs, and keeps descriptors for itself. */
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

/* How often to repeat what needs luck to fail: fewer times where BROOD_TEST_SLOW says how many times slower all is. */
static inline int rounds(int count)
{
	const char *text = getenv("BROOD_TEST_SLOW");
	int factor = text ? atoi(text) : 1;
	return factor > 1 ? (count + factor - 1) / factor : count;
}

/* Receives a message that is exactly this object. */
#define receive_object(channel, object) \
	do { \
		struct brood_message message_; \
		ck_assert_int_eq(brood_receive((channel), &message_), 1); \
		ck_assert_uint_eq(message_.body.size, sizeof(object)); \
		memcpy(&(object), message_.body.data, sizeof(object)); \
	} while (0)

/* Waits for the child, which ended so, and frees the channel. */
#define ended(channel, code, number) \
	do { \
		struct brood_status status_; \
		ck_assert_int_eq(brood_wait((channel), support_scale(10), &status_), 0); \
		ck_assert_int_eq(status_.signal, (number)); \
		ck_assert_int_eq(status_.exit_code, (code)); \
		brood_channel_free(channel); \
	} while (0)

/* A child that has nothing to do until it is killed, or told to end by brood_close. */
static inline int wait_for_end(brood_channel *channel, void *context)
{
	struct brood_message message;
	(void)context;
	return brood_receive(channel, &message) ? 1 : 0;
}

static inline int return_code(brood_channel *channel, void *context)
{
	(void)channel;
	return *(int *)context;
}

/* A new directory of this template's, and out of it and away with it; also where the test has changed PATH. */
static inline void enter_place(char *place)
{
	ck_assert_ptr_nonnull(mkdtemp(place));
	ck_assert_int_eq(chdir(place), 0);
}

static inline void leave_place(const char *place)
{
	char command[100];
	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof command, "PATH=/bin:/usr/bin rm -rf %s", place);
	ck_assert_int_eq(system(command), 0);
}

/* Collects what is left, the guardian of direct programs as well. */
static inline void collect_all(void)
{
	ck_assert_int_eq(brood_waitall(support_scale(10)), 0);
}

#endif
