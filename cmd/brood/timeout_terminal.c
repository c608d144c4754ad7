/* SPDX-License-Identifier: MIT */
#include "timeout_terminal.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

static struct termios settings;
static bool saved;

bool timeout_terminal_is_there(void)
{
	return tcgetpgrp(STDIN_FILENO) >= 0;
}

/* From the background this would stop the process that calls it. */
static void set_foreground(pid_t group)
{
	sigset_t set, before;
	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);
	sigprocmask(SIG_BLOCK, &set, &before);
	tcsetpgrp(STDIN_FILENO, group);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

bool timeout_terminal_give(pid_t group)
{
	if (tcgetpgrp(STDIN_FILENO) == getpgrp())
		set_foreground(group);
	return tcgetpgrp(STDIN_FILENO) == group;
}

void timeout_terminal_take(pid_t group)
{
	if (tcgetpgrp(STDIN_FILENO) == group)
		set_foreground(getpgrp());
}

void timeout_terminal_save(void)
{
	saved = tcgetpgrp(STDIN_FILENO) == getpgrp() && !tcgetattr(STDIN_FILENO, &settings);
}

void timeout_terminal_restore(void)
{
	/* Only from the foreground: the terminal may be somebody else's by now. */
	if (saved && tcgetpgrp(STDIN_FILENO) == getpgrp())
		tcsetattr(STDIN_FILENO, TCSADRAIN, &settings);
}
