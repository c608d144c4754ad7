/* SPDX-License-Identifier: MIT */
#include <brood.h>

BROOD_API const char *brood_version(void)
{
	return BROOD_VERSION;
}
