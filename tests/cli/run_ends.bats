#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What stands in single quotes is for the shell of a job, and braces are for the command.
# A pipe that compares with the input file does not write it.
# shellcheck disable=SC1003,SC1083,SC2016,SC2094

bats_require_minimum_version 1.5.0
load run

@test "run: the exit status is the number of failed jobs, and 101 above 100" {
	ends 0 '' -j4 'exit {}' ::: 0 0
	ends 1 '' -j4 'exit {}' ::: 0 5
	ends 3 '' -j4 'exit {}' ::: 1 2 255
	seq 99 | ends 99 '' -j4 'exit 1; :'
	seq 100 | ends 100 '' -j4 'exit 1; :'
	seq 101 | ends 101 '' -j4 'exit 1; :'
	seq 150 | ends 101 '' -j4 'exit 1; :'
	ends 1 '' nosuchcommand ::: a
}

@test "run: jobs that a signal ended are failed jobs" {
	ends 6 '' -j1 'kill -{} $$' ::: TERM KILL INT HUP PIPE ABRT
	ends 1 a 'echo a; kill -TERM $$; echo b; : {}' ::: 1
}

@test "run: --halt now,fail=1 ends everything with the failed job's status" {
	ends 3 $'0\n3' -j1 --halt now,fail=1 'echo {}; exit {}' ::: 0 3 0 1
	says 'This job failed:' 'echo 3; exit 3$'
	began=$SECONDS
	ends 1 0.4 -j2 --halt now,fail=1 'sleep {}; echo {}; false' ::: 20 0.4 5
	ends 3 '' -j2 -k --halt now,fail=1 '[ {} = 3 ] || sleep 20; exit {}' ::: 0 3
	[ $((SECONDS - began)) -lt 15 ]
	ends 137 '' -j1 --halt now,fail=1 'kill -KILL $$; : {}' ::: a b
	ends 2 '' -j1 --halt now,fail=1 --joblog log 'exit {}' ::: 0 2 0
	holds $'1\t0\n2\t2' <(tail -n +2 log | cut -f 1,7)
	ends 3 $'0\n3' -j1 --halt-on-error now,fail=1 'echo {}; exit {}' ::: 0 3 0 1
}

@test "run: --halt soon,fail=1 lets running jobs end" {
	ends 3 $'0\n3' -j1 --halt soon,fail=1 'echo {}; exit {}' ::: 0 3 0 1
	ends 1 $'1\n6' -j2 --halt soon,fail=1 'sleep 0.{}; echo {}; [ {} = 6 ]' ::: 6 1 3
	says 'This job failed:' 'no more jobs.*1.*to finish'
	ends 1 $'6\n1' -j2 -k --halt soon,fail=1 'sleep 0.{}; echo {}; [ {} = 6 ]' ::: 6 1 3
	ends 2 $'0\t0\n2\t2' -j1 --tag --halt soon,fail=1 'echo {}; exit {}' ::: 0 2 0
}

@test "run: --halt counts failures, from the second on, for the exit status" {
	ends 2 $'0\n3\n0\n4' -j1 --halt soon,fail=2 'echo {}; exit {}' ::: 0 3 0 4 5
	ends 2 $'0\n3\n0\n4' -j1 --halt now,fail=2 'echo {}; exit {}' ::: 0 3 0 4 5
	says 'echo 3; exit 3' 'echo 4; exit 4'
	ends 1 $'0\n3' -j1 --halt never 'echo {}; exit {}' ::: 0 3
	ends 1 $'0\n3\n0' -j1 --halt now,fail=2 'echo {}; exit {}' ::: 0 3 0
}

@test "run: --halt success=N ends well once enough jobs did" {
	ends 0 $'2\n3\n0' -j1 --halt now,success=1 'echo {}; exit {}' ::: 2 3 0 4 5
	says 'This job succeeded:' 'echo 0; exit 0$'
	ends 0 $'2\n3\n0' -j1 --halt soon,success=1 'echo {}; exit {}' ::: 2 3 0 4 5
	ends 2 $'2\n3' -j1 --halt now,success=1 'echo {}; exit {}' ::: 2 3
	began=$SECONDS
	ends 0 0.4 -j2 --halt now,success=1 'sleep {}; echo {}' ::: 20 0.4
	[ $((SECONDS - began)) -lt 15 ]
}

@test "run: --halt done=N ends once enough jobs did, well or not" {
	ends 1 $'0\n3' -j1 --halt now,done=2 'echo {}; exit {}' ::: 0 3 0 4 5
	ends 1 $'0\n3' -j1 --halt soon,done=2 'echo {}; exit {}' ::: 0 3 0 4 5
	says 'This job finished:'
	ends 7 7 -j1 --halt now,done=1 'echo {}; exit {}' ::: 7 0 0
}

@test "run: --halt with a percentage is about all jobs" {
	ends 34 $'5\n6' -j1 --halt now,fail=30% 'echo {}; exit {}' ::: 5 6 7 4 1 1
	seq 6 | ends 34 $'1\n2' -j1 --halt soon,fail=30% 'echo {}; exit {}'
	ends 25 $'0\n1' -j1 --halt soon,done=50% 'echo {}; exit {}' ::: 0 1 0 0
	prints $'0\n1\n0' -j1 --halt soon,success=50% 'echo {}; exit {}' ::: 0 1 0 0
	ends 100 $'1\n1' -j1 --halt now,fail=100% 'echo {}; exit {}' ::: 1 1
	ends 50 $'0\n3\n0\n4\n5' -j1 --halt soon,fail=50% 'echo {}; exit {}' ::: 0 3 0 4 5 6
	ends 50 $'0\n3\n0\n4\n5' -j1 --halt now,fail=50% 'echo {}; exit {}' ::: 0 3 0 4 5 6
}

@test "run: --halt knows its older numbers" {
	ends 3 $'0\n3' -j1 --halt 1 'echo {}; exit {}' ::: 0 3 0 1
	ends 3 $'0\n3' -j1 --halt 2 'echo {}; exit {}' ::: 0 3 0 1
	ends 1 $'0\n3' -j1 --halt 0 'echo {}; exit {}' ::: 0 3
	ends 0 $'3\n0' -j1 --halt -1 'echo {}; exit {}' ::: 3 0 1
	ends 0 $'3\n0' -j1 --halt -2 'echo {}; exit {}' ::: 3 0 1
}

@test "run: --retries tries again, at most so often in all" {
	ends 2 $'1\n0\n2' -j1 --retries 3 'echo {} >> tries; echo {}; exit {}' ::: 1 0 2
	holds $'1\n1\n1\n0\n2\n2\n2' tries
	prints 'try 2' -j1 --retries 3 --joblog log 'echo x >> count; echo try $(grep -c x count); [ $(grep -c x count) = 2 ] # {}' ::: 1
	holds $'1\t6\t0\t0' <(tail -n +2 log | cut -f 1,6-8)
	ends 1 1 -j1 --retries 1 'echo {} >> once; echo {}; exit {}' ::: 1
	holds 1 once
	ends 1 $'0 1\n1 2' -j1 --retries 3 --joblog log 'echo {} $PARALLEL_SEQ; exit {}' ::: 0 1
	holds $'1\t0\n2\t1' <(tail -n +2 log | cut -f 1,7)
}

@test "run: --retries and --halt: only the last try counts" {
	ends 1 1 -j1 --retries 2 --halt now,fail=1 'echo {} >> tries; echo {}; exit {}' ::: 1 0
	holds $'1\n1' tries
}

@test "run: --timeout ends a job, which is then a failed one" {
	began=$SECONDS
	ends 1 $'0\n20' -k --timeout 0.4 'echo {}; sleep {}' ::: 0 20
	says 'time' 'echo 20; sleep 20'
	for time in 0.3s 0.005m 0.0001h 0.000004d; do
		ends 1 '' --timeout "$time" 'sleep {}' ::: 0 20
	done
	ends 1 '' -j1 --timeout 500% 'sleep {}' ::: 0.1 0.1 0.1 0.1 20
	# Also one that began before there was a median.
	ends 1 '' -j2 --timeout 500% 'sleep {}' ::: 20 0.1 0.1 0.1 0.1
	prints '' --timeout 0 'sleep {}' ::: 0.1
	prints $'1\n2' -k --timeout 10 echo ::: 1 2
	[ $((SECONDS - began)) -lt 20 ]
}

@test "run: --timeout reaches the processes of a job and those that ignore TERM" {
	began=$SECONDS
	ends 1 '' --timeout 0.3 'trap "" TERM; sleep {}; sleep {}; echo alive' ::: 20
	ends 1 '' --timeout 0.4 '(echo $BASHPID > pid; sleep {}) | cat' ::: 20
	eventually all_gone "$(cat pid)"
	[ $((SECONDS - began)) -lt 15 ]
	ends 1 3 -j1 --timeout 0.3 --retries 2 'echo {} >> tries; echo {}; sleep 2{}' ::: 3
	holds $'3\n3' tries
}

@test "run: --delay waits between starts" {
	prints '' -j3 --delay 0.3 'date +%s%N > {}' ::: 1 2 3
	[ $(($(cat 2) - $(cat 1))) -ge 250000000 ]
	[ $(($(cat 3) - $(cat 2))) -ge 250000000 ]
	prints a --delay 0.01s echo ::: a
}

@test "run: -j takes a number, a part of the processors, a number more or less, and 0 for all" {
	processors=$(nproc)
	# How many jobs ran at once: the highest slot.
	slots() {
		seq $((processors * 2 + 2)) | run_jobs "$@" 'sleep 0.1; echo {%}; : {}' | sort -n | tail -n 1
	}
	[ "$(slots -j1)" -eq 1 ]
	[ "$(slots --jobs 2)" -eq 2 ]
	[ "$(slots --max-procs=2)" -eq 2 ]
	[ "$(slots -P2)" -eq 2 ]
	[ "$(slots -j+1)" -eq $((processors + 1)) ]
	[ "$(slots -j100%)" -eq "$processors" ]
	[ "$(slots)" -eq "$processors" ]
	[ "$(slots -j0)" -eq $((processors * 2 + 2)) ]
	echo 2 > procs
	[ "$(slots -j procs)" -eq 2 ]
}

@test "run: --load and --memfree wait for nothing where there is enough" {
	prints 1 --load 10000% echo ::: 1
	prints 1 --load 300 echo ::: 1
	for size in 1k 1M 10; do
		prints 1 --memfree "$size" echo ::: 1
	done
}

@test "run: the tool's end by a signal ends its jobs" {
	differs_from_gnu
	for signal in TERM KILL HUP; do
		rm -f pid
		(exec "$build/cmd/brood/brood" run 'echo $$ > pid; exec sleep 100; : {}' ::: 1) > /dev/null 2>&1 3>&- &
		tool=$!
		present() { [ -s pid ]; }
		eventually present
		job=$(cat pid)
		kill "-$signal" "$tool"
		status=0
		wait "$tool" || status=$?
		[ "$status" -ne 0 ]
		eventually all_gone "$job"
	done
}
