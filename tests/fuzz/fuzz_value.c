/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <errno.h>

/* Tries every unpacker: the one of the value's type takes it, and no other does, or changes anything. */
static int unpack_all(struct brood_bytes *rest, int type)
{
	union {
		bool boolean;
		int64_t integer;
		uint64_t natural;
		double real;
		struct brood_bytes bytes;
		size_t count;
	} out, before;
	memset(&before, 0x5a, sizeof before);
	int taken = 0;
	struct brood_bytes start = *rest;
	for (int nth = BROOD_NIL; nth <= BROOD_MAP; nth++) {
		struct brood_bytes at = start;
		out = before;
		int error = 0;
		switch (nth) {
		case BROOD_NIL: error = brood_unpack_nil(&at); break;
		case BROOD_BOOL: error = brood_unpack_bool(&at, &out.boolean); break;
		case BROOD_INT: error = brood_unpack_int(&at, &out.integer); break;
		case BROOD_UINT: error = brood_unpack_uint(&at, &out.natural); break;
		case BROOD_DOUBLE: error = brood_unpack_double(&at, &out.real); break;
		case BROOD_STR: error = brood_unpack_str(&at, &out.bytes); break;
		case BROOD_BIN: error = brood_unpack_bin(&at, &out.bytes); break;
		case BROOD_ARRAY: error = brood_unpack_array(&at, &out.count); break;
		default: error = brood_unpack_map(&at, &out.count);
		}
		const char *end = (const char *)start.data + start.size;
		if (error) {
			MUST(error == -EBADMSG || error == -EPROTOTYPE || error == -ERANGE);
			MUST((error == -EBADMSG) == (type <= 0));
			MUST(error != -ERANGE || type == BROOD_INT || type == BROOD_UINT);
			MUST(at.data == start.data && at.size == start.size && !memcmp(&out, &before, sizeof out));
			MUST(nth != type);
			continue;
		}
		taken = 1;
		MUST(nth == type || (nth == BROOD_INT && type == BROOD_UINT));
		MUST(at.size < start.size && (const char *)at.data + at.size == end);
		if (type == BROOD_STR || type == BROOD_BIN) {
			MUST((const char *)out.bytes.data >= (const char *)start.data);
			MUST((const char *)out.bytes.data + out.bytes.size == (const char *)at.data);
		}
		MUST(type != BROOD_ARRAY || out.count <= at.size);
		MUST(type != BROOD_MAP || out.count <= at.size / 2);
		*rest = at;
	}
	return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct brood_bytes value = {data, size}, rest = value;
	int checked = brood_value_check(value);
	MUST(checked == 0 || checked == -EBADMSG);
	int skipped = brood_unpack_skip(&rest);
	MUST(skipped == 0 || (skipped == -EBADMSG && rest.data == data && rest.size == size));
	MUST((checked == 0) == (skipped == 0 && rest.size == 0));
	if (!skipped)
		MUST(!brood_value_check((struct brood_bytes){data, size - rest.size}));
	for (rest = value;;) {
		int type = brood_value_type(rest);
		MUST(type == -EBADMSG || (type >= 0 && type <= BROOD_EXT));
		MUST((type == 0) == (rest.size == 0));
		MUST(checked || type >= 0);
		if (type == BROOD_EXT)
			MUST(!brood_unpack_skip(&rest));
		else if (!unpack_all(&rest, type))
			break;
	}
	MUST(checked || !rest.size);

	struct brood_buffer text = {0}, back = {0}, again = {0};
	MUST(brood_value_to_json(value, &text) == checked);
	if (checked) {
		MUST(!text.data);
		return 0;
	}
	MUST(!memchr(text.data, '\n', text.size));
	MUST(!brood_value_from_json(bytes_of(&text), &back));
	MUST(!brood_value_check(bytes_of(&back)));
	MUST(back.size <= size || memchr(data, 0xca, size));
	MUST(!brood_value_to_json(bytes_of(&back), &again));
	MUST(equal(bytes_of(&again), bytes_of(&text)));
	brood_buffer_free(&text);
	brood_buffer_free(&back);
	brood_buffer_free(&again);
	return 0;
}
