/* SPDX-License-Identifier: MIT */
/*
 * progress [SECONDS [ITEMS]]: items of up to so many seconds each, shown while they are worked on: brood_terminal_reporter.
 * Some fail, some write to stderr. On a terminal there are rows that change in place; elsewhere, as in a file, only what failed.
 */
#include <brood.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WORKERS = 3, ITEMS = 24 };

static const char *const places[] = {"Århus", "Łódź", "東京", "Αθήνα", "Reykjavík", "서울", "Montréal", "Zürich"};

static void rest(double seconds)
{
	struct timespec time = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
	nanosleep(&time, NULL);
}

static int visit(brood_task *task, void *context)
{
	const double seconds = *(const double *)context;
	const size_t index = brood_index(task);
	rest(seconds * (double)(1 + index % 4) / 4);
	if (index % 6 == 2)
		fprintf(stderr, "a word from %.*s\n", (int)brood_item(task).size, (const char *)brood_item(task).data);
	if (index % 10 == 3)
		return brood_fail(task, 1, "Closed", "nobody is at home");
	if (index % 10 == 7)
		raise(SIGKILL);
	return brood_reply(task, &index, sizeof index);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 0.4;
	const size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : ITEMS;
	struct brood_bytes *items = calloc(count ? count : 1, sizeof *items);
	struct brood_reporter *reporter;
	brood_results *results;
	if (!items || brood_terminal_reporter(&reporter, NULL))
		return 1;
	for (size_t i = 0; i < count; i++) {
		const char *place = places[i % (sizeof places / sizeof *places)];
		items[i] = (struct brood_bytes){place, strlen(place)};
	}
	int error = brood_parallelize(&results, visit, &seconds, items, count,
				      BROOD_OPTIONS(.workers = WORKERS, .reporter = reporter));
	brood_reporter_free(reporter);
	if (!error)
		brood_results_free(results);
	free(items);
	return error != 0;
}
