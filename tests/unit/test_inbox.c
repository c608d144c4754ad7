/* SPDX-License-Identifier: MIT */
/* Inboxes: first in, first out, and bounded. */
#include "traffic.h"

#include "channel/inbox.h"

#include "base/buffer.h"

static void put(struct inbox *inbox, enum frame_kind kind, uint64_t seed, size_t size)
{
	struct brood_buffer body = {0};
	GIVES(buffer_reserve(&body, size), 0);
	body.size = size;
	traffic_fill(body.data, size, seed);
	GIVES(inbox_put(inbox, kind, &body), 0);
	MUST(!body.data && !body.size && !body.capacity);
}

static void take(struct inbox *inbox, enum frame_kind kind, uint64_t seed, size_t size)
{
	enum frame_kind out;
	struct brood_buffer body;
	MUST(inbox_take(inbox, &out, &body));
	MUST(out == kind && body.size == size);
	MUST(traffic_matches((struct brood_bytes){body.data, body.size}, seed));
	brood_buffer_free(&body);
}

START_TEST(test_order)
{
	struct inbox inbox = {0};
	uint64_t random = 5;
	unsigned in = 0, out = 0;
	size_t bytes = 0;
	for (unsigned round = 0; round < traffic_rounds(20000); round++) {
		if (in > out && traffic_below(&random, 2)) {
			take(&inbox, out % 3 ? FRAME_DATA : FRAME_FAILURE, out, out % 77);
			bytes -= out++ % 77;
		} else {
			put(&inbox, in % 3 ? FRAME_DATA : FRAME_FAILURE, in, in % 77);
			bytes += in++ % 77;
		}
		MUST(inbox.count == in - out && inbox.bytes == bytes);
	}
	inbox_clear(&inbox);
	MUST(!inbox.count && !inbox.bytes && !inbox.first);
	enum frame_kind kind = FRAME_DATA;
	struct brood_buffer body = {.size = 7};
	MUST(!inbox_take(&inbox, &kind, &body) && body.size == 7);
	/* Empty again, it is as new. */
	put(&inbox, FRAME_DATA, 1, 10);
	take(&inbox, FRAME_DATA, 1, 10);
	inbox_clear(&inbox);
}
END_TEST

START_TEST(test_room)
{
	const size_t gib = (size_t)1 << 30;
	struct inbox inbox = {0};
	/* The first, whatever its size. */
	MUST(inbox_has_room(&inbox, 0) && inbox_has_room(&inbox, SIZE_MAX));
	put(&inbox, FRAME_DATA, 1, 100);
	MUST(inbox_has_room(&inbox, gib - 100) && !inbox_has_room(&inbox, gib - 99) && !inbox_has_room(&inbox, SIZE_MAX));
	inbox.bytes += gib;
	MUST(!inbox_has_room(&inbox, 0));
	inbox.bytes -= gib;
	for (unsigned i = 1; i < 65536; i++) {
		MUST(inbox_has_room(&inbox, 1));
		put(&inbox, FRAME_DATA, i, 1);
	}
	MUST(!inbox_has_room(&inbox, 0));
	take(&inbox, FRAME_DATA, 1, 100);
	MUST(inbox_has_room(&inbox, 0));
	inbox_clear(&inbox);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("inbox");
	TCase *tests = support_case(suite, "inbox", 10);
	tcase_add_test(tests, test_order);
	tcase_add_test(tests, test_room);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
