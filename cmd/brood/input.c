/* SPDX-License-Identifier: MIT */
#include "input.h"

#include "source.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

/* What a source with nothing in it counts as beside others that have: one empty value. */
static const struct brood_bytes nothing = {"", 0};

/* Records that are all there. */
struct list {
	struct record **records;
	size_t count, next;
};

/* Sources that stand side by side: one record of each makes one record. */
struct group {
	struct source_reader *readers;
	size_t count;
	bool cycles; /* --link: shorter ones begin again; else the shortest ends it */
	bool loaded;
	struct list list;
};

struct input {
	const struct options *options;
	struct group *groups;
	size_t group_count;
	struct record *names, *first; /* first: the record of the first group that is combined with all others now */
	struct list shuffled;
	size_t total;
	bool begun;
};

static void list_add(struct list *list, struct record *record)
{
	/* Doubled at each power of two. */
	if (!(list->count & (list->count - 1)))
		list->records = need_more(list->records, (list->count ? list->count * 2 : 1) * sizeof(struct record *));
	list->records[list->count++] = record;
}

static void list_free(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		record_free(list->records[i]);
	free(list->records);
}

static struct record *join(struct record *const *records, size_t count)
{
	const size_t values = record_values(records, count);
	struct brood_bytes *all = need(values * sizeof *all);
	for (size_t i = 0; i < values; i++)
		all[i] = record_value(records, count, i);
	struct record *record = record_new(all, values);
	free(all);
	return record;
}

/* --- one group ----------------------------------------------------------------------------------------------------- */

static struct record *read_beside(struct group *group)
{
	struct record **parts = need(group->count * sizeof(struct record *));
	size_t got = 0;
	while (got < group->count && (parts[got] = source_next(&group->readers[got])))
		got++;
	struct record *record = NULL;
	if (got == group->count)
		record = got == 1 ? record_hold(parts[0]) : join(parts, got);
	while (got)
		record_free(parts[--got]);
	free(parts);
	return record;
}

/* All sources to their ends, and then as many records as the longest has. */
static void load_cycling(struct group *group)
{
	struct list *lists = need(group->count * sizeof *lists);
	struct record **parts = need(group->count * sizeof *parts);
	size_t most = 0;
	for (size_t i = 0; i < group->count; i++) {
		struct record *record;
		lists[i] = (struct list){0};
		while ((record = source_next(&group->readers[i])))
			list_add(&lists[i], record);
		if (!lists[i].count)
			list_add(&lists[i], record_new(&nothing, 1));
		most = lists[i].count > most ? lists[i].count : most;
	}
	for (size_t i = 0; i < most; i++) {
		for (size_t k = 0; k < group->count; k++)
			parts[k] = lists[k].records[i % lists[k].count];
		list_add(&group->list, join(parts, group->count));
	}
	for (size_t i = 0; i < group->count; i++)
		list_free(&lists[i]);
	free(lists);
	free(parts);
}

static void load(struct group *group)
{
	struct record *record;
	if (group->loaded)
		return;
	group->loaded = true;
	if (group->cycles)
		load_cycling(group);
	else
		while ((record = read_beside(group)))
			list_add(&group->list, record);
}

static struct record *group_next(struct group *group)
{
	if (!group->loaded)
		return read_beside(group);
	return group->list.next < group->list.count ? record_hold(group->list.records[group->list.next++]) : NULL;
}

/* --- all groups ---------------------------------------------------------------------------------------------------- */

static void open_groups(struct input *input)
{
	const struct options *options = input->options;
	input->groups = need(options->source_count * sizeof *input->groups);
	for (size_t i = 0; i < options->source_count; i++) {
		const struct source *source = &options->sources[i];
		if (!i || !(source->linked || options->link))
			input->groups[input->group_count++] = (struct group){0};
		struct group *group = &input->groups[input->group_count - 1];
		group->readers = need_more(group->readers, (group->count + 1) * sizeof *group->readers);
		source_open(&group->readers[group->count++], options, source);
		group->cycles |= options->link && group->count > 1;
	}
}

static void read_names(struct input *input)
{
	struct list names = {0};
	for (size_t g = 0; g < input->group_count; g++)
		for (size_t i = 0; i < input->groups[g].count; i++) {
			struct record *record = source_next(&input->groups[g].readers[i]);
			if (record)
				list_add(&names, record);
		}
	input->names = join(names.records, names.count);
	list_free(&names);
}

/* The next of all combinations, the last group's records first. */
static struct record *next_combination(struct input *input)
{
	struct record **parts = need(input->group_count * sizeof *parts);
	struct record *record = NULL;
	size_t turned = 0;
	if (input->begun) {
		/* As on a counter: the last place turns, and the one before it when that is through. */
		for (turned = input->group_count - 1; turned > 0; turned--) {
			struct list *list = &input->groups[turned].list;
			if (++list->next < list->count)
				break;
			list->next = 0;
		}
	}
	if (!turned) {
		record_free(input->first);
		input->first = group_next(&input->groups[0]);
		if (!input->first && !input->begun && input->group_count > 1)
			input->first = record_new(&nothing, 1);
		input->begun = true;
	}
	if (input->first) {
		parts[0] = input->first;
		for (size_t i = 1; i < input->group_count; i++)
			parts[i] = input->groups[i].list.records[input->groups[i].list.next];
		record = input->group_count == 1 ? record_hold(input->first) : join(parts, input->group_count);
	}
	free(parts);
	return record;
}

static size_t random_below(size_t most)
{
	uint64_t value;
	while (getrandom(&value, sizeof value, 0) < 0 && errno == EINTR)
		;
	return value % most;
}

static void shuffle(struct input *input)
{
	struct record *record;
	while ((record = next_combination(input)))
		list_add(&input->shuffled, record);
	for (size_t i = input->shuffled.count; i > 1; i--) {
		const size_t k = random_below(i);
		record = input->shuffled.records[i - 1];
		input->shuffled.records[i - 1] = input->shuffled.records[k];
		input->shuffled.records[k] = record;
	}
	input->total = input->shuffled.count;
}

static bool is_of_arguments(const struct group *group)
{
	for (size_t i = 0; i < group->count; i++)
		if (group->readers[i].file)
			return false;
	return true;
}

struct input *input_open(const struct options *options)
{
	struct input *input = need(sizeof *input);
	*input = (struct input){.options = options};
	open_groups(input);
	if (options->header)
		read_names(input);
	for (size_t i = 0; i < input->group_count; i++) {
		struct group *group = &input->groups[i];
		if (i || group->cycles || options->count_first || is_of_arguments(group))
			load(group);
		if (i && !group->list.count)
			list_add(&group->list, record_new(&nothing, 1));
	}
	if (options->shuffle) {
		shuffle(input);
	} else if (input->groups[0].loaded) {
		input->total = input->groups[0].list.count;
		for (size_t i = 1; i < input->group_count; i++)
			input->total *= input->groups[i].list.count;
	}
	return input;
}

struct record *input_next(struct input *input)
{
	struct list *shuffled = &input->shuffled;
	if (input->options->shuffle)
		return shuffled->next < shuffled->count ? record_hold(shuffled->records[shuffled->next++]) : NULL;
	return next_combination(input);
}

const struct record *input_names(const struct input *input)
{
	return input->names;
}

size_t input_total(const struct input *input)
{
	return input->total;
}

void input_free(struct input *input)
{
	if (!input)
		return;
	for (size_t i = 0; i < input->group_count; i++) {
		for (size_t k = 0; k < input->groups[i].count; k++)
			source_close(&input->groups[i].readers[k]);
		free(input->groups[i].readers);
		list_free(&input->groups[i].list);
	}
	record_free(input->names);
	record_free(input->first);
	list_free(&input->shuffled);
	free(input->groups);
	free(input);
}
