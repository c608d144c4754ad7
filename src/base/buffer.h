/* SPDX-License-Identifier: MIT */
#ifndef BROOD_BASE_BUFFER_H
#define BROOD_BASE_BUFFER_H

#include <brood.h>

/* Makes room for more bytes behind buffer->size. 0 or -ENOMEM, and then nothing has changed. */
int buffer_reserve(struct brood_buffer *buffer, size_t more);

/* Appends size bytes. 0 or -ENOMEM, and then nothing has changed. */
int buffer_append(struct brood_buffer *buffer, const void *data, size_t size);

#endif
