/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_INPUT_H
#define BROOD_COMMAND_INPUT_H

#include "options.h"
#include "record.h"

/* All inputs, as the options combine them, one record after another. Files are read as records are asked for, as far as the
   way of combining allows. */
struct input;

struct input *input_open(const struct options *);
void input_free(struct input *);

/* The next record, which the caller frees; NULL behind the last. */
struct record *input_next(struct input *);

/* The names of --header, or NULL. */
const struct record *input_names(const struct input *);

/* How many records there are in all; 0: not known. With --bar and its kin it is. */
size_t input_total(const struct input *);

#endif
