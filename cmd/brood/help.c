/* SPDX-License-Identifier: MIT */
#include "help.h"

#include <brood.h>

#include <stdio.h>

void help_version(void)
{
	printf("brood %s\n", brood_version());
}

void help_brood(void)
{
	fputs("usage: brood run [options] command [arguments with {}] [::: inputs]\n"
	      "       brood map [options] LIBRARY.so:FUNCTION [::: items]\n"
	      "       brood timeout [options] SECONDS command [arguments]\n"
	      "\n"
	      "run      a command for each input, several at once; takes GNU parallel's options\n"
	      "map      a C function on each item, in worker processes; results as JSON lines\n"
	      "timeout  one command with a time limit; says where it was when its time was up\n"
	      "\n"
	      "Each has --help, and a page of the manual: brood-run(1), brood-map(1), brood-timeout(1).\n",
	      stdout);
}

void help_run(void)
{
	/* A screen of 24 rows and 80 columns. */
	fputs("usage: brood run [options] command [arguments with {}] [::: inputs]\n"
	      "A command for each input, several at once. Inputs: ::: words, or lines of stdin.\n"
	      "places  {} the input {.} without extension {/} its name {//} its directory\n"
	      "        {/.} both {#} number {%} slot {1} {-1} {1.} by position {NAME} by header\n"
	      "inputs  ::: WORDS  :::+ WORDS beside the last  :::: FILES  -a FILE  -0  -d CHARS\n"
	      "        -C, --colsep REGEX  --header :  --link  --shuf  -r  -E END  --trim lr\n"
	      "packing -N, -n COUNT  -X  -m  -L LINES  -s CHARS  -I TEXT  -q  --no-shell\n"
	      "running -j JOBS|N%|+N  --delay S  --timeout S|N%  --retries N  --termseq LIST\n"
	      "        --halt now|soon,fail|success|done=N|N%  --load N|N%  --memfree BYTES\n"
	      "        --nice N  --wd DIR|...  --env NAME  --tmpdir DIR  --dry-run\n"
	      "output  -k, --keep-order  --line-buffer  -u, --ungroup  --tag  --tagstring TEXT\n"
	      "        -v, -t show commands  --results DIR|TEMPLATE|FILE.csv|.tsv|.json\n"
	      "logs    --joblog FILE  --journal FILE  --sqlite FILE\n"
	      "        --resume  --resume-failed  --retry-failed\n"
	      "stdin   --pipe  --block BYTES  --recend TEXT  --recstart TEXT  --regexp  --rrs\n"
	      "        -N RECORDS  --round-robin  --header LINES\n"
	      "display --status auto|live|plain|json|none  --bar, --eta, --progress (live, with\n"
	      "        the inputs counted first)\n"
	      "exit    how many jobs failed, to 100; 101: more; 255: trouble of brood's own\n"
	      "\n"
	      "  brood run gzip -9 ::: *.log             a job for each file, one per processor\n"
	      "  find . -name '*.png' -print0 | brood run -0 -k --tag 'file {} | wc -c'\n"
	      "More: man brood-run\n",
	      stdout);
}

void help_map(void)
{
	fputs("usage: brood map [options] LIBRARY.so:FUNCTION [::: items]\n"
	      "Calls int FUNCTION(brood_task *, void *) of a library for each item, several at once, in worker processes.\n"
	      "Items: arguments behind :::, or lines of stdin. For each item a line of JSON on stdout.\n"
	      "\n"
	      "  -a, --arg-file FILE    items are the lines of a file; several: one behind another\n"
	      "  -0, --null             items end with NUL, and not with a line end\n"
	      "      --json             each item is a JSON value; the function gets and gives MessagePack\n"
	      "      --value FORM       a value is shown as auto, str, bin or json\n"
	      "      --raw              values only, a line each; failures are told on stderr\n"
	      "  -k, --keep-order       results in the order of items, and not as they complete\n"
	      "\n"
	      "  -j, --jobs N           workers: a number, N% of the processors, +N or -N beside them\n"
	      "      --timeout SECONDS  for each attempt; --grace SECONDS between TERM and KILL (0.2)\n"
	      "      --retries N        attempts in all; --backoff SECONDS before another one, doubled each time\n"
	      "      --memory BYTES     that a worker may take; --recycle N: a new worker after so many items\n"
	      "      --threads N        of OpenMP and its kin in a worker; --pin: one processor for each worker\n"
	      "      --halt WHEN        soon,fail=N: no more items after N failures; now,fail=N: cancel what runs\n"
	      "\n"
	      "      --costs            what each item cost; --tracebacks: also of failures by brood_fail\n"
	      "      --status STYLE     on stderr: auto, live, plain, json or none\n"
	      "\n"
	      "Exit status: how many items failed, up to 101; 255 for trouble. See brood-map(1).\n",
	      stdout);
}

void help_timeout(void)
{
	fputs("usage: brood timeout [options] SECONDS command [arguments]\n"
	      "Runs one command. When its time is up, says on stderr where its processes are, and ends them all.\n"
	      "SECONDS is a number, or a time such as 1m30s or 2h; 0 is no limit.\n"
	      "\n"
	      "  -s, --signal SIGNAL    what the command is sent first (TERM)\n"
	      "  -g, --grace SECONDS    between that and KILL (0.5); also -k, --kill-after\n"
	      "  -p, --preserve-status  exit with the command's own status, also when its time was up\n"
	      "  -q, --quiet            do not say where the processes are\n"
	      "      --json             a line of JSON on stderr in the end: how it ended, what it cost\n"
	      "      --report FILE      the same in a file\n"
	      "\n"
	      "Exit status: the command's own, or its signal; 124 when its time was up; 125 for trouble, 126 where the\n"
	      "command cannot be run, 127 where it is not found. See brood-timeout(1).\n",
	      stdout);
}
