/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum { HEAD = 12 };

/* What loading from these bytes gives, said in the plainest way. */
static int model_load(struct brood_bytes rest, struct brood_bytes *out)
{
	if (!rest.size)
		return 0;
	if (rest.size < HEAD || memcmp(rest.data, "\xfe" "br\1", 4))
		return -EBADMSG;
	uint64_t length = 0;
	for (int i = 4; i < HEAD; i++)
		length = length << 8 | ((const unsigned char *)rest.data)[i];
	if (length > rest.size - HEAD)
		return -EBADMSG;
	*out = (struct brood_bytes){(const char *)rest.data + HEAD, (size_t)length};
	return 1;
}

static void advance(struct brood_bytes *rest, size_t size)
{
	rest->data = (const char *)rest->data + size;
	rest->size -= size;
}

static void pipes(int fd, struct brood_bytes rest)
{
	for (int got = 1; got == 1;) {
		struct brood_buffer out = {0};
		struct brood_bytes expected;
		int model = model_load(rest, &expected);
		got = brood_pipeload(fd, &out);
		MUST(got == model);
		if (got == 1) {
			MUST(equal(bytes_of(&out), expected));
			advance(&rest, HEAD + expected.size);
			MUST(lseek(fd, 0, SEEK_CUR) >= 0);
		} else {
			MUST(!out.data);
		}
		brood_buffer_free(&out);
	}
}

/* One step by the reader and by the model. False at the end. */
static bool step(brood_reader *reader, struct brood_bytes *rest, unsigned op)
{
	if (op % 3 == 0) {
		size_t size = op / 3;
		char data[86] = {0};
		ssize_t expected = (ssize_t)(size < rest->size ? size : rest->size);
		MUST(brood_reader_read(reader, data, size) == expected);
		MUST(!expected || !memcmp(data, rest->data, (size_t)expected));
		advance(rest, (size_t)expected);
		return expected || !size;
	}
	if (op % 3 == 1) {
		struct brood_bytes line = {0};
		int got = brood_reader_readline(reader, &line);
		MUST(got == (rest->size > 0));
		if (!got)
			return false;
		const char *end = memchr(rest->data, '\n', rest->size);
		size_t size = end ? (size_t)(end - (const char *)rest->data) + 1 : rest->size;
		MUST(equal(line, (struct brood_bytes){rest->data, size}));
		advance(rest, size);
		return true;
	}
	struct brood_buffer out = {0};
	struct brood_bytes expected;
	int model = model_load(*rest, &expected), got = brood_reader_load(reader, &out);
	MUST(got == model);
	if (got == 1) {
		MUST(equal(bytes_of(&out), expected));
		advance(rest, HEAD + expected.size);
		brood_buffer_free(&out);
		return true;
	}
	MUST(!out.data);
	/* What is no head is still there; of an object that was cut short nothing is. */
	return got && (rest->size < HEAD || memcmp(rest->data, "\xfe" "br\1", 4));
}

/* The first byte says how many operations there are, of a byte each; the rest is what the descriptor gives. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size || data[0] % 32u + 1 > size)
		return 0;
	size_t ops = data[0] % 32;
	struct brood_bytes rest = {data + 1 + ops, size - 1 - ops};
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	MUST(fd >= 0);
	MUST(write(fd, rest.data, rest.size) == (ssize_t)rest.size);
	MUST(lseek(fd, 0, SEEK_SET) == 0);
	pipes(fd, rest);

	MUST(lseek(fd, 0, SEEK_SET) == 0);
	brood_reader *reader;
	MUST(!brood_reader_new(&reader, fd));
	size_t nth = 0;
	while (nth < ops && step(reader, &rest, data[1 + nth]))
		nth++;
	brood_reader_free(reader);

	/* And what is dumped loads as it was. */
	MUST(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	MUST(!brood_pipedump(fd, (struct brood_bytes){data, size}));
	MUST(lseek(fd, 0, SEEK_SET) == 0);
	struct brood_buffer out = {0};
	MUST(brood_pipeload(fd, &out) == 1 && equal(bytes_of(&out), (struct brood_bytes){data, size}));
	brood_buffer_free(&out);
	close(fd);
	return 0;
}
