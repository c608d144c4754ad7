/* SPDX-License-Identifier: MIT */
#include "sample.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct brood_bytes sample_guarded(struct brood_bytes bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t whole = (bytes.size / page + 1) * page;
	char *map = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(map + whole, page, PROT_NONE);
	char *data = map + whole - bytes.size;
	if (bytes.size)
		memcpy(data, bytes.data, bytes.size);
	return (struct brood_bytes){data, bytes.size};
}

bool sample_same(const struct brood_buffer *one, const struct brood_buffer *other)
{
	return one->data == other->data && one->size == other->size && one->capacity == other->capacity;
}

uint64_t sample_random(uint64_t *seed)
{
	uint64_t mixed = *seed += UINT64_C(0x9e3779b97f4a7c15);
	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ mixed >> 31;
}

static void random_bytes(uint64_t *seed, char *data, size_t size, bool text)
{
	for (size_t i = 0; i < size; i++) {
		uint64_t random = sample_random(seed);
		data[i] = (char)(text ? random % 128 : random % 256);
	}
}

static void random_text(struct brood_buffer *out, uint64_t *seed, bool valid)
{
	static const char *const names[] = {"$bin", "$str", "$ext", "$double", "$map", "", "\"\\\n", "\xc3\xa9", "\xf0\x9f\x98\x80"};
	char data[300];
	uint64_t random = sample_random(seed);
	if (random % 4 == 0) {
		const char *name = names[random / 4 % (sizeof names / sizeof *names)];
		brood_pack_str(out, name, strlen(name));
		return;
	}
	size_t size = random / 4 % 8 == 0 ? sample_random(seed) % sizeof data : sample_random(seed) % 12;
	random_bytes(seed, data, size, valid);
	brood_pack_str(out, data, size);
}

static void random_number(struct brood_buffer *out, uint64_t *seed)
{
	uint64_t random = sample_random(seed) >> sample_random(seed) % 64;
	double real;
	switch (sample_random(seed) % 4) {
	case 0:
		brood_pack_uint(out, random);
		break;
	case 1:
		brood_pack_int(out, -(int64_t)(random >> 1) - 1);
		break;
	case 2:
		random = sample_random(seed);
		memcpy(&real, &random, sizeof real);
		brood_pack_double(out, real);
		break;
	default:
		brood_pack_double(out, (double)(int64_t)random / 100);
	}
}

void sample_value(struct brood_buffer *out, uint64_t *seed, unsigned depth, bool odd_keys)
{
	char data[300];
	size_t size = sample_random(seed) % (sample_random(seed) % 8 ? 12 : sizeof data);
	size_t count = sample_random(seed) % (sample_random(seed) % 16 ? 4 : 20);
	switch (sample_random(seed) % (depth ? 9 : 6)) {
	case 0:
		brood_pack_nil(out);
		break;
	case 1:
		brood_pack_bool(out, sample_random(seed) % 2);
		break;
	case 2:
		random_number(out, seed);
		break;
	case 3:
		random_text(out, seed, true);
		break;
	case 4:
		random_text(out, seed, false);
		break;
	case 5:
		random_bytes(seed, data, size, false);
		brood_pack_bin(out, data, size);
		break;
	case 6:
		brood_pack_array(out, count);
		while (count--)
			sample_value(out, seed, depth - 1, odd_keys);
		break;
	default:
		brood_pack_map(out, count);
		while (count--) {
			if (odd_keys && sample_random(seed) % 4 == 0)
				sample_value(out, seed, depth - 1, odd_keys);
			else
				random_text(out, seed, true);
			sample_value(out, seed, depth - 1, odd_keys);
		}
	}
}

#define FORMAT(literal) {literal, sizeof literal - 1}

const struct brood_bytes sample_formats[] = {
	FORMAT("\xc0"), FORMAT("\xc2"), FORMAT("\xc3"), FORMAT("\x00"), FORMAT("\x7f"), FORMAT("\xe0"), FORMAT("\xff"),
	FORMAT("\xcc\x01"), FORMAT("\xcd\x01\x02"), FORMAT("\xce\x01\x02\x03\x04"),
	FORMAT("\xcf\x01\x02\x03\x04\x05\x06\x07\x08"), FORMAT("\xd0\x80"), FORMAT("\xd1\x80\x01"),
	FORMAT("\xd2\x80\x01\x02\x03"), FORMAT("\xd3\x80\x01\x02\x03\x04\x05\x06\x07"), FORMAT("\xd0\x05"),
	FORMAT("\xd1\x00\x05"), FORMAT("\xd2\x00\x00\x00\x05"), FORMAT("\xd3\x00\x00\x00\x00\x00\x00\x00\x05"),
	FORMAT("\xca\x3f\x80\x00\x00"), FORMAT("\xca\x7f\xc0\x00\x00"), FORMAT("\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"),
	FORMAT("\xa0"), FORMAT("\xa3""abc"), FORMAT("\xd9\x00"), FORMAT("\xd9\x03""abc"), FORMAT("\xda\x00\x03""abc"),
	FORMAT("\xdb\x00\x00\x00\x03""abc"), FORMAT("\xc4\x00"), FORMAT("\xc4\x03""abc"), FORMAT("\xc5\x00\x03""abc"),
	FORMAT("\xc6\x00\x00\x00\x03""abc"), FORMAT("\xd4\x05""a"), FORMAT("\xd5\x05""ab"), FORMAT("\xd6\x05""abcd"),
	FORMAT("\xd7\xff""abcdefgh"), FORMAT("\xd8\x80""abcdefghijklmnop"), FORMAT("\xc7\x00\x05"),
	FORMAT("\xc7\x03\x05""abc"), FORMAT("\xc8\x00\x03\x05""abc"), FORMAT("\xc9\x00\x00\x00\x03\x05""abc"),
	FORMAT("\x90"), FORMAT("\x92\x01\x02"), FORMAT("\xdc\x00\x02\x01\x02"), FORMAT("\xdd\x00\x00\x00\x02\x01\x02"),
	FORMAT("\x80"), FORMAT("\x81\xa1""a\x01"), FORMAT("\xde\x00\x01\xa1""a\x01"),
	FORMAT("\xdf\x00\x00\x00\x01\xa1""a\x01"), FORMAT("\x92\x91\x90\x81\x01\x82\x02\x03\x04\x90"),
	FORMAT("\x81\xa4$bin\xa4""AAAA"), FORMAT("\x81\x80\x80"), FORMAT("\x91\xa1\xff"), {0},
};
