/* SPDX-License-Identifier: MIT */
/* A second opinion: msgpack-c takes what the packers make, and makes the same bytes of it. */
#include "sample.h"
#include "support.h"

#include <msgpack.h>
#include <string.h>

static void agree(struct brood_bytes value, bool minimal)
{
	msgpack_unpacked unpacked;
	msgpack_unpacked_init(&unpacked);
	size_t offset = 0;
	ck_assert_int_eq(msgpack_unpack_next(&unpacked, value.data, value.size, &offset), MSGPACK_UNPACK_SUCCESS);
	ck_assert_uint_eq(offset, value.size);
	msgpack_sbuffer buffer;
	msgpack_sbuffer_init(&buffer);
	msgpack_packer packer;
	msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
	ck_assert_int_eq(msgpack_pack_object(&packer, unpacked.data), 0);
	ck_assert_int_eq(brood_value_check((struct brood_bytes){buffer.data, buffer.size}), 0);
	if (minimal)
		ck_assert(buffer.size == value.size && !memcmp(buffer.data, value.data, value.size));
	msgpack_sbuffer_destroy(&buffer);
	msgpack_unpacked_destroy(&unpacked);
}

START_TEST(packed_values_are_the_same)
{
	uint64_t seed = 99;
	for (int i = 0; i < 5000; i++) {
		struct brood_buffer value = {0};
		sample_value(&value, &seed, 5, true);
		agree(bytes_of(&value), true);
		brood_buffer_free(&value);
	}
	for (const struct brood_bytes *format = sample_formats; format->data; format++)
		agree(*format, false);
}
END_TEST

/* Of random bytes both must say the same, but that msgpack-c has another bound on nesting. */
START_TEST(broken_values_are_the_same)
{
	uint64_t seed = 100;
	int whole = 0;
	for (int i = 0; i < 200000; i++) {
		unsigned char data[16];
		size_t size = 1 + sample_random(&seed) % sizeof data;
		for (size_t n = 0; n < size; n++)
			data[n] = (unsigned char)(sample_random(&seed) % 2 ? 0x80 + sample_random(&seed) % 0x70 : sample_random(&seed));
		/* It reserves what a head announces. */
		bool announces = memchr(data, 0xdc, size) || memchr(data, 0xdd, size) || memchr(data, 0xde, size) || memchr(data, 0xdf, size);
		if (announces)
			continue;
		msgpack_unpacked unpacked;
		msgpack_unpacked_init(&unpacked);
		size_t offset = 0;
		bool theirs = msgpack_unpack_next(&unpacked, (const char *)data, size, &offset) == MSGPACK_UNPACK_SUCCESS;
		struct brood_bytes rest = {data, size};
		bool ours = !brood_unpack_skip(&rest);
		ck_assert_int_eq(ours, theirs);
		if (ours)
			ck_assert_uint_eq(size - rest.size, offset);
		whole += ours;
		msgpack_unpacked_destroy(&unpacked);
	}
	ck_assert_int_gt(whole, 10000);
}
END_TEST

static Suite *msgpack_c_suite(void)
{
	Suite *suite = suite_create("msgpack-c");
	TCase *test = support_case(suite, "msgpack-c", 60);
	tcase_add_test(test, packed_values_are_the_same);
	tcase_add_test(test, broken_values_are_the_same);
	return suite;
}

int main(void)
{
	return support_main(msgpack_c_suite);
}
