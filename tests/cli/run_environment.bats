#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What stands in single quotes is for the shell of a job, and braces are for the command.
# A pipe that compares with the input file does not write it.
# shellcheck disable=SC1003,SC1083,SC2016,SC2094

bats_require_minimum_version 1.5.0
load run

@test "run: jobs know their number and their slot" {
	prints $'1 1\n2 1' -j1 'echo $PARALLEL_SEQ $PARALLEL_JOBSLOT; : {}' ::: a b
	prints $'1\n2\n3' -k -j2 'echo $PARALLEL_SEQ; : {}' ::: a b c
	prints yes 'kill -0 "$PARALLEL_PID" && echo yes; : {}' ::: a
}

@test "run: jobs have the variables and the exported functions around them" {
	f() { echo "f:$1"; }
	export -f f
	export X='a  b' Y=$'q\nr'
	prints $'f:a\nf:b c' -k f ::: a 'b c'
	prints $'a  b q\nr v' 'echo "$X $Y" {}' ::: v
	prints $'f:a  bq\nr' --env X --env Y --env f 'f "$X$Y"; : {}' ::: a
	prints f:a --env f,X f ::: a
	prints x --env NOPE 'echo x; : {}' ::: a
}

@test "run: the shell is PARALLEL_SHELL's" {
	PARALLEL_SHELL=/bin/sh prints '/bin/sh' 'echo $0; : {}' ::: a
	PARALLEL_SHELL=/bin/bash prints '3' 'a=(1 2 3); echo ${#a[@]}; : {}' ::: a
}

@test "run: PARALLEL and a profile add options" {
	PARALLEL='-k --tag' prints $'a\ta' echo ::: a
	echo '--tag' > "$PARALLEL_HOME/named"
	prints $'a\ta' -J named echo ::: a
	prints $'a\ta' --profile named echo ::: a
}

@test "run: --wd is the jobs' directory" {
	mkdir inner
	prints "$PWD/inner" --wd inner 'pwd; : {}' ::: a
	prints "$PWD/inner" --wd "$PWD/{}" pwd '#' ::: inner
	prints "$PWD" --wd . 'pwd; : {}' ::: a
	prints / --workdir / 'pwd; : {}' ::: a
	# One that is not there is made.
	prints "$PWD/new/deep" --wd new/deep 'pwd; : {}' ::: a
	[ -d new/deep ]
	status=0
	run_jobs --wd /proc/nowhere 'touch "$HOME/ran"; : {}' ::: a 2> messages || status=$?
	[ "$status" -ne 0 ]
	grep -q /proc/nowhere messages
	[ ! -e "$HOME/ran" ]
}

@test "run: --wd ... is a directory for each job, which does not stay" {
	prints $'1\n1' -k -j1 --wd ... 'pwd >> "$HOME/dirs"; touch x{}; ls | wc -l' ::: a b
	[ "$(sort -u "$HOME/dirs" | wc -l)" -eq 2 ]
}

@test "run: --nice makes jobs nicer" {
	nice=$(nice)
	prints "$((nice + 5))" --nice 5 'nice; : {}' ::: a
	prints "$((nice + 5))" --nice=5 'nice; : {}' ::: a
	prints "$nice" 'nice; : {}' ::: a
}

@test "run: jobs read nothing of the tool's standard input that is a source" {
	printf 'x\ny\nz\n' | prints $'x\ny\nz' -j1 'cat; echo {}'
	printf 'x\ny\nz\n' | prints $'x\ny\nz' -k -j2 'cat; echo {}'
}

@test "run: jobs read /dev/null" {
	differs_from_gnu
	printf 'x\ny\n' | prints $'a\nb' -j1 'cat; echo {}' ::: a b
	printf 'x\ny\n' | prints $'/dev/null\n/dev/null' -j1 'readlink /proc/self/fd/0; : {}'
	printf 'x\ny\n' | prints $'/dev/null' -u 'readlink /proc/self/fd/0; : {}' ::: a
}

@test "run: jobs have default signals and no descriptors that are not theirs" {
	differs_from_gnu
	prints $'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000' 'grep -E "Sig(Blk|Ign)" /proc/self/status; : {}' ::: a
	(
		trap '' INT PIPE TERM HUP
		prints $'SigIgn:\t0000000000000000' 'grep SigIgn /proc/self/status; : {}' ::: a
	)
	# Standard input, output, error, and the listed directory.
	prints '0 1 2 3' 'echo $(ls /proc/self/fd); : {}' ::: a
	prints $'1\n1' -j1 --joblog log 'ls -l /proc/self/fd | grep -c -e /log -e /dev/null; : {}' ::: a b
}
