#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What stands in single quotes is for the shell of a job, and braces are for the command.
# Each test is a shell of its own, and helper.bash sets what is not set here.
# shellcheck disable=SC1083,SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0
load marked

teardown() {
	[ ! -d small ] || ! mountpoint -q small || umount -l small
	end_marked
}

# run_jobs, and the most KiB of memory that the command or one of its jobs had, in the file memory.
measure_jobs() {
	python3 - "$build/cmd/brood/brood" run "$@" <<-'END' 3>&-
		import os, sys
		pid = os.fork()
		if not pid:
		    os.execv(sys.argv[1], sys.argv[1:])
		_, status, usage = os.wait4(pid, 0)
		open("memory", "w").write("%d\n" % usage.ru_maxrss)
		sys.exit(os.waitstatus_to_exitcode(status) & 255)
	END
}

@test "run: much output of two jobs takes little memory" {
	for option in -k --line-buffer; do
		measure_jobs -j2 "$option" 'head -c 40000000 /dev/zero; : {}' ::: 1 2 | wc -c > size
		[ "$(cat size)" -eq 80000000 ]
		[ "$(cat memory)" -le 65536 ]
	done
	measure_jobs -j2 --tag --line-buffer 'yes "$(printf %099d {})" | head -c 40000000' ::: 1 2 > output
	[ "$(sed 's/^[12]\t//' output | tr -d '\n' | wc -c)" -eq 79200000 ]
	[ "$(cut -c -105 output | sort -u | wc -l)" -eq 2 ]
	[ "$(cat memory)" -le 65536 ]
	leaves_nothing
}

# The file sum is that of 20 megabytes of each of three numbers.
sixty_megabytes() {
	holds "$(for i in 1 2 3; do yes "$i" | head -c 20000000 || true; done | cksum)" sum
}

@test "run: a full directory for what waits loses nothing" {
	mkdir small
	mount -t tmpfs -o size=1m tmpfs small 2> /dev/null || skip "nothing can be mounted here"
	for option in --group --tag; do
		TMPDIR=$PWD/small measure_jobs -j3 "$option" 'yes "$(printf %099d {})" | head -c 15000000' ::: 1 2 3 > output 2> messages
		[ "$(sed 's/^[123]\t//' output | wc -c)" -eq 45000000 ]
		[ "$(uniq output | wc -l)" -eq 3 ]
		[ "$(cat memory)" -le 65536 ]
		grep -q 'cannot be kept in a file: No space left' messages
	done
	TMPDIR=/nonexistent run_jobs -k -j3 'yes {} | head -c 20000000' ::: 1 2 3 2> messages | cksum > sum
	sixty_megabytes
	grep -q 'cannot be kept in a file: No such file' messages
	leaves_nothing
}

@test "run: a limit of files' sizes loses nothing" {
	(ulimit -f 1000; timeout 20 "$build/cmd/brood/brood" run -k -j3 'yes {} | head -c 20000000' ::: 1 2 3 3>&- 2> /dev/null | cksum > sum)
	sixty_megabytes
	leaves_nothing
}

@test "run: a slow reader does not keep a job from its timeout" {
	run_jobs -j2 -k --timeout 0.3 --joblog log 'head -c 300000 /dev/zero; touch at{}; sleep {}0' ::: 0 3 2> messages |
		(sleep 0.8; wc -c) > size || status=$?
	[ "$status" -eq 1 ]
	[ "$(cat size)" -eq 600000 ]
	awk '$1 == 2 { exit !($4 < 0.7) }' log
	leaves_nothing
}

@test "run: many inputs take no more memory than few" {
	local look='sed -n "s/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p" /proc/$PARALLEL_PID/status'
	for count in 100 1000; do
		seq "$count" | cat | run_jobs -j2 "[ {} != $count ] || $look > $count"
	done
	[ $(($(cat 1000) - $(cat 100))) -lt 1024 ]
	seq 600 | cat | run_jobs -k -j2 "case {} in 1) until [ -e last ]; do sleep 0.05; done; $look > memory;; 600) : > last;; esac; echo {}" > output
	cmp output <(seq 600)
	[ $(($(cat memory) - $(cat 100))) -lt 2048 ]
	leaves_nothing
}

@test "run: output that cannot be written is a failure with one message that names the job" {
	for option in -k --line-buffer; do
		status=0
		run_jobs -j1 "$option" 'echo {}; touch ran{}; sleep 0.05' ::: a b c > /dev/full 2> messages || status=$?
		[ "$status" -eq 255 ]
		[ "$(wc -l < messages)" -eq 1 ]
		grep -q 'output of job 1 .* stdout: No space left' messages
		[ ! -e ranc ]
		status=0
		run_jobs -j1 "$option" 'echo {}; sleep 0.05' ::: a b c >&- 2> messages || status=$?
		[ "$status" -eq 255 ]
		[ "$(wc -l < messages)" -eq 1 ]
		grep -q 'output of job 1 .* stdout: ' messages
		status=0
		run_jobs -j1 "$option" 'echo {} >&2; sleep 0.05' ::: a b c 2> /dev/full || status=$?
		[ "$status" -eq 255 ]
		status=0
		run_jobs -j1 "$option" 'echo {} >&2; sleep 0.05' ::: a b c 2>&- || status=$?
		[ "$status" -eq 255 ]
	done
	run_jobs true ::: a <&- >&- 2>&-
	holds $'a\nb' <(run_jobs -k echo ::: a b <&-)
	leaves_nothing
}

@test "run: few descriptors or processes mean fewer jobs at once, and none is lost" {
	(ulimit -n 64; seq 200 | run_jobs -j100 'echo {}; sleep 0.05' | sort -n | cmp - <(seq 200))
	(ulimit -n 20; seq 20 | run_jobs -j100 'echo {}; sleep 0.05' | sort -n | cmp - <(seq 20))
	leaves_nothing
	[ "$(id -u)" -eq 0 ] || skip "the limit of processes is another user's to try"
	# What other tests make and remove beside this one is none of its business.
	chmod -R a+rX "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" 2> /dev/null || true
	setpriv --reuid 54321 --clear-groups --inh-caps=-all test -x "$build/cmd/brood/brood" || skip "not for another user"
	seq 40 | timeout 20 setpriv --reuid 54321 --clear-groups --inh-caps=-all prlimit --nproc=12 \
		"$build/cmd/brood/brood" run -j30 --no-shell echo 3>&- > output
	sort -n output | cmp - <(seq 40)
	leaves_nothing
}

@test "run: a command that is too long says which limit it exceeds" {
	head -c 3000000 /dev/zero | tr '\0' x > long
	for option in -k -q --no-shell; do
		status=0
		run_jobs "$option" echo < long > output 2> messages || status=$?
		[ "$status" -eq 1 ]
		[ ! -s output ]
		grep -q '3000005 bytes, and the kernel allows 131071 for one argument' messages
		[ "$(wc -c < messages)" -lt 2000 ]
	done
	status=0
	run_jobs -X echo < long > output 2> messages || status=$?
	[ "$status" -eq 255 ]
	grep -q 'too long for input 1: it has 3000005 bytes' messages
}

@test "run: an input without an end is no matter for a run that has one" {
	for option in --group -k --tag --line-buffer; do
		status=0
		yes | run_jobs -j1 "$option" --halt now,done=20 echo > output 2> messages || status=$?
		[ "$(wc -l < output)" -eq 20 ]
	done
	yes | run_jobs --pipe --block 10k -j2 --halt now,done=5 'wc -c' > output 2> messages || true
	[ "$(wc -l < output)" -ge 5 ]
	leaves_nothing
}
