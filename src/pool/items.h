/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_ITEMS_H
#define BROOD_POOL_ITEMS_H

#include "pool/board.h"
#include "pool/region.h"

#include <brood.h>

/* An item in the region, as a batch of kind BOARD_TABLE has them; and BOARD_SLOTS, where short ones are held in place. */
struct item_entry {
	uint64_t offset, size;
};

enum { ITEM_SHORT = 8 };

struct item_slot {
	uint64_t size;
	union {
		uint64_t offset;
		unsigned char bytes[ITEM_SHORT];
	};
};

/* The item of a slot. Whatever its entry says, what it gives lies among the bytes of items. */
struct brood_bytes items_at(const struct region *, const struct board_batch *, uint32_t slot);

static inline struct brood_bytes items_in_array(const struct board_batch *batch, uint32_t slot)
{
	return (struct brood_bytes){(const char *)batch->inherited + slot * batch->stride, batch->stride};
}

/* Puts copies of items where workers find them, and says so in the batch: 0, -EINVAL, -ENOMEM or -EOVERFLOW. */
int items_copy_list(struct region *, struct board_batch *, const struct brood_bytes *items, size_t count);
int items_copy_array(struct region *, struct board_batch *, const void *items, size_t size, size_t count);

#endif
