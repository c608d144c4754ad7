/* SPDX-License-Identifier: MIT */
/*
 * Runs work that fails in many ways, each an item of one pool, and prints what the records say: what a program could write
 * to its log, or show to whoever has to find out why.
 */
#include <brood.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
	int value;
	struct node *next;
};

/* Volatile, or the compiler would see the faults. The list was to end with a 0. */
static struct node *volatile list = &(struct node){2, &(struct node){1, NULL}};
static volatile int none, rows = 3, turns;

static int length(const struct node *node)
{
	int count = 0;
	for (; node->value; node = node->next, count++);
	return count;
}

static int measure(const struct node *node)
{
	return length(node) * rows;
}

static int run_past_the_end(brood_task *task)
{
	int count = measure(list);
	return brood_reply(task, &count, sizeof count);
}

static int divide_by_zero(brood_task *task)
{
	int mean = rows / none;
	return brood_reply(task, &mean, sizeof mean);
}

static int abort_with_a_word(brood_task *task)
{
	fprintf(stderr, "opening table %zu\nthe table has no row %d\n", brood_index(task), rows);
	abort();
}

static int leave(brood_task *task)
{
	(void)task;
	exit(3);
}

static int loop_for_ever(brood_task *task)
{
	for (; turns >= 0; turns = 1);
	return brood_fail(task, 1, "LoopError", "came to an end");
}

static int refuse(brood_task *task)
{
	return brood_fail(task, 22, "ValueError", "%d rows, and at least %d are needed", rows, rows + 1);
}

static int take_too_much(brood_task *task)
{
	char *table = malloc((size_t)1 << 30);
	*(volatile char *)table = 1;
	return brood_reply(task, &table, sizeof table);
}

static int succeed(brood_task *task)
{
	return brood_reply(task, "all is well", 11);
}

static const struct way {
	const char *name;
	int (*run)(brood_task *task);
} ways[] = {{"null pointer", run_past_the_end}, {"division", divide_by_zero}, {"abort", abort_with_a_word}, {"exit", leave},
	{"endless loop", loop_for_ever}, {"refusal", refuse}, {"memory", take_too_much}, {"success", succeed}};

/* Run in a worker for each item, which is no more than its number. */
static int run_way(brood_task *task, void *context)
{
	(void)context;
	return ways[brood_index(task)].run(task);
}

/* Each line of the text indented, below a heading; nothing where there is no text. */
static void print_lines(const char *heading, const char *text)
{
	if (*text)
		printf("    %s\n", heading);
	for (size_t size; *text; text += size + (text[size] == '\n')) {
		size = strcspn(text, "\n");
		printf("        %.*s\n", (int)size, text);
	}
}

/* How its last attempt ended, and its worker where that died of it. */
static void print_end(const struct brood_result *result)
{
	static const char *const outcomes[] = {"pending", "successful", "failed", "aborted", "timed out", "canceled"};
	const struct brood_status *status = result->status;
	printf("    %s in attempt %u", outcomes[result->outcome], result->attempts);
	if (status && status->signal)
		printf(", its worker ended by SIG%s", sigabbrev_np(status->signal));
	else if (status)
		printf(", its worker exited with %d", status->exit_code);
	printf("\n");
}

static void print_result(const struct brood_result *result)
{
	const struct brood_failure *failure = result->failure;
	const struct brood_cost *cost = result->cost;
	printf("item %zu, %s", result->index, ways[result->index].name);
	if (failure)
		printf(": %s: %s", failure->type, failure->message);
	printf("\n");
	print_end(result);
	if (cost)
		printf("    %.3f s of a processor, %zu KiB of memory\n", cost->user_seconds + cost->system_seconds,
		       cost->peak_bytes >> 10);
	if (failure) {
		print_lines("at", failure->traceback);
		print_lines("stderr", failure->output);
	}
}

int main(void)
{
	brood_results *results = NULL;
	struct brood_result result;
	int error = brood_parallelize(&results, run_way, NULL, NULL, sizeof ways / sizeof *ways,
				      BROOD_OPTIONS(.timeout = 1, .retries = 1, .memory_limit = (size_t)64 << 20,
						    .flags = BROOD_TRACEBACKS | BROOD_COSTS));
	if (error)
		fprintf(stderr, "crash-report: %s\n", strerror(-error));
	for (size_t i = 0; !error && !brood_results_get(results, i, &result); i++)
		print_result(&result);
	brood_results_free(results);
	return error ? EXIT_FAILURE : EXIT_SUCCESS;
}
