/* SPDX-License-Identifier: MIT */
#ifndef BROOD_VALUE_WALK_H
#define BROOD_VALUE_WALK_H

#include "value/head.h"

/* Goes through one value and all that it holds, without recursion. All zero but rest to begin with. */
struct walk {
	struct brood_bytes rest; /* what has not been seen */
	bool begun;
	size_t depth; /* how many arrays and maps are open */
	size_t left[BROOD_VALUE_DEPTH];
};

enum { WALK_END, WALK_VALUE, WALK_CLOSE };

/*
 * The next thing: WALK_VALUE, whose head is in *head, and which is open from now if it is an array or a map; WALK_CLOSE
 * when the innermost open one has ended; WALK_END once all is seen; or -EBADMSG, also where it nests too deep.
 */
int walk_next(struct walk *walk, struct head *head);

#endif
