#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016

bats_require_minimum_version 1.5.0
load helper

setup() {
	brood=$build/cmd/brood/brood
	cd "$BATS_TEST_TMPDIR" || return
}

# limit STATUS ARGUMENT...: ends so; output and messages are in files.
limit() {
	ended 10 "$1" "$brood" timeout "${@:2}"
}

@test "timeout: the exit status is the command's" {
	limit 0 5 true
	limit 3 5 sh -c 'exit 3'
	limit 143 5 sh -c 'kill -TERM $$'
	limit 137 0 sh -c 'kill -KILL $$'
	limit 127 5 no-such-command
	limit 126 5 /etc/passwd
	limit 125 5
	limit 125 x true
	limit 125 --sgnal=3 5 true
	grep -q 'did you mean --signal' messages
}

@test "timeout: says where the command was when its time was up" {
	limit 124 0.1 sleep 9
	grep -q 'sleep 9: its time was up after 0.1' messages
	grep -q '  [0-9]* sleep \[sleep 9\]: sleeping' messages
	limit 143 -q -p 0.1 sleep 9
	[ ! -s messages ]
}

@test "timeout: nothing of the group is left, whatever it ignores" {
	limit 124 -g 0.1 0.2 sh -c 'trap "" TERM; echo $$; sleep 9; sleep 9'
	eventually all_gone "$(cat output)"
	limit 124 -g 0.1 0.2 sh -c '(trap "" TERM; exec sleep 9) & echo $!; exec sleep 9'
	eventually all_gone "$(cat output)"
	limit 124 -s KILL 0.1 sh -c 'kill -STOP $$'
	limit 124 0.1 sh -c 'kill -STOP $$'
}

@test "timeout: stands in a pipe" {
	[ "$(printf 'b\na\n' | "$brood" timeout 5 sort | tr -d '\n')" = ab ]
}

@test "timeout: signals go on to the command, and a kill leaves no process" {
	"$brood" timeout 20 sh -c 'trap "echo told; exit 4" HUP; echo ready; while :; do sleep 0.05; done' > output 3>&- &
	eventually grep -q ready output
	kill -HUP $!
	status=0
	wait $! || status=$?
	[ "$status" -eq 4 ]
	grep -q told output
	"$brood" timeout 20 sh -c 'sleep 20 & echo $$ $!; wait' > pids 3>&- &
	eventually test -s pids
	kill -KILL $!
	wait $! || true
	# shellcheck disable=SC2046
	eventually all_gone $(cat pids)
}

@test "timeout: reports as JSON" {
	command -v jq > /dev/null || skip "jq is not installed"
	limit 124 -q --json --report report 0.1 sleep 9
	[ "$(jq -c '[.command, .exit, .signal, .timed_out, .out_of_memory, (.peak > 0)]' report)" = \
		'[["sleep","9"],null,"SIGTERM",true,false,true]' ]
	cmp report messages
	limit 125 --report /none/report 5 true
}

@test "timeout: the command reads its terminal" {
	run python3 - "$brood" << 'END'
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
	os.execv(sys.argv[1], [sys.argv[1], "timeout", "5", "sh", "-c", "read line; echo got $line; exit 6"])
os.write(fd, b"hello\n")
_, status = os.waitpid(pid, 0)
text = os.read(fd, 1000)
sys.exit(0 if b"got hello" in text and os.WEXITSTATUS(status) == 6 else 1)
END
	[ "$status" -eq 0 ]
}
