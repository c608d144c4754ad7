/* SPDX-License-Identifier: MIT */
/* Large messages: whole, whatever their size, and without memory for what only is announced. */
#include "traffic.h"

#include "channel/channel.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static int send_size(brood_channel *channel, void *context)
{
	GIVES(traffic_send(channel, *(size_t *)context, 1), 0);
	traffic_expect(channel, *(size_t *)context, 2);
	return 0;
}

START_TEST(test_64_mib)
{
	size_t size = (64u << 20) + 5;
	if (traffic_slow() > 10)
		size = (4u << 20) + 5;
	for (int poll = 0; poll < 2; poll++) {
		brood_channel *channel;
		GIVES(brood_start(&channel, send_size, &size), 0);
		if (poll)
			MUST(traffic_readable(brood_channel_fd(channel), support_scale(5)));
		traffic_expect(channel, size, 1);
		GIVES(traffic_send(channel, size, 2), 0);
		traffic_ended(channel, 0);
		brood_channel_free(channel);
	}
}
END_TEST

static size_t available_memory(void)
{
	char line[256];
	size_t kib = 0;
	FILE *file = fopen("/proc/meminfo", "r");
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "MemAvailable: %zu", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib << 10;
}

/* Mostly nothing, and a word here and there that says where it is. */
enum { MARK_EVERY = 64 << 20 };
#define HUGE_SIZE (((size_t)5 << 30) + 3)

static int send_huge(brood_channel *channel, void *context)
{
	(void)context;
	char *data = mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	MUST(data != MAP_FAILED);
	for (size_t at = 1; at + sizeof at < HUGE_SIZE; at += MARK_EVERY)
		memcpy(data + at, &at, sizeof at);
	data[HUGE_SIZE - 1] = 'e';
	GIVES(brood_send(channel, data, HUGE_SIZE), 0);
	return 0;
}

START_TEST(test_5_gib)
{
	if (traffic_slow() > 1)
		support_skip("the tool needs the memory itself");
	if (available_memory() < (size_t)12 << 30)
		support_skip("less than 12 GiB of memory are free");
	brood_channel *channel;
	struct brood_message message;
	GIVES(brood_start(&channel, send_huge, NULL), 0);
	GIVES(brood_receive(channel, &message), 1);
	GIVES(message.body.size, HUGE_SIZE);
	const char *data = message.body.data;
	for (size_t at = 1; at + sizeof at < HUGE_SIZE; at += MARK_EVERY) {
		MUST(!memcmp(data + at, &at, sizeof at));
		MUST(!data[at + MARK_EVERY / 2] || at + MARK_EVERY / 2 == HUGE_SIZE - 1);
	}
	GIVES(data[HUGE_SIZE - 1], 'e');
	traffic_ended(channel, 0);
	brood_channel_free(channel);
}
END_TEST

/* What a huge message took is given back once small ones follow. */
static int send_huge_then_small(brood_channel *channel, void *context)
{
	(void)context;
	GIVES(traffic_send(channel, 32 << 20, 1), 0);
	for (unsigned i = 0; i < 4; i++)
		GIVES(traffic_send(channel, 100, i), 0);
	return 0;
}

START_TEST(test_given_back)
{
	brood_channel *channel;
	GIVES(brood_start(&channel, send_huge_then_small, NULL), 0);
	traffic_expect(channel, 32 << 20, 1);
	for (unsigned i = 0; i < 4; i++)
		traffic_expect(channel, 100, i);
	MUST(channel->body.capacity + channel->line.incoming.body.capacity < 1 << 20);
	traffic_ended(channel, 0);
	brood_channel_free(channel);
}
END_TEST

/* With little address space the rings are small, in both directions, and large messages go through all the same. */
START_TEST(test_small_rings)
{
	if (traffic_slow() > 1)
		support_skip("the tool needs address space of its own");
	size_t size = 1 << 20, pages = 0;
	brood_channel *channel;
	FILE *file = fopen("/proc/self/statm", "r");
	MUST(fscanf(file, "%zu", &pages) == 1);
	fclose(file);
	struct rlimit before;
	getrlimit(RLIMIT_AS, &before);
	setrlimit(RLIMIT_AS, &(struct rlimit){.rlim_cur = pages * 4096 + (200 << 10), .rlim_max = before.rlim_max});
	brood_channel *one, *two;
	GIVES(brood_channel_pair(&one, &two), 0);
	setrlimit(RLIMIT_AS, &before);
	MUST(one->line.ring < 1 << 17);
	brood_channel_free(one);
	brood_channel_free(two);
	setrlimit(RLIMIT_AS, &(struct rlimit){.rlim_cur = pages * 4096 + (1 << 20), .rlim_max = before.rlim_max});
	int error = brood_start(&channel, send_size, &size);
	setrlimit(RLIMIT_AS, &before);
	/* The child has the limit too, and may have no room for its message. */
	if (!error) {
		struct brood_message message;
		int result = brood_receive(channel, &message);
		MUST(result == 1 || !result);
		brood_close(channel);
		GIVES(brood_wait(channel, support_scale(10), NULL), 0);
		brood_channel_free(channel);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("large");
	TCase *tests = support_case(suite, "large", 60);
	tcase_add_test(tests, test_64_mib);
	tcase_add_test(tests, test_5_gib);
	tcase_add_test(tests, test_given_back);
	tcase_add_test(tests, test_small_rings);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
