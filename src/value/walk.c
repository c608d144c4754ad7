/* SPDX-License-Identifier: MIT */
#include "value/walk.h"

#include <errno.h>

int walk_next(struct walk *walk, struct head *head)
{
	if (walk->depth) {
		if (!walk->left[walk->depth - 1]) {
			walk->depth--;
			return WALK_CLOSE;
		}
		walk->left[walk->depth - 1]--;
	} else if (walk->begun) {
		return WALK_END;
	}
	walk->begun = true;
	int error = head_read(walk->rest, head);
	if (error)
		return error;
	walk->rest = bytes_after(walk->rest, head->size + head->body);
	if (head->type == BROOD_ARRAY || head->type == BROOD_MAP) {
		if (walk->depth == BROOD_VALUE_DEPTH)
			return -EBADMSG;
		walk->left[walk->depth++] = head_parts(head);
	}
	return WALK_VALUE;
}
