/* SPDX-License-Identifier: MIT */
#include "batch.h"

#include "say.h"
#include "text.h"

#include <stdlib.h>

static bool is_packed(const struct options *options, const struct template *template)
{
	/* Where there is no place for all values, those beyond the positions would be dropped. */
	return options->packing && template->has_all;
}

void batch_begin(struct batch *batch, const struct options *options, const struct template *template, struct input *input)
{
	const bool packed = is_packed(options, template);
	*batch = (struct batch){.options = options, .template = template, .input = input, .most = packed ? SIZE_MAX : 1};
	const long given = options->max_replace >= 0 ? options->max_replace
			   : options->max_lines >= 0 ? options->max_lines : options->max_arguments;
	if (given >= 0)
		batch->most = given ? (size_t)given : 1;
	if (options->max_chars)
		batch->limit = (size_t)options->max_chars;
	else if (batch->most > 1)
		batch->limit = MOST_CHARS;
}

void batch_end(struct batch *batch)
{
	record_free(batch->next);
	while (batch->rest_next < batch->rest_count)
		record_free(batch->rest[batch->rest_next++]);
	free(batch->rest);
}

static struct record *read_record(struct batch *batch)
{
	struct record *record = batch->next;
	batch->next = NULL;
	if (!record && !batch->ended && !(record = input_next(batch->input)))
		batch->ended = true;
	return record;
}

static size_t length_of(const struct batch *batch, struct record *const *records, size_t count)
{
	const struct filling filling = {.records = records, .count = count, .number = batch->read, .slot = 1,
		.repeat_words = options_repeat_words(batch->options)};
	return template_length(batch->template, &filling);
}

BROOD_NORETURN static void die_too_long(const struct batch *batch, const struct record *record, size_t length)
{
	const struct brood_bytes value = record->count ? record->values[0] : (struct brood_bytes){"", 0};
	die("the command line is too long for input %zu: it has %zu bytes, and %s allows less than %zu: %.*s", batch->read + 1, length,
	    batch->options->max_chars ? "-s" : "the kernel for one argument", batch->limit,
	    (int)(value.size < 60 ? value.size : 60), (const char *)value.data);
}

static size_t take_rest(struct batch *batch, struct record ***records)
{
	size_t count = batch->rest_count - batch->rest_next;
	if (count > batch->share)
		count = batch->share;
	*records = need(count * sizeof **records);
	for (size_t i = 0; i < count; i++)
		(*records)[i] = batch->rest[batch->rest_next++];
	return count;
}

/* The input has ended, and all that is left would fit into one job: each slot gets a share. */
static size_t distribute(struct batch *batch, struct record **records, size_t count, struct record ***out)
{
	const size_t slots = (size_t)options_jobs(batch->options);
	batch->rest = records;
	batch->rest_count = count;
	batch->share = (count + slots - 1) / slots;
	return take_rest(batch, out);
}

size_t batch_next(struct batch *batch, struct record ***out)
{
	struct record **records = NULL;
	size_t count = 0, length = 0;
	if (batch->rest_next < batch->rest_count)
		return take_rest(batch, out);
	while (count < batch->most) {
		struct record *record = read_record(batch);
		if (!record)
			break;
		if (batch->limit) {
			/* Each further record adds the same, whatever stands before it. */
			struct record *const twice[] = {record, record};
			const size_t one = length_of(batch, twice, 1);
			if (one >= batch->limit)
				die_too_long(batch, record, one);
			const size_t more = count ? length + length_of(batch, twice, 2) - one : one;
			if (more >= batch->limit) {
				batch->next = record;
				break;
			}
			length = more;
		}
		batch->read++;
		if (!(count & (count - 1)))
			records = need_more(records, (count ? count * 2 : 1) * sizeof *records);
		records[count++] = record;
	}
	if (batch->ended && count > 1 && is_packed(batch->options, batch->template) && batch->options->packing != PACK_XARGS &&
	    batch->most == SIZE_MAX)
		return distribute(batch, records, count, out);
	*out = records;
	return count;
}

size_t batch_total(const struct batch *batch)
{
	if (batch->most == SIZE_MAX || batch->limit)
		return 0;
	return (input_total(batch->input) + batch->most - 1) / batch->most;
}
