/* SPDX-License-Identifier: MIT */
/* Frames: what is written is read back, and nothing else is. */
#include "traffic.h"

#include "channel/frame.h"

#include <errno.h>
#include <limits.h>

START_TEST(test_head)
{
	const uint64_t lengths[] = {0, 1, 71, 72, 73, 255, 256, UINT32_MAX, UINT64_C(1) << 32, UINT64_C(1) << 56};
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
		for (int kind = FRAME_DATA; kind <= FRAME_FAILURE; kind++) {
			unsigned char head[FRAME_HEAD];
			struct frame frame = {0};
			frame_write(head, &(struct frame){.kind = (enum frame_kind)kind, .length = lengths[i]});
			GIVES(frame_read(head, &frame), 0);
			MUST(frame.length == lengths[i] && (int)frame.kind == kind);
			/* The bytes are the same on every machine: the length's lowest first. */
			GIVES(head[8], lengths[i] & 255);
		}
}
END_TEST

/* Every change of a byte is refused, or gives what that byte means; what is refused changes nothing. */
START_TEST(test_head_changed)
{
	for (int at = 0; at < FRAME_HEAD; at++)
		for (int value = 0; value < 256; value++) {
			unsigned char head[FRAME_HEAD];
			struct frame frame = {.length = 99};
			frame_write(head, &(struct frame){.kind = FRAME_DATA, .length = 5});
			bool same = head[at] == value;
			head[at] = (unsigned char)value;
			int result = frame_read(head, &frame);
			bool fits = same || (at == 4 && value == FRAME_FAILURE) || (at >= 8 && at < 15) ||
				    (at == 15 && value == 0);
			GIVES(result, fits ? 0 : -EBADMSG);
			if (result)
				MUST(frame.length == 99 && !frame.kind);
			else if (at >= 8)
				MUST(frame.length == ((at > 8 ? 5 : 0) | (uint64_t)value << 8 * (at - 8)));
		}
}
END_TEST

START_TEST(test_lengths_refused)
{
	const uint64_t lengths[] = {(UINT64_C(1) << 56) + 1, UINT64_C(1) << 60, (uint64_t)INT64_MIN, UINT64_MAX};
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		unsigned char head[FRAME_HEAD];
		struct frame frame;
		frame_write(head, &(struct frame){.kind = FRAME_DATA, .length = lengths[i]});
		GIVES(frame_read(head, &frame), -EBADMSG);
	}
}
END_TEST

static void check_round(const struct brood_failure *failure)
{
	struct brood_buffer buffer = {0};
	struct brood_failure out;
	GIVES(frame_pack_failure(&buffer, failure), 0);
	GIVES(frame_unpack_failure((struct brood_bytes){buffer.data, buffer.size}, &out), 0);
	MUST(out.code == failure->code && out.signal == failure->signal);
	ck_assert_str_eq(out.type, failure->type ? failure->type : "");
	ck_assert_str_eq(out.message, failure->message ? failure->message : "");
	ck_assert_str_eq(out.traceback, failure->traceback ? failure->traceback : "");
	/* Cut anywhere it is none, and nothing behind its end is read: each piece is in memory of its own size. */
	for (size_t size = 0; size < buffer.size && size < 200; size++) {
		unsigned char *piece = malloc(size ? size : 1);
		memcpy(piece, buffer.data, size);
		memset(&out, 0x5a, sizeof out);
		struct brood_failure before = out;
		GIVES(frame_unpack_failure((struct brood_bytes){piece, size}, &out), -EBADMSG);
		MUST(!memcmp(&out, &before, sizeof out));
		free(piece);
	}
	brood_buffer_free(&buffer);
}

START_TEST(test_failure)
{
	check_round(&(struct brood_failure){0});
	check_round(&(struct brood_failure){.type = "T", .message = "m", .traceback = "#0 f\n#1 g\n", .code = 1, .signal = 11});
	check_round(&(struct brood_failure){.type = "", .code = INT_MIN, .signal = INT_MAX});
	char *words = malloc(100001);
	memset(words, 'w', 100000);
	words[100000] = '\0';
	check_round(&(struct brood_failure){.type = "Long", .message = words, .traceback = words});
	free(words);
}
END_TEST

/* It is appended behind what is there. */
START_TEST(test_appended)
{
	struct brood_buffer buffer = {0};
	struct brood_failure out;
	GIVES(frame_pack_failure(&buffer, &(struct brood_failure){.type = "A", .code = 1}), 0);
	size_t first = buffer.size;
	GIVES(frame_pack_failure(&buffer, &(struct brood_failure){.type = "B", .code = 2}), 0);
	GIVES(frame_unpack_failure((struct brood_bytes){buffer.data + first, buffer.size - first}, &out), 0);
	ck_assert_str_eq(out.type, "B");
	GIVES(frame_unpack_failure((struct brood_bytes){buffer.data, buffer.size}, &out), -EBADMSG);
	brood_buffer_free(&buffer);
}
END_TEST

/* Random damage never leads outside the bytes. */
START_TEST(test_failure_damaged)
{
	uint64_t random = 3;
	struct brood_buffer buffer = {0};
	GIVES(frame_pack_failure(&buffer, &(struct brood_failure){.type = "Type", .message = "message", .traceback = "calls"}), 0);
	for (unsigned round = 0; round < traffic_rounds(200000); round++) {
		unsigned char bytes[64];
		size_t size = buffer.size;
		MUST(size <= sizeof bytes);
		memcpy(bytes, buffer.data, size);
		for (size_t hits = 1 + traffic_below(&random, 3); hits; hits--)
			bytes[traffic_below(&random, size)] = (unsigned char)traffic_random(&random);
		struct brood_failure out;
		if (frame_unpack_failure((struct brood_bytes){bytes, size}, &out))
			continue;
		const char *strings[] = {out.type, out.message, out.traceback};
		for (int i = 0; i < 3; i++) {
			MUST(strings[i] >= (char *)bytes && strings[i] < (char *)bytes + size);
			MUST(strings[i] + strlen(strings[i]) < (char *)bytes + size);
		}
	}
	brood_buffer_free(&buffer);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("frame");
	TCase *tests = support_case(suite, "frame", 10);
	tcase_add_test(tests, test_head);
	tcase_add_test(tests, test_head_changed);
	tcase_add_test(tests, test_lengths_refused);
	tcase_add_test(tests, test_failure);
	tcase_add_test(tests, test_appended);
	tcase_add_test(tests, test_failure_damaged);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
