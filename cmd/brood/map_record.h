/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_MAP_RECORD_H
#define BROOD_COMMAND_MAP_RECORD_H

#include "map_options.h"

/* Records of items as they are written to stdout. */

/* An item that the function never sees, since it is not what it should be. The pool has it nevertheless, so that its record
   stands where it belongs: as bytes that are no MessagePack, with the line behind. */
void map_reject(struct brood_buffer *out, struct brood_bytes line, int error);
bool map_is_rejected(const struct map_options *, struct brood_bytes item);

/* The record as it is to be told: of a rejected item a failure, of others what the pool says. */
struct brood_result map_settle(const struct map_options *, const struct brood_result *);

/* Appends the line of a record; of a failure with --raw nothing. */
void map_record_add(const struct map_options *, struct brood_buffer *out, const struct brood_result *);

/* Appends the item as JSON, for a display. */
void map_record_add_item(const struct map_options *, struct brood_buffer *out, struct brood_bytes item);

#endif
