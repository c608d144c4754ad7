/* SPDX-License-Identifier: MIT */
#include "base/cgroup.h"

#include "base/lines.h"

#include <stdio.h>
#include <string.h>

static bool has_option(const char *options, const char *name)
{
	size_t size = strlen(name);
	for (const char *at = options; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, name, size) && (!at[size] || at[size] == ','))
			return true;
	}
	return false;
}

/* mountinfo writes spaces and their like as \040, in octal. */
static void decode(char *path)
{
	char *to = path;
	for (const char *at = path; *at; to++) {
		int digits = 0;
		while (*at == '\\' && digits < 3 && at[1 + digits] >= '0' && at[1 + digits] <= '7')
			digits++;
		if (digits == 3) {
			*to = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
			at += 4;
		} else {
			*to = *at++;
		}
	}
	*to = '\0';
}

static bool open_at(struct lines *lines, const char *root, const char *name)
{
	/* Its text serves for the path, as nothing has been read. */
	int size = snprintf(lines->text, sizeof lines->text, "%s%s", root, name);
	return size > 0 && (size_t)size < sizeof lines->text && lines_open(lines, lines->text);
}

/* The group's path within its hierarchy, which is "" for the topmost. */
static bool find_group(const char *root, const char *controller, char group[CGROUP_PATH])
{
	struct lines lines;
	bool found = false;
	if (!open_at(&lines, root, "/proc/self/cgroup"))
		return false;
	for (char *line; !found && (line = lines_next(&lines));) {
		strsep(&line, ":");
		const char *controllers = strsep(&line, ":");
		if (!line || *line != '/' || strlen(line) >= CGROUP_PATH)
			continue;
		found = controller ? has_option(controllers, controller) : !*controllers;
		if (found)
			strcpy(group, strcmp(line, "/") ? line : "");
	}
	lines_close(&lines);
	return found;
}

/* A line of mountinfo: whether it mounts the hierarchy, and then which subtree of it is shown, and where. */
static bool parse_mount(char *line, const char *controller, char **shown, char **point)
{
	char *tail = strstr(line, " - ");
	if (!tail)
		return false;
	*tail = '\0';
	tail += 3;
	const char *space = strrchr(tail, ' '), *type = strsep(&tail, " ");
	if (strcmp(type, controller ? "cgroup" : "cgroup2") != 0)
		return false;
	if (controller && (!space || !has_option(space + 1, controller)))
		return false;
	for (int i = 0; i < 3; i++)
		strsep(&line, " ");
	*shown = strsep(&line, " ");
	*point = strsep(&line, " ");
	if (!*point)
		return false;
	decode(*shown);
	decode(*point);
	return true;
}

static bool compose(struct cgroup *out, const char *root, const char *point, const char *group)
{
	int top = snprintf(out->path, sizeof out->path, "%s%s", root, point);
	if (top < 0 || (size_t)top + strlen(group) >= sizeof out->path)
		return false;
	out->top = (size_t)top;
	strcpy(out->path + top, group);
	return true;
}

/*
 * Cut from the group's path is what the mount already stands for: within a container the mount shows a subtree, whose root
 * mountinfo names. A mount that shows the group goes before one that shows another subtree.
 */
bool cgroup_find(struct cgroup *out, const char *root, const char *controller)
{
	struct lines lines;
	char group[CGROUP_PATH];
	bool found = false, shows_group = false;
	if (!find_group(root, controller, group) || !open_at(&lines, root, "/proc/self/mountinfo"))
		return false;
	for (char *line; !shows_group && (line = lines_next(&lines));) {
		char *shown, *point;
		if (!parse_mount(line, controller, &shown, &point))
			continue;
		size_t size = strcmp(shown, "/") ? strlen(shown) : 0;
		shows_group = !strncmp(group, shown, size) && (!group[size] || group[size] == '/');
		if (shows_group || !found)
			found = compose(out, root, point, group + (shows_group ? size : 0));
	}
	lines_close(&lines);
	return found;
}

bool cgroup_climb(struct cgroup *group)
{
	char *slash = strrchr(group->path + group->top, '/');
	if (slash)
		*slash = '\0';
	return slash;
}

bool cgroup_file(const struct cgroup *group, const char *name, char out[CGROUP_PATH])
{
	int size = snprintf(out, CGROUP_PATH, "%s/%s", group->path, name);
	return size > 0 && size < CGROUP_PATH;
}
