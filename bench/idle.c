/* SPDX-License-Identifier: MIT */
/*
 * idle MECHANISM CHILDREN
 *
 * What children that do nothing cost: bytes of memory for each, its keeper's included, and descriptors, the child's
 * beyond those that it has from the host.
 */
#include "measure.h"

#include <brood.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int wait_for_end(brood_channel *channel, void *context)
{
	(void)context;
	struct brood_message message;
	return brood_receive(channel, &message) != 0;
}

static pid_t parent_of(pid_t pid)
{
	FILE *stream = open_of(pid, "stat");
	int parent;
	errno = EPROTO;
	if (fscanf(stream, "%*d (%*[^)]) %*c %d", &parent) != 1)
		fail("stat");
	fclose(stream);
	return parent;
}

static double descriptors_of(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *directory = opendir(path);
	if (!directory)
		fail(path);
	double count = -2; /* . and .. */
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static pid_t start_brood(brood_channel **channel)
{
	must(brood_start(channel, wait_for_end, NULL), "brood_start");
	return brood_channel_pid(*channel);
}

static pid_t start_fork(void)
{
	int pair[2];
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
	pid_t pid = must(fork(), "fork");
	if (!pid) {
		char byte;
		close(pair[0]);
		read_whole(pair[1], &byte, 1);
		_exit(0);
	}
	close(pair[1]);
	return pid;
}

int main(int argc, char **argv)
{
	size_t count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	if (!count) {
		fprintf(stderr, "usage: idle brood|fork CHILDREN\n");
		return 2;
	}
	const bool brood = !strcmp(argv[1], "brood");
	raise_descriptor_limit();
	brood_channel **channels = calloc(count, sizeof(brood_channel *));
	pid_t *children = calloc(count, sizeof *children);
	const double hosts_before = descriptors_of(getpid());
	for (size_t i = 0; i < count; i++)
		children[i] = brood ? start_brood(&channels[i]) : start_fork();
	usleep(100000);
	const double hosts = (descriptors_of(getpid()) - hosts_before) / (double)count;
	double childs = 0, keepers = 0, keepers_memory = 0, childs_memory = 0;
	for (size_t i = 0; i < count; i++) {
		childs_memory += memory_of(children[i]);
		childs += descriptors_of(children[i]) - hosts_before;
		if (!brood)
			continue;
		pid_t keeper = parent_of(children[i]);
		keepers_memory += memory_of(keeper);
		keepers += descriptors_of(keeper);
	}
	const double each = 1 / (double)count;
	printf("{\"bytes\": %.0f, \"keeper_bytes\": %.0f, \"host_fds\": %.2f, \"child_fds\": %.2f, \"keeper_fds\": %.2f}\n",
	       (childs_memory + keepers_memory) * each, keepers_memory * each, hosts, childs * each, keepers * each);
	for (size_t i = 0; i < count; i++) {
		if (brood) {
			brood_close(channels[i]);
			must(brood_wait(channels[i], -1, NULL), "brood_wait");
			brood_channel_free(channels[i]);
		} else {
			/* Its siblings hold copies of its socket: it would see no end. */
			kill(children[i], SIGKILL);
			must(waitpid(children[i], NULL, 0), "waitpid");
		}
	}
	return 0;
}
