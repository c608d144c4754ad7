/* SPDX-License-Identifier: MIT */
/* plain: what a host sees of an item that writes to NULL; a program of its own, since where libraries are is asked once. */
#include "ways.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

int main(void)
{
	struct brood_result result;
	brood_results *results;
	struct notes *notes = mmap(NULL, sizeof *notes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (notes == MAP_FAILED)
		return 2;
	notes->way = WAY_write_null;
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
	if (brood_failsafe(&results, ways_shared0, notes, (struct brood_bytes){0}) || brood_results_get(results, 0, &result))
		return 3;
	printf("%s: %s\n%s", result.failure->type, result.failure->message, result.failure->traceback);
	brood_results_free(results);
	return 0;
}
