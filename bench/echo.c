/* SPDX-License-Identifier: MIT */
/* A function for brood map: an item's value is the item. */
#include <brood.h>

int echo(brood_task *task, void *context);

int echo(brood_task *task, void *context)
{
	(void)context;
	const struct brood_bytes item = brood_item(task);
	return brood_reply(task, item.data, item.size);
}
