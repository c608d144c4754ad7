#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What stands in single quotes is for the shell of a job, and braces are for the command.
# A pipe that compares with the input file does not write it.
# shellcheck disable=SC1003,SC1083,SC2016,SC2094

bats_require_minimum_version 1.5.0
load run

@test "run: the output of a job comes as a whole when it ends" {
	prints $'1\n1b\n4\n4b' -j2 'sleep 0.{}; echo {}; sleep 0.1; echo {}b' ::: 4 1
	prints $'4\n1' -j2 -k 'sleep 0.{}; echo {}' ::: 4 1
	prints $'a\nb' -j1 --group echo ::: a b
	gives 0 xx -k 'printf x; : {}' ::: a b
	# First what went to standard output, then what went to standard error.
	run_jobs -j1 'echo e{} >&2; echo o{}' ::: a b > both 2>&1
	holds $'oa\nea\nob\neb' both
}

@test "run: a job's standard error goes to the tool's, and nothing else does" {
	prints $'oa\nob' -k 'echo o{}; echo e{} >&2' ::: a b
	holds $'ea\neb' "$BATS_TEST_TMPDIR/messages"
	prints $'a\nb' -k echo ::: a b
	[ ! -s "$BATS_TEST_TMPDIR/messages" ]
}

@test "run: -k keeps the order of many" {
	seq 300 > numbers
	run_jobs -k -j8 'echo {}' < numbers | cmp - numbers
	run_jobs -k -j8 --tag 'echo {}' < numbers | cut -f 2 | cmp - numbers
	run_jobs -k -j8 --line-buffer 'echo {}' < numbers | cmp - numbers
	run_jobs -j8 'echo {}' < numbers | sort -n | cmp - numbers
}

@test "run: much output arrives whole" {
	run_jobs -k -j2 'seq {}00000' ::: 1 2 3 | cmp - <(seq 100000; seq 200000; seq 300000)
	run_jobs -j2 --line-buffer 'seq {}' ::: 40000 40000 | sort -n | cmp - <(seq 40000 | sed p)
	run_jobs -k -j2 'head -c 300000 /dev/zero; : {}' ::: 1 2 | cmp - <(head -c 600000 /dev/zero)
}

@test "run: --tag sets the job's values and a tab before each line" {
	prints $'a\ta\nb\tb' -k --tag echo ::: a b
	prints $'a\tx\na\ty' --tag 'printf "x\ny\n"; : {}' ::: a
	prints $'a 1\tx a 1\na 2\tx a 2' -k --tag echo x ::: a ::: 1 2
	prints $'a b\tx\nc\td\tx\ne\'f\tx' -k --tag 'echo x; : {}' ::: 'a b' $'c\td' "e'f"
	prints $'a b\ta b\nc\tc' -k --tag -N2 echo ::: a b c
	prints $'a b\ta' --tag --colsep , echo {1} ::: a,b
	prints $'a\t\na\t' --tag 'echo; echo; : {}' ::: a
	prints '' -k --tag true ::: a b
	gives 0 $'a\tx\na\tyb\tx\nb\ty' -k --tag 'printf "x\ny"; : {}' ::: a b
	prints '' --tag 'echo e >&2; : {}' ::: a
	grep -q "^a"$'\t'"e$" "$BATS_TEST_TMPDIR/messages"
	prints $'a b\techo \'a b\'' --dry-run --tag echo ::: 'a b'
}

@test "run: --tagstring is a template" {
	prints $'Ta.x-1\ta.x\nTb-2\tb' -k --tagstring 'T{}-{#}' echo ::: a.x b
	prints $'1:a\ta.x 1' --tagstring '{2}:{1.}' echo ::: a.x ::: 1
	prints $'a b\td/a b' --tagstring '{/}' echo ::: 'd/a b'
	prints $'a 1\ta 1\nb 1\tb 1' -k --tagstring '{1} {2}' echo ::: a b ::: 1
	prints $'a\tb 1 1\tx' --tagstring 'a\tb {#} {%}' -j1 echo ::: x
	prints $'\tx' --tagstring '{3}' echo ::: x
}

@test "run: --line-buffer gives lines as they come, and never mixes two" {
	prints $'1\n3\n1\n3' -j2 --line-buffer 'sleep 0.{}; echo {}; sleep 0.6; echo {}' ::: 1 3
	prints $'3\n1' -j2 -k --lb 'sleep 0.{}; echo {}' ::: 3 1
	prints $'a\tx\na\ty' --lb --tag 'printf x; sleep 0.1; printf "\ny\n"; : {}' ::: a
	prints $'ax\nby' -j2 --lb 'if [ {} = a ]; then printf a; sleep 0.4; echo x; else sleep 0.7; printf b; echo y; fi' ::: a b
	gives 0 $'x\nyx\ny' -j1 --lb 'printf "x\ny"; : {}' ::: a b
	run_jobs -j1 --line-buffer 'echo e{} >&2; sleep 0.2; echo o{}' ::: a b > both 2>&1
	holds $'ea\noa\neb\nob' both
}

@test "run: -u lets output through as it comes" {
	prints $'a\nb' -j1 -u echo ::: a b
	gives 0 $'x\nyx\ny' -j1 --ungroup 'printf "x\ny"; : {}' ::: a b
	prints $'1\n2\n1' -j2 -u 'sleep 0.$(({} * 2)); echo {}; [ {} = 2 ] || { sleep 0.6; echo {}; }' ::: 1 2
}

@test "run: --dry-run runs nothing" {
	prints $'touch a\ntouch b' -k --dry-run touch ::: a b
	[ ! -e a ]
	prints 'pwd a' --dry-run --wd / pwd ::: a
	prints 'echo a' --dry-run --nice 3 echo ::: a
	prints 'echo a' --dry-run -v echo ::: a
	[ ! -s "$BATS_TEST_TMPDIR/messages" ]
	prints 'echo a' --dry-run --joblog log echo ::: a
	[ ! -s log ]
}

@test "run: -v prints commands before their output, -t to standard error" {
	prints $'echo a\na\necho \'b c\'\nb c' -k -v echo ::: a 'b c'
	prints $'a\techo a\na\ta' -v --tag echo ::: a
	prints $'echo a\na' -v --lb echo ::: a
	prints $'a\nb c' -k -t echo ::: a 'b c'
	[ "$(sort "$BATS_TEST_TMPDIR/messages")" = $'echo \'b c\'\necho a' ]
	prints a --verbose echo ::: a
	says '^echo a$'
}

@test "run: --version says which parallel it behaves like" {
	run_jobs --version > version
	[[ "$(head -n 1 version)" == *[0-9]* ]]
	run_jobs --help > help
	[ -s help ]
}

@test "run: --bar, --eta and --progress leave standard output alone" {
	for option in --bar --eta --progress; do
		prints $'a\nb' -k "$option" echo ::: a b
	done
}

@test "run: a full standard output is a failure with one message" {
	differs_from_gnu
	for option in -k --line-buffer --dry-run -v; do
		status=0
		run_jobs "$option" echo ::: a b c > /dev/full 2> messages || status=$?
		[ "$status" -ne 0 ]
		[ "$status" -ne 124 ]
		[ "$(wc -l < messages)" -eq 1 ]
	done
}

@test "run: a closed reader is a failure, and the rest is not run" {
	{
		ended=0
		run_jobs -j1 'echo {}; sleep 0.05' ::: {1..200} 2> messages || ended=$?
		echo "$ended" > status
	} | head -n 1 > first
	[ "$(cat first)" = 1 ]
	[ "$(cat status)" -ne 0 ]
	[ "$(cat status)" -ne 124 ]
	[ "$(wc -l < messages)" -le 1 ]
}

@test "run: a process that a job leaves behind holds up nothing" {
	began=$SECONDS
	prints x 'sleep 20 & echo x; : {}' ::: 1
	prints $'1\n2' -k -j1 'sleep 20 & echo {}' ::: 1 2
	prints x --line-buffer 'sleep 20 & echo x; : {}' ::: 1
	[ $((SECONDS - began)) -lt 15 ]
}
