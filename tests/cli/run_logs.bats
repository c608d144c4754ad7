#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What stands in single quotes is for the shell of a job, and braces are for the command.
# A pipe that compares with the input file does not write it.
# shellcheck disable=SC1003,SC1083,SC2016,SC2094

bats_require_minimum_version 1.5.0
load run

# Columns of a log that do not depend on time: sequence, sent, received, exit status, signal, command.
fixed() {
	cut -f 1,5- "$1" | tr '\0' '@'
}

header=$'Seq\tSend\tReceive\tExitval\tSignal\tCommand'

@test "run: --joblog has a header and a line for each job" {
	ends 3 '' -k --joblog log 'exit {}' ::: 0 1 3 255
	holds $'Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand' <(head -n 1 log)
	fixed log > columns
	holds "$header"$'\n1\t0\t0\t0\t0\texit 0\n2\t0\t0\t1\t0\texit 1\n3\t0\t0\t3\t0\texit 3\n4\t0\t0\t255\t0\texit 255' columns
	# A start with milliseconds, and a run time in ten columns.
	tail -n +2 log | LC_ALL=C grep -cE $'^[0-9]\t:\t[0-9]{10}\\.[0-9]{3}\t {5}[0-9]\\.[0-9]{3}\t0\t0' | diff - <(echo 4)
	awk -F '\t' -v now="$(date +%s)" 'NR > 1 && ($3 > now + 1 || $3 < now - 60) { exit 1 }' log
}

@test "run: --joblog counts bytes and holds commands as they are" {
	prints $'abc\na\'b' -k --joblog log 'echo {}; echo e >&2' ::: abc "a'b"
	fixed log > columns
	holds "$header"$'\n1\t0\t4\t0\t0\techo abc; echo e >&2\n2\t0\t4\t0\t0\techo \'a\'"\'"\'b\'; echo e >&2' columns
	prints $'1 2\n3' -k -N2 --joblog log echo ::: 1 2 3
	fixed log > columns
	holds "$header"$'\n1\t0\t4\t0\t0\techo 1 2\n2\t0\t2\t0\t0\techo 3' columns
	prints '1 2 3' -j1 -X --joblog log echo ::: 1 2 3
	fixed log > columns
	holds "$header"$'\n1\t0\t6\t0\t0\techo 1 2 3' columns
	gives 0 $'\xff\n' --joblog log echo ::: $'\xff'
	fixed log > columns
	holds "$header"$'\n1\t0\t2\t0\t0\techo \'\xff\'' columns
	seq 6 | prints '' --pipe -k -N3 --joblog log 'cat >/dev/null'
	fixed log > columns
	holds "$header"$'\n1\t6\t0\t0\t0\tcat >/dev/null\n2\t6\t0\t0\t0\tcat >/dev/null' columns
}

@test "run: --joblog writes a command's newlines as NUL bytes" {
	prints $'1\nx' --joblog log $'echo {};\necho x' ::: 1
	fixed log > columns
	holds "$header"$'\n1\t0\t4\t0\t0\techo 1;@echo x' columns
	printf 'a\nb' | prints $'a\nb' -0 --joblog log echo
	fixed log > columns
	holds "$header"$'\n1\t0\t4\t0\t0\techo \'a@b\'' columns
}

@test "run: --joblog has the order in which jobs end, begins anew, and is there without jobs" {
	prints '' -j2 --joblog log 'sleep 0.{}' ::: 5 1
	holds $'2\n1' <(tail -n +2 log | cut -f 1)
	prints b --joblog log echo ::: b
	fixed log > columns
	holds "$header"$'\n1\t0\t2\t0\t0\techo b' columns
	prints d --joblog +log echo ::: d
	fixed log > columns
	holds "$header"$'\n1\t0\t2\t0\t0\techo b\n1\t0\t2\t0\t0\techo d' columns
	prints '' --joblog empty echo :::
	holds $'Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand' empty
	ends 255 '' --joblog /nonexistent/log touch ::: x
	says /nonexistent/log
	[ ! -e x ]
}

@test "run: --joblog records signals and timeouts" {
	differs_from_gnu
	ends 4 '' -k --timeout 0.4 --joblog log '{}' ::: 'kill -TERM $$' 'kill -KILL $$' 'kill -SEGV $$' 'sleep 20'
	fixed log > columns
	holds "$header"$'\n1\t0\t0\t143\t15\tkill -TERM $$\n2\t0\t0\t137\t9\tkill -KILL $$\n3\t0\t0\t139\t11\tkill -SEGV $$\n4\t0\t0\t143\t15\tsleep 20' columns
}

@test "run: a full disk under the job log is a failure with one message" {
	differs_from_gnu
	status=0
	run_jobs --joblog /dev/full echo ::: a 2> messages > output || status=$?
	[ "$status" -ne 0 ]
	[ "$status" -ne 124 ]
	[ "$(wc -l < messages)" -eq 1 ]
	grep -q /dev/full messages
}

@test "run: --resume runs what the log does not have" {
	ends 2 $'0\n1\n2' -j1 --joblog log 'echo {}; exit {}' ::: 0 1 2
	ends 1 3 -j1 --resume --joblog log 'echo {}; exit {}' ::: 0 1 2 3
	prints '' -j1 --resume --joblog log 'echo {}; exit {}' ::: 0 1 2 3
	holds $'1\t0\n2\t1\n3\t2\n4\t3' <(tail -n +2 log | cut -f 1,7)
	prints 'echo 5; exit 5' --dry-run --resume --joblog log 'echo {}; exit {}' ::: 0 1 2 3 5
	# Without a log yet it is a first run.
	prints $'a\nb' -k --resume --joblog other echo ::: a b
	prints '' -k --resume --joblog other echo ::: a b
	ends 255 '' --resume echo ::: a
	says --joblog
	ends 255 '' --resume-failed echo ::: a
	says --joblog
}

@test "run: --resume fills the gaps that a stopped run left" {
	prints $'a\nb\nc\nd' -k --joblog log echo ::: a b c d
	grep -v '^[24]' log > gaps
	prints $'b\nd' -k --resume --joblog gaps echo ::: a b c d
	holds $'1\n2\n3\n4' <(tail -n +2 gaps | cut -f 1 | sort)
}

@test "run: --resume-failed runs also what failed, by the last line of each" {
	ends 2 $'0\n1\n2' -j1 --joblog log 'echo {}; [ -e ok ] || exit {}' ::: 0 1 2
	ends 2 $'1\n2\n0' -j1 --resume-failed --joblog log 'echo {}; [ -e ok ] || exit {}' ::: 0 1 2 0
	touch ok
	prints $'1\n2' -j1 --resume-failed --joblog log 'echo {}; [ -e ok ] || exit {}' ::: 0 1 2 0
	prints '' -j1 --resume-failed --joblog log 'echo {}; [ -e ok ] || exit {}' ::: 0 1 2 0
	holds $'1\n2\n3\n2\n3\n4\n2\n3' <(tail -n +2 log | cut -f 1)
}

@test "run: --retry-failed takes the commands from the log" {
	ends 2 '' -j1 --joblog log '[ -e ok ] && echo {}; exit {}' ::: 0 1 2
	touch ok
	ends 2 $'1\n2' -j1 --retry-failed --joblog log
	holds $'1\n2\n3\n2\n3' <(tail -n +2 log | cut -f 1)
	sed -i 's/exit 1/exit 0/' log
	ends 1 $'1\n2' -j1 --retry-failed --joblog log
	ends 1 2 -j1 --retry-failed --joblog log
}

@test "run: --resume refuses a log of other commands" {
	differs_from_gnu
	prints $'a\nb' -k --joblog log echo ::: a b
	cp log before
	for values in 'x y z' 'b a c' 'a x'; do
		status=0
		# shellcheck disable=SC2086
		run_jobs -k --resume --joblog log echo ::: $values > output 2> messages || status=$?
		[ "$status" -ne 0 ]
		[ "$status" -ne 124 ]
		[ ! -s output ]
		[ "$(wc -l < messages)" -eq 1 ]
		cmp log before
	done
	prints c -k --resume --joblog log echo ::: a b c
}

@test "run: a file that is no job log is not taken for one" {
	differs_from_gnu
	echo garbage > notes
	gives 255 '' --resume --joblog notes echo ::: 1
	says 'notes is no job log'
	holds garbage notes
	: > empty
	gives 0 $'1\n' --resume --joblog empty echo ::: 1
	# One whose heading was not written to its end.
	printf 'Seq\tHo' > begun
	gives 0 $'1\n' --resume --joblog begun echo ::: 1
}
