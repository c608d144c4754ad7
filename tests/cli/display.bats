#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load helper

setup() {
	command -v tmux > /dev/null || skip "tmux is not installed"
	export LC_ALL=C.UTF-8
	unset NO_COLOR TMUX
	socket=$BATS_TEST_TMPDIR/tmux
}

teardown() {
	[ -z "${socket:-}" ] || tmux -S "$socket" kill-server 2> /dev/null || true
}

# A terminal of 60 columns and 15 rows, which stays when the command has ended.
show() {
	tmux -S "$socket" -f /dev/null new-session -d -x 60 -y 15 "$1; echo the end; exec sleep 60"
}

screen() {
	tmux -S "$socket" capture-pane -p
}

shows() {
	screen | grep -q -- "$1"
}

@test "a run is shown in rows, and leaves its failures and figures" {
	show "$examples/progress 0.4"
	eventually shows '/24 done, .* 3 running'
	screen > "$BATS_TEST_TMPDIR/during"
	[ "$(grep -c ' running' "$BATS_TEST_TMPDIR/during")" -eq 1 ]
	[ "$(grep -cE '^ +([0-9]+s  |-)' "$BATS_TEST_TMPDIR/during")" -le 3 ]
	# Narrower and lower: the terminal wraps the rows anew.
	tmux -S "$socket" resize-window -x 24 -y 8
	eventually shows '^[0-9]*/24 done, .*…$'
	[ "$(screen | grep -c '/24 done')" -eq 1 ]
	tmux -S "$socket" resize-window -x 100 -y 40
	eventually shows '^the end'
	screen > "$BATS_TEST_TMPDIR/after"
	run grep -E ' running|^ +[0-9]+s  ' "$BATS_TEST_TMPDIR/after"
	[ -z "$output" ]
	[ "$(grep -c '^a word from ' "$BATS_TEST_TMPDIR/after")" -eq 4 ]
	[ "$(grep -c '^failed: .*SIGKILL' "$BATS_TEST_TMPDIR/after")" -ge 2 ]
	grep '^24 items done, 5 failed, in ' "$BATS_TEST_TMPDIR/after"
	grep '^slowest: ' "$BATS_TEST_TMPDIR/after"
}

@test "a run that is killed leaves the terminal as it was" {
	show "$examples/progress 2 & sleep 0.9; kill -KILL \$!; wait 2> /dev/null"
	eventually shows ' 3 running'
	eventually shows '^the end'
	[ "$(tmux -S "$socket" display-message -p '#{cursor_flag} #{alternate_on} #{scroll_region_lower}')" = "1 0 14" ]
}

@test "without a terminal there are only lines" {
	"$examples/progress" 0.02 > "$BATS_TEST_TMPDIR/stdout" 2> "$BATS_TEST_TMPDIR/stderr"
	[ ! -s "$BATS_TEST_TMPDIR/stdout" ]
	[ "$(grep -c '^failed: ' "$BATS_TEST_TMPDIR/stderr")" -eq 5 ]
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/stderr" | cut -d, -f 1-2)" = "24 items done, 5 failed" ]
	run grep -a $'\033' "$BATS_TEST_TMPDIR/stderr"
	[ -z "$output" ]
}
