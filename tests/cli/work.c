/* SPDX-License-Identifier: MIT */
/* Functions for the tests of brood map: what the workers are to do with an item. */
#include <brood.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

brood_work_fn echo, words, crash, fail, leave, number, slow, flaky, talk, value, nothing, eat, hold;

int echo(brood_task *task, void *context)
{
	(void)context;
	return brood_reply(task, brood_item(task).data, brood_item(task).size);
}

/* How many words, as text. */
int words(brood_task *task, void *context)
{
	const struct brood_bytes item = brood_item(task);
	const char *text = item.data;
	char reply[32];
	int count = 0;
	(void)context;
	for (size_t i = 0; i < item.size; i++)
		count += text[i] != ' ' && (!i || text[i - 1] == ' ');
	return brood_reply(task, reply, (size_t)snprintf(reply, sizeof reply, "%d", count));
}

static bool item_is(const brood_task *task, const char *text)
{
	return brood_item(task).size == strlen(text) && !memcmp(brood_item(task).data, text, strlen(text));
}

/* An item "bad" is what the worker dies of. */
int crash(brood_task *task, void *context)
{
	volatile int *volatile nowhere = NULL;
	if (item_is(task, "bad")) {
		fputs("last words\n", stderr);
		*nowhere = 1;
	}
	return echo(task, context);
}

int fail(brood_task *task, void *context)
{
	if (item_is(task, "bad"))
		return brood_fail(task, 7, "ValueError", "no good:\n%s", "bad");
	return echo(task, context);
}

int leave(brood_task *task, void *context)
{
	(void)context;
	exit(item_is(task, "3") ? 3 : 0);
}

/* What it returns. */
int number(brood_task *task, void *context)
{
	(void)context;
	return item_is(task, "0") ? 0 : 5;
}

/* Sleeps as many milliseconds as the item says, and deaf to SIGTERM for a negative number. */
int slow(brood_task *task, void *context)
{
	char text[32] = "";
	const struct brood_bytes item = brood_item(task);
	memcpy(text, item.data, item.size < sizeof text ? item.size : sizeof text - 1);
	int milliseconds = atoi(text);
	if (milliseconds < 0)
		signal(SIGTERM, SIG_IGN);
	for (int left = abs(milliseconds); left > 0; left -= 10)
		usleep(10000);
	return echo(task, context);
}

/* Fails at its first attempt. */
int flaky(brood_task *task, void *context)
{
	if (brood_attempt(task) == 1)
		return brood_fail(task, 1, "Again", "once more");
	return echo(task, context);
}

/* What a function prints, and what it reads, is not the command's. */
int talk(brood_task *task, void *context)
{
	char line[8];
	printf("said\n");
	if (fgets(line, sizeof line, stdin))
		return 1;
	return echo(task, context);
}

/* The first element of an array, twice. */
int value(brood_task *task, void *context)
{
	struct brood_bytes rest = brood_item(task);
	struct brood_buffer reply = {0};
	int64_t first;
	size_t count;
	(void)context;
	if (brood_unpack_array(&rest, &count) || !count || brood_unpack_int(&rest, &first))
		return brood_fail(task, 1, "TypeError", "not an array of numbers");
	brood_pack_map(&reply, 1);
	brood_pack_str(&reply, "twice", 5);
	brood_pack_int(&reply, 2 * first);
	brood_reply(task, reply.data, reply.size);
	brood_buffer_free(&reply);
	return 0;
}

int nothing(brood_task *task, void *context)
{
	(void)task;
	(void)context;
	return 0;
}

/* More memory than it should. */
int eat(brood_task *task, void *context)
{
	const size_t size = (size_t)256 << 20;
	char *memory = malloc(size);
	if (!memory)
		return brood_fail(task, 1, "NoMemory", "none");
	memset(memory, 1, size);
	free(memory);
	return echo(task, context);
}

/* Says that it has begun, in a file that the item names, starts a process, and stays. */
int hold(brood_task *task, void *context)
{
	char path[4096];
	const struct brood_bytes item = brood_item(task);
	(void)context;
	snprintf(path, sizeof path, "%.*s", (int)item.size, (const char *)item.data);
	pid_t child = fork();
	if (!child)
		for (;;)
			pause();
	FILE *file = fopen(path, "w");
	if (!file)
		return 1;
	fprintf(file, "%d %d\n", getpid(), child);
	fclose(file);
	for (;;)
		pause();
}
