/* SPDX-License-Identifier: MIT */
#include "map_record.h"

#include "clock.h"
#include "job.h"
#include "say.h"
#include "text.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

/* The one byte that MessagePack has no meaning for, and why the line was rejected. */
enum { REJECTED = 0xc1, REJECTED_SIZE = 2, WHY_NOT_JSON = 0, WHY_RANGE, WHY_TOO_LARGE };

/* --- items that are not what they should be ------------------------------------------------------------------------ */

void map_reject(struct brood_buffer *out, struct brood_bytes line, int error)
{
	const char mark[REJECTED_SIZE] = {(char)REJECTED,
		error == -ERANGE ? WHY_RANGE : error == -EINVAL || error == -EMSGSIZE ? WHY_TOO_LARGE : WHY_NOT_JSON};
	out->size = 0;
	text_add(out, mark, sizeof mark);
	text_add(out, line.data, line.size);
}

bool map_is_rejected(const struct map_options *options, struct brood_bytes item)
{
	return options->json && item.size >= REJECTED_SIZE && *(const unsigned char *)item.data == REJECTED;
}

static struct brood_bytes rejected_line(struct brood_bytes item)
{
	return (struct brood_bytes){(const char *)item.data + REJECTED_SIZE, item.size - REJECTED_SIZE};
}

struct brood_result map_settle(const struct map_options *options, const struct brood_result *result)
{
	static const struct brood_failure failures[] = {
		[WHY_NOT_JSON] = {"NotJSON", "not JSON", "", 1, 0, ""},
		[WHY_RANGE] = {"NotJSON", "JSON with a number that is too large", "", 1, 0, ""},
		[WHY_TOO_LARGE] = {"TooLarge", "too large for an item", "", 1, 0, ""},
	};
	struct brood_result settled = *result;
	if (map_is_rejected(options, result->item) && result->outcome == BROOD_SUCCESS) {
		settled.outcome = BROOD_FAIL;
		settled.failure = &failures[((const unsigned char *)result->item.data)[1]];
		settled.value = (struct brood_bytes){0};
		settled.attempts = 0;
		settled.worker = -1;
		settled.cost = NULL;
	}
	return settled;
}

/* --- parts of a line ----------------------------------------------------------------------------------------------- */

static void check(int error)
{
	if (error)
		die("a record cannot be written as JSON: %s", strerror(-error));
}

static void pack_name(struct brood_buffer *out, const char *name)
{
	check(brood_pack_str(out, name, strlen(name)));
}

/* All text in ASCII is UTF-8; of other text the library says, by what it makes of it. */
static bool is_text(struct brood_bytes bytes)
{
	static struct brood_buffer packed, json;
	const unsigned char *data = bytes.data;
	size_t at = 0;
	while (at < bytes.size && data[at] < 0x80)
		at++;
	if (at == bytes.size)
		return true;
	packed.size = json.size = 0;
	check(brood_pack_str(&packed, bytes.data, bytes.size));
	check(brood_value_to_json((struct brood_bytes){packed.data, packed.size}, &json));
	return *json.data == '"';
}

static void pack_bytes(struct brood_buffer *out, struct brood_bytes bytes, enum value_form form)
{
	/* With no reply at all there is no value. */
	if (form == VALUE_JSON && !bytes.size)
		check(brood_pack_nil(out));
	else if (form == VALUE_JSON && !brood_value_check(bytes))
		text_add(out, bytes.data, bytes.size);
	else if (form == VALUE_STRING || (form == VALUE_AUTO && is_text(bytes)))
		check(brood_pack_str(out, bytes.data, bytes.size));
	else
		check(brood_pack_bin(out, bytes.data, bytes.size));
}

static void pack_item(const struct map_options *options, struct brood_buffer *out, struct brood_bytes item)
{
	if (map_is_rejected(options, item))
		pack_bytes(out, rejected_line(item), VALUE_AUTO);
	else
		pack_bytes(out, item, options->json ? VALUE_JSON : VALUE_AUTO);
}

static void pack_text(struct brood_buffer *out, const char *name, const char *text)
{
	pack_name(out, name);
	pack_bytes(out, (struct brood_bytes){text, strlen(text)}, VALUE_AUTO);
}

static void pack_count(struct brood_buffer *out, const char *name, uint64_t value)
{
	pack_name(out, name);
	check(brood_pack_uint(out, value));
}

/* The clocks tell no more than nanoseconds, and what is behind them would be noise in each line. */
static void pack_seconds(struct brood_buffer *out, const char *name, double seconds, double unit)
{
	pack_name(out, name);
	check(brood_pack_double(out, round(seconds * unit) / unit));
}

/* As seconds since 1970: of the monotonic clock nobody but this command has the beginning. */
static double wall_time(double started)
{
	static double offset;
	if (offset == 0)
		offset = clock_wall() - clock_now();
	return started + offset;
}

static void pack_failure(struct brood_buffer *out, const struct brood_failure *failure)
{
	pack_name(out, "failure");
	check(brood_pack_map(out, 6));
	pack_text(out, "type", failure->type);
	pack_text(out, "message", failure->message);
	pack_text(out, "traceback", failure->traceback);
	pack_name(out, "code");
	check(brood_pack_int(out, failure->code));
	pack_name(out, "signal");
	if (failure->signal)
		pack_name(out, signal_name(failure->signal));
	else
		check(brood_pack_nil(out));
	pack_text(out, "output", failure->output);
}

static void pack_cost(struct brood_buffer *out, const struct brood_cost *cost)
{
	pack_name(out, "costs");
	if (!cost) {
		check(brood_pack_nil(out));
		return;
	}
	check(brood_pack_map(out, 7));
	pack_seconds(out, "user", cost->user_seconds, 1e6);
	pack_seconds(out, "system", cost->system_seconds, 1e6);
	pack_count(out, "peak", cost->peak_bytes);
	pack_count(out, "minor_faults", cost->minor_faults);
	pack_count(out, "major_faults", cost->major_faults);
	pack_count(out, "voluntary_switches", cost->voluntary_switches);
	pack_count(out, "involuntary_switches", cost->involuntary_switches);
}

/* --- lines --------------------------------------------------------------------------------------------------------- */

static void pack_record(const struct map_options *options, struct brood_buffer *out, const struct brood_result *result)
{
	static const char *const outcomes[] = {"pending", "success", "fail", "abort", "timeout", "canceled"};
	check(brood_pack_map(out, 8 + (size_t)options->costs));
	pack_count(out, "index", result->index);
	pack_name(out, "item");
	pack_item(options, out, result->item);
	pack_text(out, "outcome", outcomes[result->outcome]);
	if (result->failure) {
		pack_failure(out, result->failure);
	} else {
		pack_name(out, "value");
		pack_bytes(out, result->value, options->value);
	}
	pack_count(out, "attempts", result->attempts);
	if (result->attempts) {
		pack_seconds(out, "started", wall_time(result->started), 1e6);
	} else {
		pack_name(out, "started");
		check(brood_pack_nil(out));
	}
	pack_seconds(out, "seconds", result->attempts ? result->seconds : 0, 1e9);
	pack_name(out, "worker");
	check(brood_pack_int(out, result->worker));
	if (options->costs)
		pack_cost(out, result->cost);
}

static void add_json(struct brood_buffer *out, const struct brood_buffer *packed)
{
	check(brood_value_to_json((struct brood_bytes){packed->data, packed->size}, out));
}

void map_record_add(const struct map_options *options, struct brood_buffer *out, const struct brood_result *result)
{
	static struct brood_buffer packed;
	packed.size = 0;
	if (!options->raw) {
		pack_record(options, &packed, result);
		add_json(out, &packed);
		text_add_char(out, '\n');
	} else if (result->outcome == BROOD_SUCCESS) {
		if (options->value == VALUE_JSON) {
			pack_bytes(&packed, result->value, options->value);
			add_json(out, &packed);
		} else {
			text_add(out, result->value.data, result->value.size);
		}
		text_add_char(out, options->delimiter);
	}
}

void map_record_add_item(const struct map_options *options, struct brood_buffer *out, struct brood_bytes item)
{
	static struct brood_buffer packed;
	packed.size = 0;
	pack_item(options, &packed, item);
	add_json(out, &packed);
}
