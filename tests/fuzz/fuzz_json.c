/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct brood_buffer value = {0}, text = {0}, again = {0};
	int error = brood_value_from_json((struct brood_bytes){data, size}, &value);
	MUST(error == 0 || error == -EBADMSG || error == -ERANGE);
	if (error) {
		MUST(!value.data && !value.size && !value.capacity);
		return 0;
	}
	MUST(!brood_value_check(bytes_of(&value)));
	MUST(!brood_value_to_json(bytes_of(&value), &text));
	MUST(!brood_value_from_json(bytes_of(&text), &again));
	MUST(equal(bytes_of(&again), bytes_of(&value)));
	/* Text that goes on is another value, or none. */
	unsigned char *longer = malloc(size + 1);
	MUST(longer);
	memcpy(longer, data, size);
	longer[size] = ']';
	MUST(brood_value_from_json((struct brood_bytes){longer, size + 1}, &again) == -EBADMSG);
	MUST(equal(bytes_of(&again), bytes_of(&value)));
	free(longer);
	brood_buffer_free(&value);
	brood_buffer_free(&text);
	brood_buffer_free(&again);
	return 0;
}
