/* SPDX-License-Identifier: MIT */
/* Prints what the record of an item says that writes behind its memory, as AddressSanitizer sees. */
#include <brood.h>
#include <stdio.h>
#include <stdlib.h>

static int overrun(brood_task *task, void *context)
{
	char *volatile text = malloc(8);
	(void)task;
	(void)context;
	text[8] = 1;
	free(text);
	return 0;
}

int main(void)
{
	brood_results *results;
	struct brood_result result;
	if (brood_parallelize_array(&results, overrun, NULL, NULL, 0, 1, BROOD_OPTIONS(.workers = 1)))
		return 1;
	brood_results_get(results, 0, &result);
	printf("%s %d\n%s", result.failure->type, result.failure->code, result.failure->output);
	brood_results_free(results);
	return 0;
}
