#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The script that counts, over programs that end in every way. BUILD is the build directory.

setup() {
	tally=$BATS_TEST_DIRNAME/../../scripts/tally
	build=${BUILD:?is the build directory}
	cd "$BATS_TEST_TMPDIR" || return
}

# count EXPECTED KIND ARGUMENT...: the last line after one run, and an exit code that agrees with it.
count() {
	local expected=$1 kind=$2
	shift 2
	rm -f state
	run "$tally" --state state "$kind" label "$@"
	echo "$output"
	[ "$status" -eq 0 ]
	told=$output
	run "$tally" --state state summary
	echo "$output"
	[ "${lines[-1]}" = "$expected" ]
	case $expected in
	"0 passed"* | *" 0 failed"*) ;;
	*) [ "$status" -ne 0 ] ;;
	esac
	if [[ $expected == *" 0 failed"* && $expected != "0 passed"* ]]; then
		[ "$status" -eq 0 ]
	fi
}

# program NAME <script: a shell script to be run.
program() {
	{ echo '#!/bin/sh'; cat; } >"$1"
	chmod +x "$1"
}

@test "a Check program's tests count one by one" {
	count "2 passed, 5 failed, 1 skipped" tap -- "$build/tests/support/outcomes"
	[[ $told == *"skipped label: "*"skips: there is no moon"* ]]
	[[ $told == *"# ok 7 - lines"* ]]
	[[ $told == *"left over: child"* ]]
}

@test "a runner that is killed is a failure" {
	KILL_THE_RUNNER=1 count "1 passed, 6 failed, 1 skipped" tap -- "$build/tests/support/outcomes"
}

@test "all good" {
	program good <<<'echo ok 1 - a; echo ok 2 - b; echo 1..2'
	count "2 passed, 0 failed" tap -- ./good
}

@test "skips keep their reasons" {
	program skips <<<'echo 1..2; echo "ok 1 - a # SKIP no root"; echo "ok 2 - b"'
	count "1 passed, 0 failed, 1 skipped" tap -- ./skips
	[[ $told == *"no root"* ]]
	program none <<<'echo "1..0 # SKIP nothing here"'
	count "0 passed, 0 failed, 1 skipped" tap -- ./none
}

@test "a crash after good tests is a failure" {
	program crash <<<'echo 1..1; echo ok 1 - a; kill -SEGV $$'
	count "1 passed, 1 failed" tap -- ./crash
}

@test "a program that stops before its plan is through is a failure" {
	program short <<<'echo 1..3; echo ok 1 - a'
	count "1 passed, 1 failed" tap -- ./short
	program planless <<<'echo ok 1 - a'
	count "1 passed, 1 failed" tap -- ./planless
}

@test "a bad exit code without a failed test is a failure" {
	program liar <<<'echo 1..1; echo ok 1 - a; exit 3'
	count "1 passed, 1 failed" tap -- ./liar
}

@test "a program that hangs is stopped, and is a failure" {
	program hang <<<'echo ok 1 - a; exec sleep 60'
	TALLY_LIMIT=1 count "1 passed, 1 failed" tap -- ./hang
}

@test "a process that is left running is a failure, and is killed" {
	program leave <<<'echo 1..1; echo ok 1 - a; setsid sleep 71.5 >/dev/null 2>&1 &'
	count "1 passed, 1 failed" tap -- ./leave
	[[ $told == *"left running"* ]]
	run grep -las '71\.5' /proc/[0-9]*/cmdline
	[ -z "$output" ]
}

@test "a program that is not there is a failure" {
	count "0 passed, 1 failed" tap -- ./nothing
}

@test "nothing at all is no success" {
	touch state
	run "$tally" --state state summary
	[ "$output" = "0 passed, 0 failed" ]
	[ "$status" -ne 0 ]
}

@test "meson: crashes, time limits, skips and missing plans" {
	mkdir project
	cd project || return
	program tap-good <<<'echo ok 1 - a; echo ok 2 - b; echo 1..2'
	program tap-bad <<<'echo ok 1 - a; echo not ok 2 - b; echo 1..2; exit 1'
	program tap-silent <<<'kill -SEGV $$'
	program tap-hang <<<'echo ok 1 - a; exec sleep 60'
	program tap-skip <<<'echo "ok 1 - a # SKIP too small"; echo 1..1'
	program plain-good <<<'exit 0'
	program plain-bad <<<'exit 1'
	program plain-skip <<<'echo no such device; exit 77'
	program plain-crash <<<'kill -ABRT $$'
	program plain-hang <<<'exec sleep 60'
	cat >meson.build <<-'END'
		project('outcomes')
		foreach name : ['tap-good', 'tap-bad', 'tap-silent', 'tap-hang', 'tap-skip']
		  test(name, find_program('./' + name), protocol: 'tap', timeout: 1)
		endforeach
		foreach name : ['plain-good', 'plain-bad', 'plain-skip', 'plain-crash', 'plain-hang']
		  test(name, find_program('./' + name), timeout: 1)
		endforeach
	END
	meson setup build
	# good 2; bad 1 and 1; silent 1; hang 1 and 1; skip; good; bad; skip; crash; hang
	count "5 passed, 6 failed, 2 skipped" meson build
	[[ $told == *"too small"* && $told == *"no such device"* ]]
	[[ $told == *"tap-hang: it was stopped at its time limit"* ]]
}

@test "meson: what could not be run is a failure" {
	mkdir project
	cd project || return
	program gone <<<'exit 0'
	cat >meson.build <<-'END'
		project('gone')
		test('gone', find_program('./gone'))
	END
	meson setup build
	rm gone
	run "$tally" --state state meson label build
	run "$tally" --state state summary
	echo "$output"
	[[ ${lines[-1]} == "0 passed, "[1-9]*" failed" ]]
}
