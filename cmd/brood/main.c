/* SPDX-License-Identifier: MIT */
#include "help.h"
#include "map.h"
#include "run.h"
#include "say.h"
#include "timeout.h"

#include <stdio.h>
#include <string.h>

int main(int count, char **arguments)
{
	const char *name = count && strrchr(*arguments, '/') ? strrchr(*arguments, '/') + 1 : count ? *arguments : "brood";
	if (!strcmp(name, "sem") || !strcmp(name, "parsem"))
		die("sem is not done here: flock(1) and systemd-run are made for that");
	if (!strcmp(name, "parallel")) {
		command_name = "parallel";
		return run_main(arguments + 1);
	}
	const char *what = count > 1 ? arguments[1] : NULL;
	if (!what) {
		help_brood();
		return EXIT_TROUBLE;
	}
	if (!strcmp(what, "run"))
		return run_main(arguments + 2);
	if (!strcmp(what, "map"))
		return map_main(arguments + 2);
	if (!strcmp(what, "timeout"))
		return timeout_main(arguments + 2);
	if (!strcmp(what, "--help") || !strcmp(what, "-h") || !strcmp(what, "help")) {
		help_brood();
		return 0;
	}
	if (!strcmp(what, "--version") || !strcmp(what, "-V")) {
		help_version();
		return 0;
	}
	die("there is no command %s; there are run, map and timeout: see brood --help", what);
}
