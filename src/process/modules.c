/* SPDX-License-Identifier: MIT */
#include "process/modules.h"
#include "base/stream.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

enum { MOST = 4096, FIRST_READ = 64 * 1024, MOST_READ = 16 * 1024 * 1024 };

static bool read_number(char **at, char end, uint64_t *value)
{
	char *stop;
	if (!isxdigit((unsigned char)**at))
		return false;
	*value = strtoull(*at, &stop, 16);
	*at = stop + 1;
	return *stop == end;
}

/* One line, as in "55e8c6c00000-55e8c6c02000 r-xp 00001000 fe:01 1234    /bin/true". */
static bool read_line(char *line, struct module *module)
{
	char *at = line;
	if (!read_number(&at, '-', &module->low) || !read_number(&at, ' ', &module->high) || module->low >= module->high)
		return false;
	if (strlen(at) < 5 || at[4] != ' ')
		return false;
	module->code_low = at[2] == 'x' ? module->low : 0;
	module->code_high = at[2] == 'x' ? module->high : 0;
	at += 5;
	if (!read_number(&at, ' ', &module->offset))
		return false;
	at += strcspn(at, " ");
	at += strspn(at, " ");
	module->name = at;
	const char *path = module_path(at);
	return *path == '/' || (module_is_vdso(path) && module->low == module_vdso());
}

const char *module_path(const char *name)
{
	name += strspn(name, "0123456789");
	return name + strspn(name, " ");
}

bool module_is_vdso(const char *path)
{
	return !strcmp(path, "[vdso]");
}

uint64_t module_vdso(void)
{
	return getauxval(AT_SYSINFO_EHDR);
}

/* A file that is mapped again from its start is there a second time, as a reader's data for instance; but a small one's code
   can lie on its first page, which is then mapped twice. */
static bool continues(const struct module *last, const struct module *line)
{
	return !strcmp(last->name, line->name) && (line->offset || (line->code_high && !last->code_high));
}

/* Those without code are forgotten again when the next one begins. */
static void add_line(struct modules *modules, const struct module *line)
{
	struct module *last = modules->count ? &modules->list[modules->count - 1] : NULL;
	if (last && line->low < last->high)
		return;
	if (last && continues(last, line)) {
		last->high = line->high;
		if (line->code_high) {
			last->code_low = last->code_high ? last->code_low : line->code_low;
			last->code_high = line->code_high;
		}
		return;
	}
	if (last && !last->code_high)
		modules->count--;
	if (modules->count < MOST)
		modules->list[modules->count++] = *line;
}

/* What has no end of line was cut off. */
static void add_lines(struct modules *modules, size_t size)
{
	struct module line;
	char *at = modules->text, *last = at + size;
	for (char *end; (end = memchr(at, '\n', (size_t)(last - at))); at = end + 1) {
		*end = 0;
		if (read_line(at, &line))
			add_line(modules, &line);
	}
	if (modules->count && !modules->list[modules->count - 1].code_high)
		modules->count--;
}

/* Takes the text, which has room for a byte more. */
static int take(struct modules *modules, char *text, size_t size)
{
	struct modules next = {.text = text, .list = calloc(MOST, sizeof *next.list)};
	if (!next.list) {
		free(text);
		return -ENOMEM;
	}
	text[size] = 0;
	add_lines(&next, size);
	modules_free(modules);
	*modules = next;
	return 0;
}

int modules_parse(struct modules *modules, const char *maps, size_t size)
{
	char *text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text, maps, size);
	return take(modules, text, size);
}

static ssize_t read_whole(int fd, char **text)
{
	size_t used = 0;
	for (size_t size = FIRST_READ; size <= MOST_READ; size *= 2) {
		char *larger = realloc(*text, size + 1);
		if (!larger)
			return -ENOMEM;
		*text = larger;
		ssize_t count = stream_read_full(fd, larger + used, size - used);
		if (count < 0)
			return count;
		used += (size_t)count;
		if (used < size)
			break;
	}
	return (ssize_t)used;
}

int modules_read(struct modules *modules, pid_t pid)
{
	char path[64], *text = NULL;
	snprintf(path, sizeof path, "/proc/%d/maps", (int)(pid ? pid : getpid()));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t size = read_whole(fd, &text);
	close(fd);
	if (size >= 0)
		return take(modules, text, (size_t)size);
	free(text);
	return (int)size;
}

void modules_free(struct modules *modules)
{
	free(modules->text);
	free(modules->list);
	*modules = (struct modules){0};
}

bool modules_equal(const struct modules *one, const struct modules *other)
{
	if (one->count != other->count)
		return false;
	for (size_t i = 0; i < one->count; i++) {
		const struct module *a = &one->list[i], *b = &other->list[i];
		if (a->low != b->low || a->high != b->high || strcmp(a->name, b->name))
			return false;
	}
	return true;
}

const struct module *modules_find(const struct modules *modules, uint64_t address)
{
	for (size_t i = 0; i < modules->count; i++)
		if (address >= modules->list[i].low && address < modules->list[i].high)
			return &modules->list[i];
	return NULL;
}

bool modules_is_code(const struct modules *modules, uint64_t address)
{
	const struct module *module = modules_find(modules, address);
	return module && address >= module->code_low && address < module->code_high;
}
