/* SPDX-License-Identifier: MIT */
#include "shell.h"

#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Those that read quotes as sh does. */
static const char *const alike[] = {"sh", "bash", "dash", "ksh", "ksh93", "mksh", "zsh", "ash", "yash", "busybox", "posh",
	"rbash"};

const char *shell_path(void)
{
	static const char *const names[] = {"PARALLEL_SHELL", "SHELL"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *path = getenv(names[i]);
		if (!path || !*path)
			continue;
		const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
		for (size_t k = 0; k < sizeof alike / sizeof *alike; k++)
			if (!strcmp(name, alike[k]))
				return path;
	}
	return "/bin/sh";
}

/* Not those of which the program of the same name does the same. */
static const char *const words[] = {".", ":", "alias", "bg", "bind", "break", "builtin", "caller", "case", "cd",
	"command", "compgen", "complete", "continue", "coproc", "declare", "dirs", "disown", "do", "done", "echo", "elif",
	"else", "enable", "esac", "eval", "exec", "exit", "export", "fc", "fg", "fi", "for", "function", "getopts", "hash",
	"help", "history", "if", "in", "jobs", "kill", "let", "local", "logout", "mapfile", "popd", "printf", "print",
	"pushd", "pwd", "read", "readarray", "readonly", "return", "select", "set", "shift", "shopt", "source", "suspend",
	"test", "then", "time", "times", "trap", "type", "typeset", "ulimit", "umask", "unalias", "unset", "until", "wait",
	"whence", "while"};

bool shell_knows(const char *word)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(word, words[i]))
			return true;
	/* bash exports functions so. */
	char name[512];
	snprintf(name, sizeof name, "BASH_FUNC_%s%%%%", word);
	return getenv(name);
}
