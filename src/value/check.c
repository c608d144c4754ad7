/* SPDX-License-Identifier: MIT */
#include "value/walk.h"

#include <errno.h>

static int pass(struct brood_bytes *rest)
{
	/* Not an initialiser, which would clear all of the stack for every small value. */
	struct walk walk;
	walk.rest = *rest;
	walk.begun = false;
	walk.depth = 0;
	struct head head;
	int what;
	while ((what = walk_next(&walk, &head)) > 0)
		;
	if (what == WALK_END)
		*rest = walk.rest;
	return what;
}

BROOD_API int brood_unpack_skip(struct brood_bytes *rest)
{
	return rest ? pass(rest) : -EINVAL;
}

BROOD_API int brood_value_check(struct brood_bytes value)
{
	int error = pass(&value);
	if (error)
		return error;
	return value.size ? -EBADMSG : 0;
}
