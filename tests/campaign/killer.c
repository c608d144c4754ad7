/* SPDX-License-Identifier: MIT */
#include "campaign.h"
#include "trace.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
	"killer [OPTION...] PROGRAM [ARGUMENT...]\n"
	"\n"
	"Runs the program again and again, each time with one of its processes killed, and looks whether it\n"
	"ends in time, leaves no process, and is content: exit code 0, or 2 where it could tell from its\n"
	"records that there was a kill. Where the host is killed only the first two are asked. A point is a\n"
	"stop at the entry or the exit of a system call, after the program's mark, counted over all processes\n"
	"of the role.\n"
	"\n"
	"  --role ROLE     who is killed: host, nursery or worker (worker)\n"
	"  --at N[+K]      one run: at the Nth point, or K instructions after it\n"
	"  --after USEC    one run: so many microseconds after the mark, wherever the process is then\n"
	"  --sweep         every point, from 1 until the program ends before it comes\n"
	"  --from N        the first point of --sweep\n"
	"  --points P      P points, spread over all that there are\n"
	"  --steps K       with --points: up to K instructions after each, mostly few\n"
	"  --times P       P moments, spread over the program's duration\n"
	"  --calm P        P runs in which nobody is killed\n"
	"  --repeat R      each of the above R times (1)\n"
	"  --seed S        of --points and --times (from the clock)\n"
	"  --limit SEC     a run that takes longer hangs (10)\n"
	"  --most F        gives up after so many failures (5)\n"
	"  --count         how many points there are of each role\n"
	"\n"
	"Each failure is printed with the options that repeat it. Exit codes: 1 for failures, 3 without ptrace.\n";

/* How often in a row a point must not come for a sweep to be through: how many there are differs from run to run. */
#define MISSES 3

struct campaign {
	struct trace_plan plan;
	uint64_t seed;
	unsigned long runs, kills, failures, most;
	unsigned repeat;
	int output;
};

_Noreturn static void usage(const char *text)
{
	fprintf(stderr, "killer: %s; see killer --help\n", text);
	exit(2);
}

static uint64_t draw(struct campaign *campaign)
{
	campaign->seed += UINT64_C(0x9E3779B97F4A7C15);
	uint64_t z = campaign->seed;
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

/* In [0, 1). */
static double fraction(struct campaign *campaign)
{
	return (double)(draw(campaign) >> 11) * 0x1p-53;
}

static void print_output(int output)
{
	char text[2000];
	ssize_t size = pread(output, text, sizeof text - 1, 0);
	text[size > 0 ? size : 0] = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		printf("#   %s\n", line);
}

/* What is wrong, or NULL. */
static const char *judge(const struct trace_report *report)
{
	static char text[100];
	if (report->hang)
		return "hang";
	if (report->left) {
		snprintf(text, sizeof text, "%d processes left", report->left);
		return text;
	}
	if (report->host_was_killed)
		return NULL;
	if (WIFSIGNALED(report->host_status)) {
		snprintf(text, sizeof text, "the host died of signal %d", WTERMSIG(report->host_status));
		return text;
	}
	int code = WEXITSTATUS(report->host_status);
	if (code == CAMPAIGN_HIT && !report->killed)
		return "a kill is told of, and there was none";
	if (code != CAMPAIGN_RIGHT && code != CAMPAIGN_HIT) {
		snprintf(text, sizeof text, "exit code %d", code);
		return text;
	}
	return report->marked ? NULL : "the program ended without a mark";
}

static void print_repeat(const struct trace_plan *plan)
{
	printf("killer --role %s", trace_names[plan->role]);
	if (plan->timed)
		printf(" --after %.0f", plan->after * 1e6);
	else if (plan->steps)
		printf(" --at %lu+%lu", plan->at, plan->steps);
	else if (plan->at)
		printf(" --at %lu", plan->at);
	else
		printf(" --calm 1");
	for (char *const *word = plan->argv; *word; word++)
		printf(" %s", *word);
}

static struct trace_report run(struct campaign *campaign)
{
	struct trace_report report = {0};
	for (unsigned turn = 0; turn < campaign->repeat && campaign->failures < campaign->most; turn++) {
		if (ftruncate(campaign->output, 0) || lseek(campaign->output, 0, SEEK_SET))
			usage(strerror(errno));
		report = trace_run(&campaign->plan, campaign->output);
		const char *wrong = judge(&report);
		campaign->runs++;
		campaign->kills += report.killed;
		if (!wrong)
			continue;
		campaign->failures++;
		printf("# FAILED: %s: ", wrong);
		print_repeat(&campaign->plan);
		printf("\n");
		print_output(campaign->output);
		fflush(stdout);
	}
	return report;
}

static void sweep(struct campaign *campaign, unsigned long from)
{
	int misses = 0;
	for (unsigned long at = from; misses < MISSES && campaign->failures < campaign->most; at++) {
		campaign->plan.at = at;
		misses = run(campaign).killed ? 0 : misses + 1;
	}
}

/* A run with nobody killed, so that it is known how long it is. */
static struct trace_report measure(struct campaign *campaign, bool count)
{
	struct trace_plan plan = campaign->plan;
	campaign->plan.at = campaign->plan.steps = 0;
	campaign->plan.timed = false;
	campaign->plan.count = count;
	struct trace_report report = run(campaign);
	campaign->plan = plan;
	return report;
}

/* Up to most, and of each order of magnitude as often; 0 where most is. */
static unsigned long draw_steps(struct campaign *campaign, unsigned long most)
{
	unsigned magnitudes = 0;
	while (most >> magnitudes)
		magnitudes++;
	return magnitudes ? 1 + draw(campaign) % (most >> draw(campaign) % magnitudes) : 0;
}

static void spread_points(struct campaign *campaign, unsigned long points, unsigned long steps)
{
	unsigned long all = measure(campaign, true).stops[campaign->plan.role];
	for (unsigned long i = 0; i < points && all; i++) {
		campaign->plan.at = 1 + (unsigned long)(((double)i + fraction(campaign)) * (double)all / (double)points);
		campaign->plan.steps = draw_steps(campaign, steps);
		run(campaign);
	}
}

static void spread_times(struct campaign *campaign, unsigned long points)
{
	double seconds = measure(campaign, false).seconds;
	campaign->plan.timed = true;
	for (unsigned long i = 0; i < points; i++) {
		campaign->plan.after = ((double)i + fraction(campaign)) * seconds / (double)points;
		run(campaign);
	}
}

static unsigned long number(const char *text, char **end)
{
	char *rest;
	errno = 0;
	unsigned long value = strtoul(text, &rest, 10);
	if (errno || rest == text || (!end && *rest))
		usage("a number is expected");
	if (end)
		*end = rest;
	return value;
}

static enum trace_role role_of(const char *name)
{
	for (int role = 0; role < TRACE_ROLES; role++)
		if (!strcmp(trace_names[role], name))
			return (enum trace_role)role;
	usage("there is no such role");
}

int main(int argc, char **argv)
{
	enum { ROLE = 256, AT, AFTER, SWEEP, FROM, POINTS, STEPS, TIMES, CALM, REPEAT, SEED, LIMIT, MOST, COUNT, HELP };
	static const struct option options[] = {
		{"role", 1, NULL, ROLE}, {"at", 1, NULL, AT}, {"after", 1, NULL, AFTER}, {"sweep", 0, NULL, SWEEP},
		{"from", 1, NULL, FROM}, {"points", 1, NULL, POINTS}, {"steps", 1, NULL, STEPS}, {"times", 1, NULL, TIMES},
		{"calm", 1, NULL, CALM}, {"repeat", 1, NULL, REPEAT}, {"seed", 1, NULL, SEED}, {"limit", 1, NULL, LIMIT}, {"most", 1, NULL, MOST},
		{"count", 0, NULL, COUNT}, {"help", 0, NULL, HELP}, {0}};
	struct campaign campaign = {.plan = {.role = TRACE_WORKER, .limit = 10}, .repeat = 1, .most = 5};
	unsigned long points = 0, steps = 0, from = 1;
	int mode = 0;
	bool seeded = false;
	char *rest;
	for (int option; (option = getopt_long(argc, argv, "+", options, NULL)) != -1;)
		switch (option) {
		case ROLE: campaign.plan.role = role_of(optarg); break;
		case AT:
			mode = AT;
			campaign.plan.at = number(optarg, &rest);
			campaign.plan.steps = *rest == '+' ? number(rest + 1, NULL) : 0;
			break;
		case AFTER:
			mode = AFTER;
			campaign.plan.after = (double)number(optarg, NULL) * 1e-6;
			campaign.plan.timed = true;
			break;
		case SWEEP: case COUNT: mode = option; break;
		case POINTS: case TIMES: case CALM: mode = option; points = number(optarg, NULL); break;
		case FROM: from = number(optarg, NULL); break;
		case STEPS: steps = number(optarg, NULL); break;
		case REPEAT: campaign.repeat = (unsigned)number(optarg, NULL); break;
		case SEED: campaign.seed = number(optarg, NULL); seeded = true; break;
		case LIMIT: campaign.plan.limit = (double)number(optarg, NULL); break;
		case MOST: campaign.most = number(optarg, NULL); break;
		case HELP: fputs(help, stdout); return 0;
		default: usage("what is that option?");
		}
	if (!mode)
		usage("one of --at, --after, --sweep, --points, --times, --calm and --count is needed");
	if (optind == argc)
		usage("a program is needed");
	campaign.plan.argv = argv + optind;
	campaign.output = memfd_create("output", MFD_CLOEXEC);
	if (campaign.output < 0)
		usage(strerror(errno));
	struct timespec time;
	clock_gettime(CLOCK_REALTIME, &time);
	if (!seeded)
		campaign.seed = (uint64_t)time.tv_nsec % 1000000;
	uint64_t seed = campaign.seed;

	if (mode == SWEEP)
		sweep(&campaign, from);
	else if (mode == POINTS)
		spread_points(&campaign, points, steps);
	else if (mode == TIMES)
		spread_times(&campaign, points);
	else if (mode == COUNT) {
		struct trace_report report = measure(&campaign, true);
		printf("host %lu, nursery %lu, worker %lu\n", report.stops[TRACE_HOST], report.stops[TRACE_NURSERY],
		       report.stops[TRACE_WORKER]);
	} else
		for (unsigned long i = 0; i < (mode == CALM ? points : 1); i++)
			run(&campaign);
	printf("%lu runs, %lu kills, %lu failures, seed %llu\n", campaign.runs, campaign.kills, campaign.failures,
	       (unsigned long long)seed);
	return campaign.failures || !campaign.runs;
}
