#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What stands in single quotes is for the shell of a job, and braces are for the command.
# A pipe that compares with the input file does not write it.
# shellcheck disable=SC1003,SC1083,SC2016,SC2094

bats_require_minimum_version 1.5.0
load run

@test "run: --results keeps, and does not print, what each job writes in a directory of its own" {
	prints '' -k --results r 'echo o{}; echo e{} >&2' ::: a b
	[ ! -s "$BATS_TEST_TMPDIR/messages" ]
	holds $'1/a/seq\n1/a/stderr\n1/a/stdout\n1/b/seq\n1/b/stderr\n1/b/stdout' <(files r)
	holds oa r/1/a/stdout
	holds ea r/1/a/stderr
	[ "$(cat r/1/a/seq r/1/b/seq)" = 12 ]
	prints '' -k --results s echo ::: a ::: 1 2
	holds $'1/a/2/1/seq\n1/a/2/1/stderr\n1/a/2/1/stdout\n1/a/2/2/seq\n1/a/2/2/stderr\n1/a/2/2/stdout' <(files s)
	prints '' -k --results t -N2 echo ::: x y z
	holds $'1/x/1/y/seq\n1/x/1/y/stderr\n1/x/1/y/stdout\n1/z/seq\n1/z/stderr\n1/z/stdout' <(files t)
	prints '' --results u --colsep , echo ::: x,y
	holds $'1/x/2/y/seq\n1/x/2/y/stderr\n1/x/2/y/stdout' <(files u)
}

@test "run: --results names directories by --header, in the order of the names" {
	prints '' --results r --header : echo ::: h a ::: g 1
	holds $'g/1/h/a/seq\ng/1/h/a/stderr\ng/1/h/a/stdout' <(files r)
}

@test "run: --results writes a slash, a tab and a backslash in values otherwise" {
	prints '' -k --results r 'echo {#}; : {}' ::: a/b 'x y' $'t\tu' '\' '%'
	holds $'%/stdout\n\\\\/stdout\na\\_b/stdout\nt\\tu/stdout\nx y/stdout' <(files r/1 | grep stdout)
	[ "$(cat r/1/a\\_b/stdout)" = 1 ]
}

@test "run: --results survives a value that is too long for a file's name" {
	long=$(printf 'y%.0s' {1..300})
	prints '' --results r 'echo x; : {}' ::: "$long"
	[ "$(find r -name stdout | wc -l)" -eq 1 ]
	holds x "$(find r -name stdout)"
}

@test "run: --results with replacement strings names the file" {
	prints '' -k --results 'r/{1}-{#}' echo ::: a b
	holds $'a-1\na-1.err\na-1.seq\nb-2\nb-2.err\nb-2.seq' <(files r)
	holds a r/a-1
	prints '' -k --results 's/{1}/{2}.txt' echo ::: a b ::: 1
	holds $'a/1.txt\na/1.txt.err\na/1.txt.seq\nb/1.txt\nb/1.txt.err\nb/1.txt.seq' <(files s)
	prints '' --results 't/{}/' echo ::: a
	holds $'a/seq\na/stderr\na/stdout' <(files t)
}

@test "run: --results keeps output without tags, and of the last try" {
	prints '' --results r --tag echo ::: x
	holds x r/1/x/stdout
	ends 1 '' -j1 --retries 2 --results s 'echo {}; exit {}' ::: 1
	holds 1 s/1/1/stdout
}

@test "run: --results with --joblog keeps both, and --resume skips what has results" {
	prints '' --results r --joblog log echo ::: x
	holds $'1\t0\techo x' <(tail -n +2 log | cut -f 1,7,9)
	prints '' -k --results r --resume echo ::: x y
	holds $'1/x/stdout\n1/y/stdout' <(files r | grep stdout)
}

@test "run: --results FILE.csv is a table with the output in it" {
	ends 2 '' -k --results r.csv 'echo o{}; echo e{} >&2; exit {#}' ::: a 'b"c,d'
	sed -E 's/[0-9]{6,}\.[0-9]+,[0-9.]+/T,R/' r.csv > fixed
	holds 'Seq,Host,Starttime,JobRuntime,Send,Receive,Exitval,Signal,Command,V1,Stdout,Stderr
1,:,T,R,0,3,1,0,"echo oa; echo ea >&2; exit 1",a,"oa
","ea
"
2,:,T,R,0,7,2,0,"echo o'"'"'b""c,d'"'"'; echo e'"'"'b""c,d'"'"' >&2; exit 2","b""c,d","ob""c,d
","eb""c,d
"' fixed
	prints '' -k --results h.csv --header : 'printf x; : ' ::: h a ::: g 1
	sed -E 's/[0-9]{6,}\.[0-9]+,[0-9.]+/T,R/' h.csv > fixed
	holds 'Seq,Host,Starttime,JobRuntime,Send,Receive,Exitval,Signal,Command,h,g,Stdout,Stderr
1,:,T,R,0,1,0,0,"printf x; :  a 1",a,1,x,' fixed
}

@test "run: --results FILE.tsv has tabs" {
	prints '' -k --results r.tsv 'printf %s {1}; : {2}' ::: a ::: b $'x\ty'
	sed -E 's/[0-9]{6,}\.[0-9]+\t[0-9.]+/T\tR/' r.tsv > fixed
	holds $'Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\tV1\tV2\tStdout\tStderr
1\t:\tT\tR\t0\t1\t0\t0\t"printf %s a; : b"\ta\tb\ta\t
2\t:\tT\tR\t0\t1\t0\t0\t"printf %s a; : \'x\ty\'"\ta\t"x\ty"\ta\t' fixed
}

@test "run: --results FILE.json has an object on each line" {
	prints '' -k --results r.json 'echo o{}; echo e{} >&2; printf "\t\\"; exit 0' ::: a 'b"c,d'
	sed -E 's/[0-9]{6,}\.[0-9]+/T/; s/"JobRuntime": [0-9.]+/"JobRuntime": R/' r.json > fixed
	holds '{ "Seq": 1, "Host": ":", "Starttime": T, "JobRuntime": R, "Send": 0, "Receive": 5, "Exitval": 0, "Signal": 0, "Command": "echo oa; echo ea >&2; printf \"\\t\\\\\"; exit 0", "V": [ "a" ], "Stdout": "oa\u000a\u0009\\", "Stderr": "ea\u000a" }
{ "Seq": 2, "Host": ":", "Starttime": T, "JobRuntime": R, "Send": 0, "Receive": 9, "Exitval": 0, "Signal": 0, "Command": "echo o'"'"'b\"c,d'"'"'; echo e'"'"'b\"c,d'"'"' >&2; printf \"\\t\\\\\"; exit 0", "V": [ "b\"c,d" ], "Stdout": "ob\"c,d\u000a\u0009\\", "Stderr": "eb\"c,d\u000a" }' fixed
	python3 -c 'import json; print([json.loads(line)["Stdout"] for line in open("r.json")])' > parsed
	holds "['oa\\n\\t\\\\', 'ob\"c,d\\n\\t\\\\']" parsed
}

@test "run: --results that cannot be written is a failure" {
	status=0
	run_jobs --results /dev/null/r echo ::: a > output 2> messages || status=$?
	[ "$status" -ne 0 ]
	[ "$status" -ne 124 ]
	grep -q /dev/null messages
}

@test "run: a job whose output --results could not keep is in no log, and is run again" {
	differs_from_gnu
	local log
	for log in --journal --joblog ''; do
		rm -rf out log
		status=0
		# Of the three jobs the first writes more than a file may have.
		(ulimit -f 16; run_jobs -j1 ${log:+"$log" log} --results out 'head -c 50000 /dev/zero; : {}' ::: 1 2 3) \
			> output 2> messages || status=$?
		[ "$status" -eq 255 ]
		grep -q 'out/1/1/stdout cannot be written: File too large; no more jobs' messages
		[ ! -e out/1/2 ]
		[ -z "$log" ] || [ "$(grep -c zero log)" -eq 0 ]
		gives 0 '' -j1 ${log:+"$log" log} --resume --results out 'head -c 50000 /dev/zero; : {}' ::: 1 2 3
		[ "$(cat out/1/*/stdout | wc -c)" -eq 150000 ]
		[ -z "$log" ] || [ "$(grep -c zero log)" -eq 3 ]
	done
}

@test "run: where --results cannot be written no job is started after the first" {
	differs_from_gnu
	: > file
	gives 255 '' -j2 --joblog log --results file/x 'echo {} >> ran' ::: 1 2 3 4 5
	says 'file/x cannot be written: Not a directory; no more jobs'
	[ "$(grep -c '^failed:' "$BATS_TEST_TMPDIR/messages")" -eq 1 ]
	[ ! -e ran ]
	[ "$(wc -l < log)" -eq 1 ]
}

@test "run: --results waits for descriptors as jobs do" {
	differs_from_gnu
	local most
	# Whichever of a job's descriptors there is none left for.
	for most in {21..28}; do
		rm -rf out
		seq 12 > numbers
		(ulimit -n "$most"; gives 0 '' -j10 -a numbers --results out 'sleep 0.02; echo {}')
		[ "$(cat out/1/*/stdout | wc -l)" -eq 12 ]
	done
}

@test "run: a file of --results that is there and empty is of no job that has been run" {
	differs_from_gnu
	mkdir -p out/1/a
	: > out/1/a/seq
	gives 0 '' --resume --results out echo ::: a
	holds a out/1/a/stdout
}

@test "run: --results does not know what failed, so --resume-failed needs a log" {
	differs_from_gnu
	gives 255 '' --results out --resume-failed false ::: 1
	says 'needs --joblog'
	[ ! -e out ]
}
