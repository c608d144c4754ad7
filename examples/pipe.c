/* SPDX-License-Identifier: MIT */
/*
 * Values through descriptors: a MessagePack value is dumped to a pipe, from which a child loads it, and to a file, from
 * which it is loaded again; both show it as JSON. Then a reader takes lines and a value from one descriptor.
 */
#include <brood.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int pack_text(struct brood_buffer *out, const char *text)
{
	return brood_pack_str(out, text, strlen(text));
}

/* {"name": …, "sizes": [1, 2^64 - 1], "ratio": 0.1, "raw": bytes} */
static int pack_sample(struct brood_buffer *out, const char *name)
{
	int error = brood_pack_map(out, 4);
	if (!error)
		error = pack_text(out, "name");
	if (!error)
		error = pack_text(out, name);
	if (!error)
		error = pack_text(out, "sizes");
	if (!error)
		error = brood_pack_array(out, 2);
	if (!error)
		error = brood_pack_int(out, 1);
	if (!error)
		error = brood_pack_uint(out, UINT64_MAX);
	if (!error)
		error = pack_text(out, "ratio");
	if (!error)
		error = brood_pack_double(out, 0.1);
	if (!error)
		error = pack_text(out, "raw");
	if (!error)
		error = brood_pack_bin(out, "\0\xff", 2);
	return error;
}

static int show(const char *who, const struct brood_buffer *value)
{
	struct brood_buffer json = {0};
	int error = brood_value_to_json((struct brood_bytes){value->data, value->size}, &json);
	if (!error)
		printf("%s: %.*s\n", who, (int)json.size, (const char *)json.data);
	brood_buffer_free(&json);
	return error;
}

static int load_all(brood_channel *channel, void *context)
{
	(void)channel;
	int *ends = context, result;
	struct brood_buffer value = {0};
	/* The child has a copy of the writing end as well, and would wait for its own end of file. */
	close(ends[1]);
	while ((result = brood_pipeload(ends[0], &value)) == 1)
		if ((result = show("child", &value)))
			break;
	brood_buffer_free(&value);
	return result ? 1 : 0;
}

static int through_pipe(const struct brood_buffer *value)
{
	int ends[2];
	brood_channel *channel;
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	int error = brood_start(&channel, load_all, ends);
	close(ends[0]);
	if (error) {
		close(ends[1]);
		return error;
	}
	for (int i = 0; !error && i < 2; i++)
		error = brood_pipedump(ends[1], (struct brood_bytes){value->data, value->size});
	close(ends[1]);
	struct brood_status status;
	if (!error)
		error = brood_wait(channel, -1, &status);
	if (!error)
		printf("child left with %d\n", status.exit_code);
	brood_channel_free(channel);
	return error;
}

static int read_back(int file)
{
	brood_reader *reader;
	struct brood_buffer value = {0};
	struct brood_bytes line;
	int result = brood_reader_new(&reader, file);
	if (result)
		return result;
	for (int i = 0; i < 2 && (result = brood_reader_readline(reader, &line)) == 1; i++)
		printf("line: %.*s", (int)line.size, (const char *)line.data);
	if (result == 1 && (result = brood_reader_load(reader, &value)) == 1)
		result = show("file", &value);
	brood_buffer_free(&value);
	brood_reader_free(reader);
	return result;
}

static int through_file(const struct brood_buffer *value)
{
	static const char text[] = "two lines of text,\nand then a value\n";
	int file = memfd_create("pipe", MFD_CLOEXEC);
	if (file < 0)
		return -errno;
	int error = write(file, text, sizeof text - 1) < 0 ? -errno : 0;
	if (!error)
		error = brood_pipedump(file, (struct brood_bytes){value->data, value->size});
	if (!error && lseek(file, 0, SEEK_SET))
		error = -errno;
	if (!error)
		error = read_back(file);
	close(file);
	return error;
}

int main(void)
{
	struct brood_buffer value = {0};
	int error = pack_sample(&value, "na\xc3\xafve \"quoted\"");
	if (!error)
		error = through_pipe(&value);
	if (!error)
		error = through_file(&value);
	brood_buffer_free(&value);
	if (error) {
		fprintf(stderr, "pipe: %s\n", strerror(-error));
		return 1;
	}
	return 0;
}
