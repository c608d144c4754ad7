/* SPDX-License-Identifier: MIT */
#include "report/voices.h"

#include "base/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { HELD = 4096 };

struct voice {
	int worker;
	pid_t pid;
	struct brood_buffer held;
};

static struct voice *voice_of(struct voices *voices, int worker)
{
	for (size_t i = 0; i < voices->count; i++)
		if (voices->voices[i].worker == worker)
			return &voices->voices[i];
	struct voice *more = reallocarray(voices->voices, voices->count + 1, sizeof *more);
	if (!more)
		return NULL;
	voices->voices = more;
	more[voices->count] = (struct voice){.worker = worker};
	return &more[voices->count++];
}

static int release(struct voice *voice, struct brood_buffer *out)
{
	int error = voice->held.size ? buffer_append(out, voice->held.data, voice->held.size) : 0;
	if (!error && voice->held.size)
		error = buffer_append(out, "\n", 1);
	voice->held.size = 0;
	return error;
}

int voices_take(struct voices *voices, const struct brood_event *event, struct brood_buffer *out)
{
	const char *data = event->output.data;
	const size_t size = event->output.size;
	struct voice *voice = size ? voice_of(voices, event->worker) : NULL;
	if (!voice)
		return size ? -ENOMEM : 0;
	int error = voice->pid == event->pid ? 0 : release(voice, out);
	voice->pid = event->pid;
	const char *end = memrchr(data, '\n', size);
	const size_t whole = end ? (size_t)(end + 1 - data) : 0;
	if (whole && !error)
		error = buffer_append(out, voice->held.data, voice->held.size);
	if (whole)
		voice->held.size = 0;
	if (whole && !error)
		error = buffer_append(out, data, whole);
	if (!error)
		error = buffer_append(&voice->held, data + whole, size - whole);
	return error || voice->held.size <= HELD ? error : release(voice, out);
}

int voices_end(struct voices *voices, struct brood_buffer *out)
{
	int error = 0;
	for (size_t i = 0; i < voices->count && !error; i++)
		error = release(&voices->voices[i], out);
	return error;
}

void voices_free(struct voices *voices)
{
	for (size_t i = 0; i < voices->count; i++)
		brood_buffer_free(&voices->voices[i].held);
	free(voices->voices);
	*voices = (struct voices){0};
}
