/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_KEY_H
#define BROOD_COMMAND_KEY_H

#include "job.h"

/* By what a job is known from run to run: FNV-1a of 64 bits over its command and, where it has a chunk, a NUL and the chunk. */
uint64_t key_of(const struct job *);
uint64_t key_of_bytes(struct brood_bytes);

enum { KEY_DIGITS = 16 };
void key_print(uint64_t key, char text[KEY_DIGITS + 1]);
bool key_read(struct brood_bytes text, uint64_t *key);

/* A number from 1 for each key; all zero is empty. */
struct key_counts {
	struct key_count *places;
	size_t capacity, count;
};

/* The key's number, which is 1 where it had not been asked for before; never to be set to 0. Valid until the next call. */
uint32_t *key_count(struct key_counts *, uint64_t key, bool *known);
void key_counts_free(struct key_counts *);

#endif
