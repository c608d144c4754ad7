/* SPDX-License-Identifier: MIT */
#include "allocation.h"
#include "sample.h"
#include "support.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool equal(const struct brood_buffer *buffer, struct brood_bytes bytes)
{
	return buffer->size == bytes.size && !memcmp(buffer->data, bytes.data, bytes.size);
}

START_TEST(integers_take_the_least_width)
{
	static const struct {
		int64_t value;
		struct brood_bytes bytes;
	} cases[] = {
		{0, {"\x00", 1}}, {127, {"\x7f", 1}}, {128, {"\xcc\x80", 2}}, {255, {"\xcc\xff", 2}},
		{256, {"\xcd\x01\x00", 3}}, {65535, {"\xcd\xff\xff", 3}}, {65536, {"\xce\x00\x01\x00\x00", 5}},
		{UINT32_MAX, {"\xce\xff\xff\xff\xff", 5}}, {INT64_C(1) << 32, {"\xcf\0\0\0\1\0\0\0\0", 9}},
		{INT64_MAX, {"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 9}}, {-1, {"\xff", 1}}, {-32, {"\xe0", 1}},
		{-33, {"\xd0\xdf", 2}}, {-128, {"\xd0\x80", 2}}, {-129, {"\xd1\xff\x7f", 3}}, {-32768, {"\xd1\x80\x00", 3}},
		{-32769, {"\xd2\xff\xff\x7f\xff", 5}}, {INT32_MIN, {"\xd2\x80\x00\x00\x00", 5}},
		{INT64_C(-2147483649), {"\xd3\xff\xff\xff\xff\x7f\xff\xff\xff", 9}},
		{INT64_MIN, {"\xd3\x80\0\0\0\0\0\0\0", 9}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct brood_buffer buffer = {0};
		ck_assert_int_eq(brood_pack_int(&buffer, cases[i].value), 0);
		ck_assert_msg(equal(&buffer, cases[i].bytes), "%ld", (long)cases[i].value);
		ck_assert_int_eq(brood_value_check(bytes_of(&buffer)), 0);
		struct brood_bytes rest = bytes_of(&buffer);
		ck_assert_int_eq(brood_value_type(rest), cases[i].value < 0 ? BROOD_INT : BROOD_UINT);
		int64_t back = 77;
		ck_assert_int_eq(brood_unpack_int(&rest, &back), 0);
		ck_assert(back == cases[i].value && !rest.size);
		rest = bytes_of(&buffer);
		uint64_t natural = 77;
		if (cases[i].value < 0) {
			ck_assert_int_eq(brood_unpack_uint(&rest, &natural), -ERANGE);
			ck_assert(natural == 77 && rest.data == buffer.data && rest.size == buffer.size);
		} else {
			ck_assert_int_eq(brood_unpack_uint(&rest, &natural), 0);
			ck_assert(natural == (uint64_t)cases[i].value && !rest.size);
		}
		brood_buffer_free(&buffer);
	}
	for (uint64_t value = (uint64_t)INT64_MAX; value; value = value == UINT64_MAX ? 0 : value == (uint64_t)INT64_MAX ? value + 1 : UINT64_MAX) {
		struct brood_buffer buffer = {0};
		ck_assert_int_eq(brood_pack_uint(&buffer, value), 0);
		struct brood_bytes rest = bytes_of(&buffer);
		int64_t back = 77;
		bool fits = value <= INT64_MAX;
		ck_assert_int_eq(brood_unpack_int(&rest, &back), fits ? 0 : -ERANGE);
		ck_assert(back == (fits ? INT64_MAX : 77) && rest.size == (fits ? 0 : 9));
		rest = bytes_of(&buffer);
		uint64_t natural;
		ck_assert_int_eq(brood_unpack_uint(&rest, &natural), 0);
		ck_assert(natural == value);
		brood_buffer_free(&buffer);
	}
}
END_TEST

START_TEST(signed_formats_of_naturals_are_naturals)
{
	static const struct brood_bytes cases[] = {
		{"\xd0\x05", 2}, {"\xd1\x00\x05", 3}, {"\xd2\x00\x00\x00\x05", 5}, {"\xd3\0\0\0\0\0\0\0\5", 9}, {"\xcf\0\0\0\0\0\0\0\5", 9},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct brood_bytes rest = cases[i];
		uint64_t natural;
		int64_t integer;
		ck_assert_int_eq(brood_value_type(rest), BROOD_UINT);
		ck_assert_int_eq(brood_unpack_uint(&rest, &natural), 0);
		ck_assert(natural == 5 && !rest.size);
		rest = cases[i];
		ck_assert_int_eq(brood_unpack_int(&rest, &integer), 0);
		ck_assert(integer == 5 && !rest.size);
	}
}
END_TEST

START_TEST(lengths_take_the_least_width)
{
	static const size_t sizes[] = {0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536, 70000};
	static char data[70000];
	memset(data, 'x', sizeof data);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t size = sizes[i];
		struct brood_buffer buffer = {0};
		struct brood_bytes rest, out;
		ck_assert_int_eq(brood_pack_str(&buffer, data, size), 0);
		ck_assert_uint_eq(buffer.size - size, size < 32 ? 1 : size < 256 ? 2 : size < 65536 ? 3 : 5);
		rest = bytes_of(&buffer);
		ck_assert_int_eq(brood_value_type(rest), BROOD_STR);
		ck_assert_int_eq(brood_unpack_str(&rest, &out), 0);
		ck_assert(out.size == size && !rest.size && !memcmp(out.data, data, size));
		ck_assert_int_eq(brood_value_check(bytes_of(&buffer)), 0);
		buffer.size = 0;
		ck_assert_int_eq(brood_pack_bin(&buffer, data, size), 0);
		ck_assert_uint_eq(buffer.size - size, size < 256 ? 2 : size < 65536 ? 3 : 5);
		rest = bytes_of(&buffer);
		ck_assert_int_eq(brood_value_type(rest), BROOD_BIN);
		ck_assert_int_eq(brood_unpack_bin(&rest, &out), 0);
		ck_assert(out.size == size && !rest.size && !memcmp(out.data, data, size));
		for (int map = 0; map < 2; map++) {
			buffer.size = 0;
			ck_assert_int_eq(map ? brood_pack_map(&buffer, size) : brood_pack_array(&buffer, size), 0);
			ck_assert_uint_eq(buffer.size, size < 16 ? 1 : size < 65536 ? 3 : 5);
			for (size_t n = 0; n < size << map; n++)
				brood_pack_nil(&buffer);
			rest = bytes_of(&buffer);
			ck_assert_int_eq(brood_value_type(rest), map ? BROOD_MAP : BROOD_ARRAY);
			size_t count;
			ck_assert_int_eq(map ? brood_unpack_map(&rest, &count) : brood_unpack_array(&rest, &count), 0);
			ck_assert(count == size && rest.size == size << map);
			ck_assert_int_eq(brood_value_check(bytes_of(&buffer)), 0);
		}
		brood_buffer_free(&buffer);
	}
}
END_TEST

START_TEST(nil_bool_and_double)
{
	struct brood_buffer buffer = {0};
	static const double reals[] = {0.0, -0.0, 1.0, 0.1, 5e-324, 1.7976931348623157e308, (double)INFINITY, -(double)INFINITY};
	for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
		buffer.size = 0;
		ck_assert_int_eq(brood_pack_double(&buffer, reals[i]), 0);
		ck_assert_uint_eq(buffer.size, 9);
		struct brood_bytes rest = bytes_of(&buffer);
		double back;
		ck_assert_int_eq(brood_value_type(rest), BROOD_DOUBLE);
		ck_assert_int_eq(brood_unpack_double(&rest, &back), 0);
		ck_assert(!memcmp(&back, &reals[i], sizeof back) && !rest.size);
	}
	buffer.size = 0;
	brood_pack_double(&buffer, -(double)NAN);
	ck_assert(equal(&buffer, BYTES("\xcb\x7f\xf8\0\0\0\0\0\0")));
	double real;
	struct brood_bytes rest = BYTES("\xca\x3f\xc0\x00\x00");
	ck_assert_int_eq(brood_unpack_double(&rest, &real), 0);
	ck_assert(fabs(real - 1.5) < 1e-9 && !rest.size);
	buffer.size = 0;
	brood_pack_nil(&buffer);
	brood_pack_bool(&buffer, false);
	brood_pack_bool(&buffer, true);
	ck_assert(equal(&buffer, BYTES("\xc0\xc2\xc3")));
	rest = bytes_of(&buffer);
	bool no = true, yes = false;
	ck_assert_int_eq(brood_value_type(rest), BROOD_NIL);
	ck_assert_int_eq(brood_unpack_nil(&rest), 0);
	ck_assert_int_eq(brood_value_type(rest), BROOD_BOOL);
	ck_assert_int_eq(brood_unpack_bool(&rest, &no), 0);
	ck_assert_int_eq(brood_unpack_bool(&rest, &yes), 0);
	ck_assert(!no && yes && !rest.size);
	ck_assert_int_eq(brood_value_type(rest), 0);
	brood_buffer_free(&buffer);
}
END_TEST

/* Runs every unpacker on the bytes; those of other types than the one given must say -EPROTOTYPE, or all must give
   the one error; and nothing may change. */
static void refuse_all(struct brood_bytes bytes, int type, int error)
{
	static const int types[] = {BROOD_NIL, BROOD_BOOL, BROOD_INT, BROOD_UINT, BROOD_DOUBLE, BROOD_STR, BROOD_BIN, BROOD_ARRAY, BROOD_MAP};
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		bool integer = type == BROOD_INT || type == BROOD_UINT;
		if (types[i] == type || (integer && (types[i] == BROOD_INT || types[i] == BROOD_UINT)))
			continue;
		union {
			bool boolean;
			int64_t integer;
			uint64_t natural;
			double real;
			struct brood_bytes bytes;
			size_t count;
		} out, before;
		memset(&out, 0x5a, sizeof out);
		before = out;
		struct brood_bytes rest = bytes;
		int got = 0;
		switch (types[i]) {
		case BROOD_NIL: got = brood_unpack_nil(&rest); break;
		case BROOD_BOOL: got = brood_unpack_bool(&rest, &out.boolean); break;
		case BROOD_INT: got = brood_unpack_int(&rest, &out.integer); break;
		case BROOD_UINT: got = brood_unpack_uint(&rest, &out.natural); break;
		case BROOD_DOUBLE: got = brood_unpack_double(&rest, &out.real); break;
		case BROOD_STR: got = brood_unpack_str(&rest, &out.bytes); break;
		case BROOD_BIN: got = brood_unpack_bin(&rest, &out.bytes); break;
		case BROOD_ARRAY: got = brood_unpack_array(&rest, &out.count); break;
		default: got = brood_unpack_map(&rest, &out.count);
		}
		ck_assert_int_eq(got, error);
		ck_assert(rest.data == bytes.data && rest.size == bytes.size && !memcmp(&out, &before, sizeof out));
	}
}

START_TEST(other_types_are_refused)
{
	for (const struct brood_bytes *format = sample_formats; format->data; format++) {
		int type = brood_value_type(*format);
		ck_assert_int_gt(type, 0);
		refuse_all(*format, type, -EPROTOTYPE);
		struct brood_bytes rest = *format;
		ck_assert_int_eq(brood_unpack_skip(&rest), 0);
		ck_assert_uint_eq(rest.size, 0);
	}
}
END_TEST

static void refuse_whole(struct brood_bytes bytes)
{
	struct brood_bytes rest = bytes;
	ck_assert_int_eq(brood_value_check(bytes), -EBADMSG);
	ck_assert_int_eq(brood_unpack_skip(&rest), -EBADMSG);
	ck_assert(rest.data == bytes.data && rest.size == bytes.size);
	struct brood_buffer out = {0};
	brood_pack_nil(&out);
	struct brood_buffer before = out;
	ck_assert_int_eq(brood_value_to_json(bytes, &out), -EBADMSG);
	ck_assert(sample_same(&out, &before) && out.data[0] == 0xc0);
	brood_buffer_free(&out);
}

START_TEST(what_is_cut_short_is_refused)
{
	for (const struct brood_bytes *format = sample_formats; format->data; format++) {
		for (size_t size = 0; size < format->size; size++) {
			struct brood_bytes cut = sample_guarded((struct brood_bytes){format->data, size});
			refuse_whole(cut);
			int type = brood_value_type(*format);
			if (type != BROOD_ARRAY && type != BROOD_MAP) {
				refuse_all(cut, 0, -EBADMSG);
				ck_assert_int_eq(brood_value_type(cut), size ? -EBADMSG : 0);
			}
		}
		struct brood_bytes whole = sample_guarded(*format);
		ck_assert_int_eq(brood_value_check(whole), 0);
	}
	uint64_t seed = 1;
	for (int i = 0; i < 50; i++) {
		struct brood_buffer buffer = {0};
		sample_value(&buffer, &seed, 4, true);
		for (size_t size = 0; size < buffer.size && size < 400; size++)
			refuse_whole((struct brood_bytes){buffer.data, size});
		ck_assert_int_eq(brood_value_check(bytes_of(&buffer)), 0);
		brood_pack_nil(&buffer);
		ck_assert_int_eq(brood_value_check(bytes_of(&buffer)), -EBADMSG);
		brood_buffer_free(&buffer);
	}
}
END_TEST

START_TEST(heads_that_lie_are_refused)
{
	static const struct brood_bytes cases[] = {
		{"\xdd\xff\xff\xff\xff", 5}, {"\xdd\x80\x00\x00\x00", 5}, {"\xdd\x7f\xff\xff\xff", 5}, {"\xdf\xff\xff\xff\xff", 5},
		{"\xdf\x80\x00\x00\x00", 5}, {"\xdf\x7f\xff\xff\xff\x01", 6}, {"\xdc\xff\xff", 3}, {"\xde\xff\xff", 3}, {"\x9f", 1},
		{"\x8f", 1}, {"\x81\x01", 2}, {"\xdb\xff\xff\xff\xff", 5}, {"\xc6\xff\xff\xff\xff", 5}, {"\xc9\xff\xff\xff\xff\x01", 6},
		{"\xc1", 1}, {"\xc1\x00", 2},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct brood_bytes bytes = sample_guarded(cases[i]);
		refuse_all(bytes, 0, -EBADMSG);
		refuse_whole(bytes);
		ck_assert_int_eq(brood_value_type(bytes), -EBADMSG);
	}
	refuse_whole(BYTES("\x91\xc1"));
	refuse_whole(BYTES("\x92\x01\xdd\xff\xff\xff\xff"));
	/* The count may be no larger than what is left for the elements. */
	struct brood_bytes rest = BYTES("\x92\x01");
	size_t count = 77;
	ck_assert_int_eq(brood_unpack_array(&rest, &count), -EBADMSG);
	rest = BYTES("\x82\x01\x02\x03");
	ck_assert_int_eq(brood_unpack_map(&rest, &count), -EBADMSG);
	ck_assert_uint_eq(count, 77);
}
END_TEST

START_TEST(nesting_is_bounded)
{
	enum { DEEP = 100000 };
	static unsigned char data[2 * DEEP + 1];
	for (int map = 0; map < 2; map++) {
		for (size_t depth = 1; depth <= DEEP; depth = depth < 2 * BROOD_VALUE_DEPTH ? depth + 1 : depth * 3 + 1) {
			size_t size = 0;
			for (size_t i = 0; i < depth; i++) {
				data[size++] = map ? 0x81 : 0x91;
				if (map)
					data[size++] = 0xa0;
			}
			data[size++] = 0xc0;
			struct brood_bytes value = {data, size};
			struct brood_buffer text = {0};
			if (depth > BROOD_VALUE_DEPTH) {
				refuse_whole(value);
				continue;
			}
			ck_assert_int_eq(brood_value_check(value), 0);
			ck_assert_int_eq(brood_value_to_json(value, &text), 0);
			brood_buffer_free(&text);
		}
	}
	data[BROOD_VALUE_DEPTH - 1] = data[BROOD_VALUE_DEPTH] = 0x90;
	memset(data, 0x91, BROOD_VALUE_DEPTH - 1);
	ck_assert_int_eq(brood_value_check((struct brood_bytes){data, BROOD_VALUE_DEPTH}), 0);
	data[BROOD_VALUE_DEPTH - 1] = 0x91;
	refuse_whole((struct brood_bytes){data, BROOD_VALUE_DEPTH + 1});
}
END_TEST

START_TEST(arguments_are_checked)
{
	struct brood_buffer buffer = {0};
	ck_assert_int_eq(brood_pack_nil(NULL), -EINVAL);
	ck_assert_int_eq(brood_pack_bool(NULL, true), -EINVAL);
	ck_assert_int_eq(brood_pack_int(NULL, -1), -EINVAL);
	ck_assert_int_eq(brood_pack_uint(NULL, 1), -EINVAL);
	ck_assert_int_eq(brood_pack_double(NULL, 1), -EINVAL);
	ck_assert_int_eq(brood_pack_str(NULL, "", 0), -EINVAL);
	ck_assert_int_eq(brood_pack_bin(NULL, "", 0), -EINVAL);
	ck_assert_int_eq(brood_pack_array(NULL, 0), -EINVAL);
	ck_assert_int_eq(brood_pack_map(NULL, 0), -EINVAL);
	ck_assert_int_eq(brood_pack_str(&buffer, NULL, 1), -EINVAL);
	ck_assert_int_eq(brood_pack_bin(&buffer, NULL, 1), -EINVAL);
	if (SIZE_MAX > UINT32_MAX) {
		size_t huge = (size_t)UINT32_MAX + 1;
		ck_assert_int_eq(brood_pack_str(&buffer, "", huge), -EINVAL);
		ck_assert_int_eq(brood_pack_bin(&buffer, "", huge), -EINVAL);
		ck_assert_int_eq(brood_pack_array(&buffer, huge), -EINVAL);
		ck_assert_int_eq(brood_pack_map(&buffer, huge), -EINVAL);
	}
	ck_assert(!buffer.data && !buffer.size && !buffer.capacity);
	ck_assert_int_eq(brood_pack_array(&buffer, UINT32_MAX), 0);
	ck_assert(equal(&buffer, BYTES("\xdd\xff\xff\xff\xff")));
	ck_assert_int_eq(brood_pack_str(&buffer, NULL, 0), 0);
	struct brood_bytes rest = BYTES("\x01");
	ck_assert_int_eq(brood_unpack_nil(NULL), -EINVAL);
	ck_assert_int_eq(brood_unpack_skip(NULL), -EINVAL);
	ck_assert_int_eq(brood_unpack_bool(&rest, NULL), -EINVAL);
	ck_assert_int_eq(brood_unpack_int(&rest, NULL), -EINVAL);
	ck_assert_int_eq(brood_unpack_uint(&rest, NULL), -EINVAL);
	ck_assert_int_eq(brood_unpack_double(&rest, NULL), -EINVAL);
	ck_assert_int_eq(brood_unpack_str(&rest, NULL), -EINVAL);
	ck_assert_int_eq(brood_unpack_bin(&rest, NULL), -EINVAL);
	ck_assert_int_eq(brood_unpack_array(&rest, NULL), -EINVAL);
	ck_assert_int_eq(brood_unpack_map(&rest, NULL), -EINVAL);
	ck_assert_int_eq(brood_value_check((struct brood_bytes){0}), -EBADMSG);
	brood_buffer_free(&buffer);
}
END_TEST

/* Unpacks one value and packs it again. */
static void copy_value(struct brood_bytes *rest, struct brood_buffer *out)
{
	bool boolean;
	int64_t integer;
	uint64_t natural;
	double real;
	struct brood_bytes bytes;
	size_t count;
	switch (brood_value_type(*rest)) {
	case BROOD_NIL:
		ck_assert_int_eq(brood_unpack_nil(rest), 0);
		brood_pack_nil(out);
		break;
	case BROOD_BOOL:
		ck_assert_int_eq(brood_unpack_bool(rest, &boolean), 0);
		brood_pack_bool(out, boolean);
		break;
	case BROOD_INT:
		ck_assert_int_eq(brood_unpack_int(rest, &integer), 0);
		brood_pack_int(out, integer);
		break;
	case BROOD_UINT:
		ck_assert_int_eq(brood_unpack_uint(rest, &natural), 0);
		brood_pack_uint(out, natural);
		break;
	case BROOD_DOUBLE:
		ck_assert_int_eq(brood_unpack_double(rest, &real), 0);
		brood_pack_double(out, real);
		break;
	case BROOD_STR:
		ck_assert_int_eq(brood_unpack_str(rest, &bytes), 0);
		brood_pack_str(out, bytes.data, bytes.size);
		break;
	case BROOD_BIN:
		ck_assert_int_eq(brood_unpack_bin(rest, &bytes), 0);
		brood_pack_bin(out, bytes.data, bytes.size);
		break;
	case BROOD_ARRAY:
		ck_assert_int_eq(brood_unpack_array(rest, &count), 0);
		brood_pack_array(out, count);
		while (count--)
			copy_value(rest, out);
		break;
	case BROOD_MAP:
		ck_assert_int_eq(brood_unpack_map(rest, &count), 0);
		brood_pack_map(out, count);
		for (count *= 2; count; count--)
			copy_value(rest, out);
		break;
	default:
		ck_abort_msg("no value");
	}
}

START_TEST(random_values_come_back)
{
	uint64_t seed = 42;
	for (int i = 0; i < 5000; i++) {
		struct brood_buffer buffer = {0}, again = {0};
		sample_value(&buffer, &seed, 5, true);
		ck_assert_int_eq(brood_value_check(bytes_of(&buffer)), 0);
		struct brood_bytes rest = bytes_of(&buffer);
		copy_value(&rest, &again);
		ck_assert(!rest.size && equal(&again, bytes_of(&buffer)));
		brood_buffer_free(&buffer);
		brood_buffer_free(&again);
	}
}
END_TEST

START_TEST(random_bytes_never_lead_astray)
{
	uint64_t seed = 7;
	for (int i = 0; i < 100000; i++) {
		unsigned char data[24];
		size_t size = sample_random(&seed) % sizeof data;
		for (size_t n = 0; n < size; n++)
			data[n] = (unsigned char)(sample_random(&seed) % 3 ? 0x80 + sample_random(&seed) % 0x70 : sample_random(&seed));
		unsigned char *exact = malloc(size + !size);
		ck_assert_ptr_nonnull(exact);
		memcpy(exact, data, size);
		struct brood_bytes bytes = {exact, size}, rest = bytes;
		int skipped = brood_unpack_skip(&rest);
		ck_assert(skipped ? rest.data == exact : rest.size < size);
		ck_assert_int_eq(brood_value_check(bytes), !skipped && !rest.size ? 0 : -EBADMSG);
		free(exact);
	}
}
END_TEST

static int pack_nth(struct brood_buffer *buffer, int nth)
{
	static char data[300];
	switch (nth) {
	case 0: return brood_pack_nil(buffer);
	case 1: return brood_pack_bool(buffer, true);
	case 2: return brood_pack_int(buffer, -5000);
	case 3: return brood_pack_uint(buffer, 5000);
	case 4: return brood_pack_double(buffer, 0.5);
	case 5: return brood_pack_str(buffer, data, sizeof data);
	case 6: return brood_pack_bin(buffer, data, sizeof data);
	case 7: return brood_pack_array(buffer, 70000);
	case 8: return brood_pack_map(buffer, 70000);
	default: return 1;
	}
}

START_TEST(packers_change_nothing_without_memory)
{
	for (int nth = 0; nth < 9; nth++) {
		/* Empty, and full. Check itself allocates, so that nothing is asserted between the two counts. */
		for (int full = 0; full < 2; full++) {
			long live = allocation_count();
			struct brood_buffer buffer = {0};
			while (full && (!buffer.capacity || buffer.capacity - buffer.size > 8))
				brood_pack_nil(&buffer);
			struct brood_buffer before = buffer;
			allocation_fail(1);
			int without = pack_nth(&buffer, nth);
			int failed = allocation_failed();
			bool same = sample_same(&buffer, &before);
			int with = pack_nth(&buffer, nth);
			brood_buffer_free(&buffer);
			long left = allocation_count() - live;
			ck_assert(failed && same);
			ck_assert_int_eq(without, -ENOMEM);
			ck_assert_int_eq(with, 0);
			ck_assert_int_eq(left, 0);
		}
	}
	struct brood_bytes value = BYTES("\x92\x91\x90\x81\x01\x82\x02\x03\x04\x90"), rest = value;
	allocation_fail(1);
	int checked = brood_value_check(value), skipped = brood_unpack_skip(&rest);
	ck_assert(!allocation_failed());
	ck_assert(!checked && !skipped);
}
END_TEST

static Suite *value_suite(void)
{
	Suite *suite = suite_create("value");
	TCase *test = support_case(suite, "value", 60);
	tcase_add_test(test, integers_take_the_least_width);
	tcase_add_test(test, signed_formats_of_naturals_are_naturals);
	tcase_add_test(test, lengths_take_the_least_width);
	tcase_add_test(test, nil_bool_and_double);
	tcase_add_test(test, other_types_are_refused);
	tcase_add_test(test, what_is_cut_short_is_refused);
	tcase_add_test(test, heads_that_lie_are_refused);
	tcase_add_test(test, nesting_is_bounded);
	tcase_add_test(test, arguments_are_checked);
	tcase_add_test(test, random_values_come_back);
	tcase_add_test(test, random_bytes_never_lead_astray);
	tcase_add_test(test, packers_change_nothing_without_memory);
	return suite;
}

int main(void)
{
	return support_main(value_suite);
}
