/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"
#include "base/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ITEM_MOST = 4096 };

struct json {
	struct brood_reporter reporter;
	FILE *stream;
	double began;
};

/* An object whose members are counted as they are packed. */
struct object {
	struct brood_buffer members;
	uint32_t count;
	int error;
};

static void add_key(struct object *object, const char *key)
{
	object->count++;
	if (!object->error)
		object->error = brood_pack_str(&object->members, key, strlen(key));
}

static void add_bytes(struct object *object, const char *key, struct brood_bytes bytes)
{
	add_key(object, key);
	if (!object->error)
		object->error = brood_pack_str(&object->members, bytes.size ? bytes.data : "", bytes.size);
}

static void add_text(struct object *object, const char *key, const char *text)
{
	add_bytes(object, key, (struct brood_bytes){text, strlen(text)});
}

static void add_int(struct object *object, const char *key, int64_t value)
{
	add_key(object, key);
	if (!object->error)
		object->error = brood_pack_int(&object->members, value);
}

static void add_double(struct object *object, const char *key, double value)
{
	add_key(object, key);
	if (!object->error)
		object->error = brood_pack_double(&object->members, value);
}

static void add_item(struct object *object, const struct brood_event *event)
{
	const size_t size = event->item.size;
	add_int(object, "index", (int64_t)event->index);
	add_bytes(object, "item", (struct brood_bytes){event->item.data, size < ITEM_MOST ? size : ITEM_MOST});
	add_int(object, "item_size", (int64_t)size);
}

static void add_result(struct object *object, const struct brood_result *result)
{
	static const char *const names[] = {"pending", "success", "fail", "abort", "timeout", "canceled"};
	const struct brood_failure *failure = result->failure;
	add_text(object, "outcome", names[result->outcome]);
	add_double(object, "seconds", result->seconds);
	add_int(object, "attempts", result->attempts);
	add_int(object, "value_size", (int64_t)result->value.size);
	if (!failure)
		return;
	add_text(object, "type", failure->type);
	add_text(object, "message", failure->message);
	add_text(object, "traceback", failure->traceback);
	add_int(object, "code", failure->code);
	add_int(object, "signal", failure->signal);
}

static void add_status(struct object *object, const struct brood_status *status)
{
	add_int(object, "exit_code", status->exit_code);
	add_int(object, "signal", status->signal);
	add_key(object, "core_dumped");
	if (!object->error)
		object->error = brood_pack_bool(&object->members, status->core_dumped);
	add_double(object, "user_seconds", status->user_seconds);
	add_double(object, "system_seconds", status->system_seconds);
	add_int(object, "peak_bytes", (int64_t)status->peak_bytes);
}

static void begin_object(struct object *object, const struct json *json, const char *name, const struct brood_event *event)
{
	*object = (struct object){0};
	add_text(object, "event", name);
	add_double(object, "time", event->time > json->began ? event->time - json->began : 0);
	if (event->worker >= 0)
		add_int(object, "worker", event->worker);
	if (event->pid)
		add_int(object, "pid", event->pid);
	add_int(object, "children", event->children);
	if (event->total)
		add_int(object, "total", (int64_t)event->total);
}

static void write_line(FILE *stream, const struct brood_buffer *line)
{
	const int fd = fileno(stream);
	fflush(stream);
	if (fd >= 0) {
		stream_write_full(fd, line->data, line->size);
	} else {
		fwrite(line->data, 1, line->size, stream);
		fflush(stream);
	}
}

/* A line that there is no memory for is left out. */
static void end_object(struct object *object, const struct json *json)
{
	struct brood_buffer value = {0}, line = {0};
	if (!object->error)
		object->error = brood_pack_map(&value, object->count);
	if (!object->error)
		object->error = buffer_append(&value, object->members.data, object->members.size);
	if (!object->error)
		object->error = brood_value_to_json((struct brood_bytes){value.data, value.size}, &line);
	if (!object->error)
		object->error = buffer_append(&line, "\n", 1);
	if (!object->error)
		write_line(json->stream, &line);
	brood_buffer_free(&object->members);
	brood_buffer_free(&value);
	brood_buffer_free(&line);
}

static void tell(const struct json *json, const char *name, const struct brood_event *event)
{
	struct object object;
	begin_object(&object, json, name, event);
	end_object(&object, json);
}

static void tell_item(const struct json *json, const char *name, const struct brood_event *event)
{
	struct object object;
	begin_object(&object, json, name, event);
	add_item(&object, event);
	if (event->result)
		add_result(&object, event->result);
	end_object(&object, json);
}

static void init(void *context, const struct brood_event *event)
{
	struct json *json = context;
	json->began = event->time;
	tell(json, "init", event);
}

static void spawn(void *context, const struct brood_event *event)
{
	tell(context, "spawn", event);
}

static void begin(void *context, const struct brood_event *event)
{
	tell_item(context, "begin", event);
}

static void success(void *context, const struct brood_event *event)
{
	tell_item(context, "success", event);
}

static void fail(void *context, const struct brood_event *event)
{
	tell_item(context, "fail", event);
}

static void abort_item(void *context, const struct brood_event *event)
{
	tell_item(context, "abort", event);
}

static void exit_worker(void *context, const struct brood_event *event)
{
	struct object object;
	begin_object(&object, context, "exit", event);
	if (event->status)
		add_status(&object, event->status);
	end_object(&object, context);
}

static void output(void *context, const struct brood_event *event)
{
	struct object object;
	begin_object(&object, context, "output", event);
	add_bytes(&object, "output", event->output);
	end_object(&object, context);
}

static void cleanup(void *context, const struct brood_event *event)
{
	tell(context, "cleanup", event);
}

BROOD_API int brood_json_reporter(struct brood_reporter **out, FILE *stream)
{
	if (!out)
		return -EINVAL;
	struct json *json = calloc(1, sizeof *json);
	if (!json)
		return -ENOMEM;
	json->stream = stream ? stream : stderr;
	json->reporter = (struct brood_reporter){.size = sizeof json->reporter, .context = json, .init = init, .spawn = spawn,
		.begin = begin, .success = success, .fail = fail, .abort = abort_item, .exit = exit_worker, .cleanup = cleanup,
		.output = output};
	*out = &json->reporter;
	return 0;
}
