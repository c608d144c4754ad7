/* SPDX-License-Identifier: MIT */
/* What fork-exec starts: says hello with its pid and argument. */
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	printf("Hello from child %d: %s\n", getpid(), argc > 1 ? argv[1] : "no argument");
	return 0;
}
