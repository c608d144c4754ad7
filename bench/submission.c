/* SPDX-License-Identifier: MIT */
/*
 * submission unordered|ordered ITEMS MICROSECONDS
 *
 * The items submitted one by one to a pool of two workers that are there, and their values summed as they come.
 */
#include "load.h"
#include "measure.h"

#include <brood.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct stream {
	struct load load;
	unsigned flags;
};

static int work(brood_task *task, void *context)
{
	const struct stream *stream = context;
	const uint64_t value = work_on(*(const uint64_t *)brood_item(task).data, stream->load.turns);
	return brood_reply(task, &value, sizeof value);
}

static size_t submit_some(const struct load *load, brood_pool *pool, size_t submitted)
{
	int result = 0;
	while (submitted < load->count) {
		result = brood_pool_submit(pool, (struct brood_bytes){&load->items[submitted], sizeof *load->items});
		if (result == -EAGAIN)
			break;
		must(result, "brood_pool_submit");
		submitted++;
	}
	return submitted;
}

static uint64_t take_one(const struct stream *stream, brood_pool *pool, size_t taken)
{
	struct brood_result result;
	must(must(brood_pool_next(pool, &result, -1), "brood_pool_next") ? 0 : -EPROTO, "fewer records than items");
	must(result.value.size == sizeof(uint64_t) ? 0 : -EPROTO, "value");
	must(!(stream->flags & BROOD_ORDERED) || result.index == taken ? 0 : -EPROTO, "order");
	return *(const uint64_t *)result.value.data;
}

static double run_once(void *context)
{
	const struct stream *stream = context;
	const struct load *load = &stream->load;
	uint64_t sum = 0;
	brood_pool *pool;
	must(brood_pool_new(&pool, work, context, BROOD_OPTIONS(.workers = WORKERS, .flags = stream->flags)), "brood_pool_new");
	must(brood_pool_spawn(pool, 0), "brood_pool_spawn");
	const uint64_t begin = nanoseconds();
	for (size_t submitted = 0, taken = 0; taken < load->count; taken++) {
		submitted = submit_some(load, pool, submitted);
		sum += take_one(stream, pool, taken);
	}
	const double took = (double)(nanoseconds() - begin);
	brood_pool_free(pool);
	check_sum(load, sum);
	return took;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: submission unordered|ordered ITEMS MICROSECONDS\n");
		return 2;
	}
	struct stream stream = {.load = load_of(argv[2], argv[3]), .flags = strcmp(argv[1], "ordered") ? 0 : BROOD_ORDERED};
	print_load(&stream.load, measure_each(run_once, &stream));
	return 0;
}
