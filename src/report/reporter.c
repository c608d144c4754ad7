/* SPDX-License-Identifier: MIT */
#include "report/display.h"

#include <stdlib.h>

BROOD_API void brood_reporter_hide(struct brood_reporter *reporter)
{
	if (reporter && display_is(reporter))
		display_hide(reporter);
}

BROOD_API void brood_reporter_free(struct brood_reporter *reporter)
{
	if (reporter && display_is(reporter))
		display_free(reporter);
	else
		/* The others begin with their callbacks, and have nothing else. */
		free(reporter);
}
