#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What stands in single quotes is for the shell of a job, and braces are for the command.
# A pipe that compares with the input file does not write it.
# shellcheck disable=SC1003,SC1083,SC2016,SC2094

bats_require_minimum_version 1.5.0
load run

@test "run: -N and -n take several values for each job" {
	prints $'echo a b\necho c d\necho e' -k --dry-run -N2 echo ::: a b c d e
	prints $'echo a b\necho c d\necho e' -k --dry-run -n2 echo ::: a b c d e
	prints $'echo a b\necho c' -k --dry-run --max-args=2 echo ::: a b c
	prints $'echo a b\necho c' -k --dry-run --max-replace-args=2 echo ::: a b c
	prints $'echo a.x b/c | a.x | b/c | a | c | b/c | 1\necho c d | c | d | c | d | d | 2\necho e | e |  | e |  | e | 3' \
		-k --dry-run -N2 'echo {} | {1} | {2} | {1.} | {2/} | {-1} | {#}' ::: a.x b/c c d e
	prints $'echo b \necho  ' -k --dry-run -N3 'echo {2} {4}' ::: a b c d
	prints $'echo a b/c a.x c\necho c c' -k --dry-run -n2 'echo {.} {/}' ::: a.x b/c c
	printf '1\n2\n3\n' | prints $'1 2\t21\n3\t3' -k -N2 --tag 'echo {2}{1}'
}

@test "run: -N0 runs a job for each value and passes none" {
	prints $'x\nx\nx' -k -N0 echo x ::: a b c
	prints $'echo x \necho x ' -k --dry-run -N0 'echo x {}' ::: a b
	prints $'1\n2' -k -n0 'echo {#}' ::: a b
}

@test "run: -n copies a word round its values, -N with more sources takes whole combinations" {
	prints $'echo x\'a b\'y xcy\necho xdy' -k --dry-run -N2 'echo x{}y' ::: 'a b' c d
	prints $'echo pre-a b-post a b\necho pre-c-post c ' -k --dry-run -n2 'echo pre-{}-post {1} {2}' ::: a b c
	prints $'echo a 1 a 2\necho b 1 b 2' -k --dry-run -N2 echo ::: a b ::: 1 2
	prints $'echo a 1 b 2\necho c 3  ' -k --dry-run -N2 'echo {1} {2} {3} {4}' ::: a b c :::+ 1 2 3
	prints $'echo a:1:b:2\necho c:3::' -k --dry-run -N2 --colsep , 'echo {1}:{2}:{3}:{4}' ::: a,1 b,2 c,3
}

@test "run: -X repeats the word round each value, -m only the values" {
	prints 'echo pre-a.post pre-b.post xa xb' --dry-run -j1 -X 'echo pre-{}.post x{}' ::: a b
	prints 'echo pre-a b.post xa b' --dry-run -j1 -m 'echo pre-{}.post x{}' ::: a b
	prints "echo 'a b' 'c'\"'\"'d' ''" --dry-run -j1 -X echo ::: 'a b' "c'd" ''
	prints 'echo d/a b c a.x b c 1 d/a.x b' --dry-run -j1 -X 'echo {.} {/} {#} {1} {2}' ::: d/a.x b c
	prints 'echo 11x 21x 1 2 1' --dry-run -j1 -X 'echo {}{#}x {} {%}' ::: 1 2
	prints 'echo 1,1;1|1 2,2;2|2' --dry-run -j1 -X 'echo {},{};{}|{}' ::: 1 2
	prints 'echo 1 a 1 b 2 a 2 b' --dry-run -j1 -X echo ::: 1 2 ::: a b
	prints $'echo a1 a2\necho a3' -k --dry-run -j1 -X -n2 'echo a{}' ::: 1 2 3
	prints $'echo a1 2b\necho a3b' -k --dry-run -j1 -m -n2 'echo a{}b' ::: 1 2 3
	printf 'a 1\nb 2\n' | prints 'a 1 b 2' -j1 -X --colsep ' ' echo
	printf 'a b\nc\n' | prints "echo 'a b' c" --dry-run -j1 -X echo
}

@test "run: at the end of the input -X and -m give each slot an equal part" {
	prints $'1 2 3\n4 5' -k -j2 -X echo ::: {1..5}
	prints $'1 2 3\n4 5' -k -j2 -m echo ::: {1..5}
	prints 1 -k -j2 -X echo ::: 1
	prints $'1\n2' -k -j2 -X echo ::: 1 2
	prints $'1\n2\n3' -k -j4 -X echo ::: {1..3}
	prints $'1 2\n3 4\n5' -k -j4 -X echo ::: {1..5}
	prints $'1 2\n3 4\n5 6' -k -j4 -X echo ::: {1..6}
	prints $'1 2 3\n4 5 6\n7 8 9' -k -j4 -X echo ::: {1..9}
	prints $'1 2 3\n4 5 6\n7 8 9\n10' -k -j4 -X echo ::: {1..10}
	prints $'1 2 3 4\n5 6 7 8\n9 10' -k -j3 -m echo ::: {1..10}
	prints $'1 2 3 4 5' -k -j1 -X echo ::: {1..5}
	seq 12 | prints $'a1 a2 a3\na4 a5 a6\na7 a8 a9\na10 a11 a12' -k -j4 -X 'echo a{}'
}

@test "run: --xargs fills each command and leaves the rest of the slots" {
	prints 'a1 2 3 4' -k -j2 --xargs 'echo a{}' ::: 1 2 3 4
	seq 12 | prints '1 2 3 4 5 6 7 8 9 10 11 12' -k -j3 --xargs echo
}

@test "run: -s bounds a command's length" {
	prints $'echo 1 2 3 4 5 6 7\necho 8 9 10 11 12' -k --dry-run -j1 -X -s 20 echo ::: {1..12}
	prints $'echo 1 2 3\necho 4 5 6\necho 7 8 9\necho 10 11\necho 12' -k --dry-run -j1 -X -s 12 echo ::: {1..12}
	prints $'echo 1 2 3 1 2 3\necho 4 5 6 4 5 6\necho 7 8 9 7 8 9\necho 10 11 10 11\necho 12 12' \
		-k --dry-run -j1 -m -s 20 'echo {} {}' ::: {1..12}
	ends 255 '' -j1 -X -s 5 echo ::: 1
	says 'too long'
	ends 255 '' -s 8 --dry-run echo ::: aaa aaaaaaaaaaaa
	says 'too long'
}

@test "run: many values arrive once each and in order" {
	seq 30000 > numbers
	run_jobs -j1 -X echo < numbers | tr ' ' '\n' | cmp - numbers
	run_jobs -k -j2 -X echo < numbers | tr ' ' '\n' | cmp - numbers
	run_jobs -k -j2 -m 'echo {}' < numbers | tr ' ' '\n' | cmp - numbers
	run_jobs -k -j2 -N 1000 echo < numbers | tr ' ' '\n' | cmp - numbers
	# None is longer than a command may be.
	run_jobs -k -j1 -X 'echo {} | wc -c' < numbers | awk '$1 > 131072 { exit 1 } END { exit NR < 2 }'
}

@test "run: -L takes lines, and a blank at the end of one joins the next" {
	printf 'a\nb c\nd \ne\nf\n' | prints $'echo a \'b c\'\necho \'d e\' f' -k --dry-run -L2 echo
	printf 'a\nb c\nd\n' | prints $'echo a - \'b c\' xa x\'b c\'\necho d -  xd' -k --dry-run -L2 'echo {1} - {2} x{}'
	printf 'a\nb\nc\n' | prints $'echo a b\necho c' -k --dry-run --max-lines=2 echo
}
