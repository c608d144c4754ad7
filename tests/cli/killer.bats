#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The killer finds what it is to find, in programs that are wrong on purpose.

setup() {
	killer=${BUILD:?is the build directory}/tests/campaign/killer
	run "$killer" --calm 1 /bin/true
	[ "$status" -ne 3 ] || skip "there is no ptrace here"
}

# finds WHAT ARGUMENT...: the killer ends with 1 and says so.
finds() {
	local what=$1
	shift
	run "$killer" "$@"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"FAILED: $what"* ]]
}

# gone COMMAND...: there is no process with that command line.
gone() {
	run pgrep -x -f "$*"
	[ "$status" -eq 1 ]
}

@test "a process that outlives the host is found, described and ended" {
	finds "1 processes left" --calm 1 /bin/sh -c 'sleep 77 & exit 0'
	[[ $output == *" (sleep) state S"* ]]
	gone sleep 77
}

@test "so is a daemon that has left its session" {
	finds "1 processes left" --calm 1 /usr/bin/setsid --fork sleep 78
	gone sleep 78
}

@test "a hang is found" {
	finds "hang: killer --role worker --calm 1 /bin/sleep 79" --limit 1 --calm 1 /bin/sleep 79
	gone sleep 79
}

@test "a program that is not content is found, with its words" {
	finds "exit code 1" --calm 1 /bin/sh -c 'echo two records; exit 1'
	[[ $output == *"#   two records"* ]]
	finds "the host died of signal 11" --calm 1 /bin/sh -c 'kill -SEGV $$'
	finds "a kill is told of, and there was none" --calm 1 /bin/sh -c 'exit 2'
	finds "the program ended without a mark" --calm 1 /bin/true
}

@test "nothing is left when the killer is killed" {
	"$killer" --calm 1 /bin/sh -c 'sleep 80 & sleep 80; exit 0' 3>&- &
	sleep 0.3
	kill -KILL $!
	sleep 0.2
	gone sleep 80
}

@test "wrong use is told apart" {
	run "$killer" --calm 1
	[ "$status" -eq 2 ]
	run "$killer" /bin/true
	[ "$status" -eq 2 ]
	run "$killer" --at many /bin/true
	[ "$status" -eq 2 ]
}

@test "the help fits a screen" {
	run "$killer" --help
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -le 24 ]
}
