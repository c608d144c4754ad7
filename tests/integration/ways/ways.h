/* SPDX-License-Identifier: MIT */
/* Ways in which an item comes to nothing, in code that is compiled as users may compile theirs. */
#ifndef BROOD_TESTS_WAYS_H
#define BROOD_TESTS_WAYS_H

#include <brood.h>
#include <stdatomic.h>

#define WAYS(WAY) \
	WAY(read_null) WAY(write_null) WAY(write_member) WAY(jump_null) WAY(jump_data) WAY(write_constant) WAY(read_unmapped) \
	WAY(read_impossible) WAY(read_returned) WAY(overflow_slowly) WAY(overflow_fast) WAY(overflow_thread) WAY(read_behind_file) \
	WAY(divide_by_zero) WAY(divide_least) WAY(trap) WAY(run_nonsense) WAY(abort_now) WAY(assert_wrong) WAY(raise_fault) \
	WAY(kill_by_abort) WAY(killed_by_child) WAY(kill_itself) WAY(end_itself) WAY(leave) WAY(leave_at_once) WAY(leave_quickly) \
	WAY(commit_suicide) WAY(become_another) WAY(copy_from_null) WAY(measure_null) WAY(sort_badly) WAY(join_crasher) \
	WAY(crash_beside_spinner) WAY(handle_itself) WAY(free_twice) WAY(exhaust) WAY(spin) WAY(sleep_long) WAY(read_pipe) \
	WAY(spin_twice) WAY(ignore_term) WAY(stop_itself) WAY(be_traced) WAY(fail) WAY(return_7)

#define WAY_INDEX(name) WAY_##name,
enum way { WAYS(WAY_INDEX) WAY_COUNT };

/* In memory that the test shares with its workers. */
struct notes {
	volatile enum way way;
	volatile int line, line_of_other; /* of the call that a traceback is to begin with, and of that of a second thread */
	volatile pid_t sender;
	const char *volatile lacking; /* what the machine refuses, so that the way cannot be gone */
	_Atomic unsigned ready, rounds;
	/* What the compiler must not know. */
	int *volatile bad;
	void (*volatile nowhere)(void);
	volatile int zero, least, endless;
	volatile size_t few, many;
	char room[64];
	/* A fixture in a library is to use the very library that runs it. */
	void (*suicide)(int);
	int (*fail)(brood_task *, int, const char *, const char *, ...);
};

/* The context is the notes. One of each way of compiling. */
brood_work_fn ways_static0, ways_static2, ways_shared0, ways_shared2;

#endif
