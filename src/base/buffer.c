/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int buffer_reserve(struct brood_buffer *buffer, size_t more)
{
	if (more > SIZE_MAX - buffer->size)
		return -ENOMEM;
	size_t need = buffer->size + more;
	if (need <= buffer->capacity)
		return 0;
	size_t capacity = buffer->capacity ? buffer->capacity : 64;
	while (capacity < need)
		capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
	unsigned char *data = realloc(buffer->data, capacity);
	if (!data)
		return -ENOMEM;
	buffer->data = data;
	buffer->capacity = capacity;
	return 0;
}

int buffer_append(struct brood_buffer *buffer, const void *data, size_t size)
{
	int error = buffer_reserve(buffer, size);
	if (error)
		return error;
	if (size)
		memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
	return 0;
}

BROOD_API void brood_buffer_free(struct brood_buffer *buffer)
{
	if (!buffer)
		return;
	free(buffer->data);
	*buffer = (struct brood_buffer){0};
}
