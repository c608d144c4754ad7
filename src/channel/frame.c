/* SPDX-License-Identifier: MIT */
#include "channel/frame.h"

#include "base/buffer.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

/* The last byte is the version of the protocol. */
static const unsigned char magic[4] = {0xB7, 'r', 'd', 1};

void frame_write(unsigned char head[FRAME_HEAD], const struct frame *frame)
{
	memcpy(head, magic, sizeof magic);
	head[4] = (unsigned char)frame->kind;
	memset(head + 5, 0, 3);
	uint64_t length = htole64(frame->length);
	memcpy(head + 8, &length, sizeof length);
}

int frame_read(const unsigned char head[FRAME_HEAD], struct frame *out)
{
	if (memcmp(head, magic, sizeof magic) != 0 || head[5] || head[6] || head[7])
		return -EBADMSG;
	if (head[4] != FRAME_DATA && head[4] != FRAME_FAILURE)
		return -EBADMSG;
	uint64_t length;
	memcpy(&length, head + 8, sizeof length);
	length = le64toh(length);
	/* More than any address space holds is no message, and sums of lengths below cannot overflow. */
	if (length > UINT64_C(1) << 56)
		return -EBADMSG;
	out->kind = (enum frame_kind)head[4];
	out->length = length;
	return 0;
}

/* A failure: code and signal in four bytes each, then type, message and traceback, each as a length in four bytes, the
   bytes and a NUL. */
enum { FAILURE_STRINGS = 3 };

static int append_number(struct brood_buffer *buffer, uint32_t number)
{
	number = htole32(number);
	return buffer_append(buffer, &number, sizeof number);
}

int frame_pack_failure(struct brood_buffer *buffer, const struct brood_failure *failure)
{
	size_t before = buffer->size;
	const char *const strings[FAILURE_STRINGS] = {failure->type, failure->message, failure->traceback};
	int error = append_number(buffer, (uint32_t)failure->code);
	if (!error)
		error = append_number(buffer, (uint32_t)failure->signal);
	for (int i = 0; i < FAILURE_STRINGS && !error; i++) {
		const char *string = strings[i] ? strings[i] : "";
		size_t size = strnlen(string, UINT32_MAX);
		error = append_number(buffer, (uint32_t)size);
		if (!error)
			error = buffer_append(buffer, string, size);
		if (!error)
			error = buffer_append(buffer, "", 1);
	}
	if (error)
		buffer->size = before;
	return error;
}

static int take_number(struct brood_bytes *rest, uint32_t *out)
{
	uint32_t number;
	if (rest->size < sizeof number)
		return -EBADMSG;
	memcpy(&number, rest->data, sizeof number);
	*rest = (struct brood_bytes){(const char *)rest->data + sizeof number, rest->size - sizeof number};
	*out = le32toh(number);
	return 0;
}

static int take_string(struct brood_bytes *rest, const char **out)
{
	uint32_t size;
	if (take_number(rest, &size) || size >= rest->size)
		return -EBADMSG;
	const char *string = rest->data;
	if (memchr(string, '\0', (size_t)size + 1) != string + size)
		return -EBADMSG;
	*rest = (struct brood_bytes){string + size + 1, rest->size - size - 1};
	*out = string;
	return 0;
}

int frame_unpack_failure(struct brood_bytes body, struct brood_failure *out)
{
	uint32_t code, signal;
	const char *strings[FAILURE_STRINGS];
	if (take_number(&body, &code) || take_number(&body, &signal))
		return -EBADMSG;
	for (int i = 0; i < FAILURE_STRINGS; i++)
		if (take_string(&body, &strings[i]))
			return -EBADMSG;
	if (body.size)
		return -EBADMSG;
	*out = (struct brood_failure){
		.type = strings[0], .message = strings[1], .traceback = strings[2], .output = "", .code = (int)code,
		.signal = (int)signal};
	return 0;
}
