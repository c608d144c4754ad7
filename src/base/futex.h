/* SPDX-License-Identifier: MIT */
#ifndef BROOD_BASE_FUTEX_H
#define BROOD_BASE_FUTEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Sleeps while *word is value, in memory that processes may share; may return early. */
void futex_wait(_Atomic uint32_t *word, uint32_t value);

/* The same for less than a second: false, that has passed. */
bool futex_wait_for(_Atomic uint32_t *word, uint32_t value, uint32_t nanoseconds);

/* Wakes one sleeper, if there is one. */
void futex_wake(_Atomic uint32_t *word);

#endif
