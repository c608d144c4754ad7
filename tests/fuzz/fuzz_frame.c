/* SPDX-License-Identifier: MIT */
/*
 * Bytes that a peer may write: as a frame's head, as a failure's body, and as steps of a peer that writes what it likes
 * into its half and its ring, while this side sends and receives.
 */
#include "fuzz.h"

#include "base/buffer.h"
#include "channel/line.h"

#include <errno.h>
#include <sys/socket.h>

struct input {
	const uint8_t *data;
	size_t size;
};

static uint64_t take(struct input *input, size_t bytes)
{
	uint64_t value = 0;
	for (; bytes && input->size; bytes--, input->data++, input->size--)
		value = value << 8 | *input->data;
	return value;
}

static void read_head(const uint8_t *data, size_t size)
{
	unsigned char head[FRAME_HEAD], back[FRAME_HEAD];
	struct frame frame;
	if (size < sizeof head)
		return;
	memcpy(head, data, sizeof head);
	int result = frame_read(head, &frame);
	MUST(result == 0 || result == -EBADMSG);
	if (result)
		return;
	frame_write(back, &frame);
	MUST(!memcmp(head, back, sizeof head));
}

static void read_failure(const uint8_t *data, size_t size)
{
	struct brood_failure failure;
	struct brood_buffer back = {0};
	int result = frame_unpack_failure((struct brood_bytes){data, size}, &failure);
	MUST(result == 0 || result == -EBADMSG);
	if (result)
		return;
	MUST(!frame_pack_failure(&back, &failure));
	MUST(equal(bytes_of(&back), (struct brood_bytes){data, size}));
	brood_buffer_free(&back);
}

/* What this side keeps to, whatever the peer has written. */
static void check(const struct line *line)
{
	const struct brood_buffer *body = &line->incoming.body;
	MUST(body->size <= body->capacity);
	MUST(!line->incoming.active || body->size <= line->incoming.frame.length);
	MUST(line->written <= line->length && line->consumed <= line->written && line->written - line->consumed <= line->ring);
}

static void peer_step(struct input *input, struct line *peer)
{
	static const struct frame frames[] = {{FRAME_DATA, 5}, {FRAME_FAILURE, 72}, {FRAME_DATA, 5000}, {FRAME_DATA, 1 << 22}};
	struct line_half *half = peer->mine;
	size_t ring = peer->ring;
	switch (take(input, 1) % 16) {
	case 0:
		for (size_t i = 0; i < FRAME_HEAD; i++)
			half->head[i] = (unsigned char)take(input, 1);
		break;
	case 1: {
		struct frame frame = frames[take(input, 1) % 4];
		frame_write(half->head, &frame);
		break;
	}
	case 2: {
		struct frame frame = {.kind = FRAME_DATA, .length = take(input, 8)};
		frame_write(half->head, &frame);
		break;
	}
	case 3:
		atomic_fetch_add(&half->announced, 1);
		break;
	case 4:
		atomic_store(&half->announced, (uint32_t)take(input, 4));
		break;
	case 5:
		atomic_store(&half->written, take(input, 8));
		break;
	case 6:
		atomic_fetch_add(&half->written, take(input, 3) % (ring + 1));
		break;
	case 7:
		atomic_store(&half->acknowledged, atomic_load(&peer->peers->announced));
		break;
	case 8:
		atomic_store(&half->acknowledged, (uint32_t)take(input, 4));
		break;
	case 9:
		atomic_store(&half->consumed, take(input, 8));
		break;
	case 10:
		atomic_fetch_add(&half->consumed, take(input, 3) % (ring + 1));
		break;
	case 11:
		half->inlined[take(input, 1) % LINE_INLINE] = (unsigned char)take(input, 1);
		break;
	case 12:
		memset(peer->outgoing_ring + take(input, 3) % (ring - 256), (int)take(input, 1), 256);
		break;
	case 13:
		atomic_store(&half->put_by, (uint32_t)take(input, 1));
		break;
	case 14:
		atomic_store(&peer->peers->message_bell, (uint32_t)take(input, 4));
		break;
	default:
		atomic_store(&peer->peers->receipt_bell, (uint32_t)take(input, 4));
	}
}

/* Steps that never wait: tokens are only sent, and never read, since the fuzzer has no other process to send some. */
static int own_step(struct line *line, uint64_t step, uint64_t *written, const unsigned char *data, bool *sending)
{
	int result = 0;
	switch (step % 6) {
	case 0:
	case 1: {
		size_t before = line->incoming.active ? line->incoming.body.size : 0;
		result = line_take(line);
		MUST(result == 1 || result == 0 || result == -EBADMSG || result == -EMSGSIZE);
		MUST(line->incoming.body.size - (line->incoming.body.size < before ? 0 : before) <= line->ring + LINE_INLINE);
		*written += result >= 0 && line->incoming.active ? line->incoming.body.size - before : 0;
		if (result == 1) {
			MUST(line->incoming.body.size == line->incoming.frame.length);
			line_acknowledge(line, step & 64, step & 128);
			result = 0;
		}
		break;
	}
	case 2:
		if (!*sending)
			line_announce(line, &(struct frame){.kind = FRAME_DATA, .length = step * 97 % (3 * line->ring)}, data);
		*sending = true;
		break;
	case 3:
		result = *sending ? line_push(line) : 0;
		MUST(result == 1 || result == 0 || result == -EBADMSG);
		break;
	case 4:
		result = *sending ? line_received(line) : 0;
		MUST(result == 1 || result == 0 || result == -EBADMSG);
		if (result == 1) {
			line_answer_put_by(line);
			*sending = false;
		}
		break;
	default:
		line_arm(line);
		(void)line_incoming(line);
		line_disarm(line);
	}
	return result < 0 ? result : 0;
}

/* Tokens that this side has sent lie at the peer's end; the next input begins without any. */
static void forget_tokens(const struct line *peer)
{
	char tokens[512];
	while (recv(peer->fd, tokens, sizeof tokens, MSG_DONTWAIT) > 0)
		;
}

static void step_line(struct input input)
{
	/* Made once: mapping it takes far longer than the steps. */
	static struct line first, first_peer;
	static unsigned char *data;
	if (!data) {
		MUST(!line_pair(&first, &first_peer));
		data = calloc(3, first.ring);
		MUST(data);
	}
	struct line line = first, peer = first_peer;
	uint64_t written = 0;
	bool sending = false;
	memset(line.mine, 0, sizeof *line.mine);
	memset(line.peers, 0, sizeof *line.peers);
	line.limit = take(&input, 1) % 2 ? 1 << 20 : 0;
	while (input.size) {
		uint64_t step = take(&input, 2);
		if (step >> 8 < 160) {
			peer_step(&input, &peer);
			continue;
		}
		int result = own_step(&line, step, &written, data, &sending);
		check(&line);
		/* Memory for what has come, and no more, whatever has been announced. */
		MUST(line.incoming.body.capacity <= 2 * (written + LINE_INLINE) + 64);
		if (result)
			break;
	}
	forget_tokens(&peer);
	brood_buffer_free(&line.incoming.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_head(data, size);
	read_failure(data, size);
	step_line((struct input){data, size});
	return 0;
}
