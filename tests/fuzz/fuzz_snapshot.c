/* SPDX-License-Identifier: MIT */
/*
 * Bytes as what a worker has left of a thread: its registers, its stack and its maps, in which no file but this very program is
 * named. Whatever they are, a traceback is whole lines, in the room that it has, and is made soon.
 */
#include "fuzz.h"

#include "base/clock.h"
#include "process/unwinder.h"

#include <unistd.h>

struct input {
	const uint8_t *data;
	size_t size;
};

static struct snapshot snapshot;
static char program[512];

static uint64_t take(struct input *input, size_t bytes)
{
	uint64_t value = 0;
	for (; bytes && input->size; bytes--, input->data++, input->size--)
		value = value << 8 | *input->data;
	return value;
}

/* An address is worth more if something lies there. */
static uint64_t take_address(struct input *input)
{
	uint64_t kind = take(input, 1), value = take(input, 2);
	switch (kind % 4) {
	case 0:
		return snapshot.stack_from + value;
	case 1:
		return (uintptr_t)LLVMFuzzerTestOneInput + value - 0x8000;
	case 2:
		return value << 12;
	default:
		return value << 48 | take(input, 6);
	}
}

static void add_text(const char *text, size_t size)
{
	size_t room = SNAPSHOT_MAPS - snapshot.maps_size;
	size = size < room ? size : room;
	memcpy(snapshot.maps + snapshot.maps_size, text, size);
	snapshot.maps_size += (uint32_t)size;
}

static void take_line(struct input *input)
{
	char line[1024];
	uint64_t low = take_address(input) & ~UINT64_C(4095), pages = take(input, 1);
	char code = take(input, 1) % 4 ? 'x' : '-';
	unsigned offset = (unsigned)take(input, 1) << 12, inode = (unsigned)take(input, 1);
	int size = snprintf(line, sizeof line, "%llx-%llx r-%cp %08x fe:01 %u   %s\n", (unsigned long long)low,
			    (unsigned long long)(low + (pages << 12)), code, offset, inode, take(input, 1) % 8 ? program : "[vdso]");
	add_text(line, (size_t)size);
}

/* As it is, but for what would name a file. */
static void take_text(struct input *input)
{
	char text[64];
	size_t size = 0;
	for (size_t most = take(input, 1) % sizeof text; size < most && input->size; size++) {
		text[size] = (char)take(input, 1);
		text[size] = (char)(text[size] == '/' ? '!' : text[size]);
	}
	add_text(text, size);
}

static void take_snapshot(struct input *input)
{
	snapshot.stack_from = UINT64_C(0x7ffd00000000) + take(input, 2);
	snapshot.bottom = take(input, 1) % 2 ? take_address(input) : 0;
	snapshot.maps_size = 0;
	uint64_t lines = take(input, 1);
	for (uint64_t i = 0; i < lines % 16; i++)
		(take(input, 1) % 4 ? take_line : take_text)(input);
	/* With none, the process's own are read, whose addresses some of the input's are. */
	if (lines & 32)
		snapshot.maps_size = 0;
	for (int i = 0; i < SNAPSHOT_REGISTERS; i++)
		snapshot.registers[i] = take_address(input);
	snapshot.stack_size = 0;
	while (input->size && snapshot.stack_size + sizeof(uint64_t) <= SNAPSHOT_STACK) {
		uint64_t value = take_address(input);
		memcpy(snapshot.stack + snapshot.stack_size, &value, sizeof value);
		snapshot.stack_size += (uint32_t)sizeof value;
	}
	if (lines & 64)
		snapshot.stack_size = UINT32_MAX;
}

static void unwind(struct unwinder *unwinder, size_t room)
{
	static char text[8192];
	memset(text, 'x', sizeof text);
	size_t size = unwinder_snapshot(unwinder, &snapshot, text, room);
	MUST(size < room && !text[size] && strlen(text) == size);
	MUST(!size || text[size - 1] == '\n');
	MUST(text[room] == 'x');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct unwinder *unwinder, *plain;
	if (!unwinder) {
		MUST(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
		MUST(!unwinder_new(&unwinder) && !unwinder_new_plain(&plain));
	}
	struct input input = {data, size};
	size_t room = 1 + take(&input, 1) * 30;
	take_snapshot(&input);
	double before = clock_now();
	unwind(unwinder, room);
	unwind(plain, room);
	MUST(clock_now() - before < 20);
	return 0;
}
