#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What stands in single quotes is for the shell of a job, and braces are for the command.
# Each test is a shell of its own, and helper.bash sets what is not set here.
# shellcheck disable=SC1083,SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0
load terminal

teardown() {
	close_terminal
	end_marked
}

# Of one moment: one line of figures, and so many rows below it.
has_rows() {
	screen > during
	[ "$(grep -c " $1 running" during)" -eq 1 ] && [ "$(grep -cE '^ +[0-9]+s +sleep' during)" -eq "$1" ]
}

@test "run: a terminal shows figures and a row for each job, and output above them as it was written" {
	open_terminal
	type "brood run -j3 'sleep 0.{}; echo out {}; echo err {} >&2; printf %0100d {}; echo; [ {} != 7 ]' ::: {5..9} {5..9}; echo status \$?"
	soon 300 has_rows 3
	soon 500 shows '^status 2'
	soon 100 at_prompt
	scrolled | tail -n +2 > after
	for i in 5 6 7 8 9; do
		[ "$(grep -cx "out $i" after)" -eq 2 ]
		[ "$(grep -cx "err $i" after)" -eq 2 ]
		[ "$(grep -cx "0*$i" after)" -eq 2 ]
	done
	# Nothing else is there: no rest of a row, and no figures but the last.
	grep -vxE -e '(out|err) [0-9]' -e '0+[0-9]' after > rest
	[ "$(grep -c '^failed: sleep 0.7' rest)" -ge 2 ]
	grep -q '^10 jobs done, 2 failed, in ' rest
	run grep -v -e '^failed: ' -e '^10 jobs done' -e '^slowest: ' -e '^ .*sleep' -e '^status 2' -e '^\$' rest
	[ -z "$output" ]
	leaves_nothing_there
}

leaves_nothing_there() {
	close_terminal
	leaves_nothing
}

@test "run: a terminal may change its size during a run" {
	open_terminal
	type "clear; brood run -j2 'sleep 0.4; echo out {}' ::: {1..6}; echo status \$?"
	soon 300 shows '/6 done, .* 2 running'
	tmux -S "$socket" resize-window -x 24 -y 8
	soon 200 shows '^[0-9]*/6 done, .*…$'
	[ "$(screen | grep -c '/6 done')" -eq 1 ]
	tmux -S "$socket" resize-window -x 100 -y 20
	soon 500 shows '^status 0'
	scrolled > after
	[ "$(grep -cxE 'out [1-6]' after)" -eq 6 ]
	grep -q '^6 jobs done, 0 failed, in ' after
	leaves_nothing_there
}

@test "run: Ctrl-C leaves a clean screen, the prompt at its place and the command that goes on" {
	open_terminal
	type "clear; brood run -j2 --journal 'a journal' 'sleep 30; : {}' ::: a \"it's\" c"
	soon 300 shows '/3 done, .* 2 running'
	press C-c
	soon 300 at_prompt
	run shows ' running'
	[ "$status" -ne 0 ]
	scrolled > after
	tr -d '\n' < after | grep -qF "resume with: brood run --resume -j2 --journal 'a journal' 'sleep 30; : {}' ::: a 'it'\"'\"'s' c"
	leaves_nothing_there
}

@test "run: the command that resumes does the rest" {
	try='[ {} != b ] || [ -e fixed ]'
	gives 1 '' -j1 --joblog log "$try" ::: a b c
	tail -n 1 "$BATS_TEST_TMPDIR/messages" > last
	holds "resume with: brood run --resume-failed -j1 --joblog log '$try' ::: a b c" last
	PATH=$build/cmd/brood:$PATH
	touch fixed
	bash -c "$(sed 's/^resume with: //' last)" > output 2> messages
	[ ! -s messages ]
	holds $'1\n2\n3\n2' <(tail -n +2 log | cut -f 1)
}

@test "run: the command that resumes is what is needed" {
	gives 1 '' --resume --journal j 'exit {}' ::: 0 1
	holds 'resume with: brood run --resume-failed --journal j '\''exit {}'\'' ::: 0 1' <(tail -n 1 "$BATS_TEST_TMPDIR/messages")
	gives 1 '' --resume-failed --journal j 'exit {}' ::: 0 1
	holds 'resume with: brood run --resume-failed --journal j '\''exit {}'\'' ::: 0 1' <(tail -n 1 "$BATS_TEST_TMPDIR/messages")
	printf '0\n1\n' | gives 1 '' --journal k 'exit {}; : --resume'
	says "^resume, with the same stdin, with: brood run --resume-failed --journal k 'exit {}; : --resume'$"
	seq 1000000 1000150 | sed 's/.*/000000000000&/' | xargs "$build/cmd/brood/brood" run --journal l 'exit {} #' ::: 2> messages || true
	holds 'resume with: the same command and --resume-failed' <(tail -n 1 messages)
	for options in --status=none --status=json; do
		gives 1 '' $options --journal m 'exit {}' ::: 0 1
		run grep resume "$BATS_TEST_TMPDIR/messages"
		[ -z "$output" ]
	done
	gives 0 '' --journal n 'exit {}' ::: 0 0
	[ ! -s "$BATS_TEST_TMPDIR/messages" ]
	gives 0 '' -j1 --journal n2 --halt now,success=1 'exit {}' ::: 1 0 0
	run grep resume "$BATS_TEST_TMPDIR/messages"
	[ -z "$output" ]
}

@test "run: --status says how the work is shown" {
	gives 1 $'0\n1\n' -j1 'echo {}; exit {}' ::: 0 1
	holds 'failed: echo 1; exit 1' <(cut -d , -f 1 "$BATS_TEST_TMPDIR/messages" | head -n 1)
	[ "$(grep -c ^failed "$BATS_TEST_TMPDIR/messages")" -eq 1 ]
	gives 1 $'0\n1\n' -j1 --status=plain 'echo {}; exit {}' ::: 0 1
	[ "$(grep -c ^failed "$BATS_TEST_TMPDIR/messages")" -eq 1 ]
	gives 1 $'0\n1\n' -j1 --status=none 'echo {}; exit {}' ::: 0 1
	[ ! -s "$BATS_TEST_TMPDIR/messages" ]
	gives 1 $'0\n1\n' -j1 --status=json 'echo {}; exit {}' ::: 0 1
	python3 -c 'import json, sys; [json.loads(line) for line in sys.stdin]' < "$BATS_TEST_TMPDIR/messages"
	gives 1 $'0\n1\n' -j1 --status=live 'echo {}; sleep 0.4; exit {}' ::: 0 1
	grep -q $'\033' "$BATS_TEST_TMPDIR/messages"
	gives 0 $'a\n' -j1 'echo {}; sleep 0.6' ::: a
	[ ! -s "$BATS_TEST_TMPDIR/messages" ]
}

@test "run: a dumb terminal has lines, NO_COLOR has no colours, and --bar knows how many there are" {
	open_terminal
	type "clear; TERM=dumb brood run -j2 'sleep 0.6; exit {}' ::: 0 1; echo status \$?"
	soon 300 shows '^status 1'
	scrolled > after
	grep -q '^failed: ' after
	run grep running after
	[ -z "$output" ]
	type "clear; seq 4 | NO_COLOR=1 brood run -j2 --bar 'sleep 0.7; [ {} -gt 1 ]'; echo status \$?"
	soon 300 shows '/4 done, .* 2 running'
	tmux -S "$socket" capture-pane -p -e > coloured
	run grep $'\033\\[3[0-9]' coloured
	[ -z "$output" ]
	soon 300 shows '^status 1'
	leaves_nothing_there
}
