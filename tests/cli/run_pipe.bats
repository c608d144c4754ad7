#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What stands in single quotes is for the shell of a job, and braces are for the command.
# A pipe that compares with the input file does not write it.
# shellcheck disable=SC1003,SC1083,SC2016,SC2094

bats_require_minimum_version 1.5.0
load run

@test "run: --pipe gives each job as many whole lines as fit in a block" {
	seq 100000 > numbers
	prints $'  18517   99996\n  16666   99996\n  16666   99996\n  16666   99996\n  16666   99996\n  14819   88915' \
		--pipe -k --block 100k wc -lc < numbers
	prints $'102396\n102396\n102396\n102396\n102396\n76915' --pipe -k --block 100K wc -c < numbers
	prints $'104856\n104856\n104856\n104856\n104856\n64615' --pipe -k --block 0.1M wc -c < numbers
	prints 588895 --pipe -k wc -c < numbers
	seq 300000 | prints $'1048571\n940324' --pipe -k wc -c
	run_jobs --pipe -k --block 10k cat < numbers | cmp - numbers
	printf 'a\nb\nc\nd\ne\nf\n' | prints $'[a\nb]\n[c\nd]\n[e\nf]' --pipe -k --block 5 'echo "[$(cat)]"'
	seq 10 | prints $'1 2 3\n4 5 6\n7 8 9\n10' --pipe -k --block 6 'echo $(cat)'
}

@test "run: --pipe grows its block for a long record" {
	printf 'aaaaaaaaaaaaaaaaaaaa\nb\n' | prints $'aaaaaaaaaaaaaaaaaaaa\nb' --pipe -k --block 3 cat
	head -c 300000 /dev/zero | tr '\0' x > long
	echo >> long
	run_jobs --pipe -k --block 1k cat < long 2> /dev/null | cmp - long
}

@test "run: --pipe takes what there is, with and without a newline at the end, and no job for nothing" {
	gives 0 $'a\nb' --pipe -k cat < <(printf 'a\nb')
	gives 0 '' --pipe 'echo x; cat'
	gives 0 '' --pipe -r 'echo x; cat'
	printf '1\n\xff\0\n' > bytes
	run_jobs --pipe -k -N1 cat < bytes | cmp - bytes
}

@test "run: --pipe -N gives each job so many records" {
	seq 10 | prints $'b1\n1\n2\n3\nb2\n4\n5\n6\nb3\n7\n8\n9\nb4\n10' --pipe -k -N3 'echo b{#}; cat'
	seq 5 | prints $'2\n2\n1' --pipe -k -N2 wc -l
	seq 5 | prints $'2\n2\n1' --pipe -k -n2 wc -l
	seq 20 | prints $'10\n10' --spreadstdin -k -N10 wc -l
	seq 6 | prints $'[1\n2]\n[3\n4]\n[5\n6]' --pipe -k -L2 -N1 'echo "[$(cat)]"'
	seq 4 | prints $'1\n1\n2\n2\n3\n4' --pipe -k -N2 'echo $PARALLEL_SEQ; cat'
}

@test "run: --recend says how a record ends" {
	printf 'a;b;c;d' | prints $'[a;]\n[b;]\n[c;]\n[d]' --pipe -k --recend ';' -N1 'echo "[$(cat)]"'
	printf 'a;b;c;d' | prints $'[a;b;c;]\n[d]' --pipe -k --recend ';' -N3 'echo "[$(cat)]"'
	printf 'a;b;c;d' | prints $'[a;]\n[b;]\n[c;]\n[d]' --pipe -k --recend ';' --block 2 'echo "[$(cat)]"'
	printf 'a;b;c;d' | prints $'[a]\n[b]\n[c]\n[d]' --pipe -k --recend ';' --rrs -N1 'echo "[$(cat)]"'
	printf 'a\n---\nb\nc\n---\n' | prints $'a\n---\n==\nb\nc\n---\n==' --pipe -k --recend '---\n' -N1 'cat; echo =='
	printf 'ab12cd34ef' | prints $'[ab12]\n[cd34]\n[ef]' --pipe -k --regexp --recend '[0-9]+' -N1 'echo "[$(cat)]"'
	printf 'abcdef' | prints $'[ab]\n[cd]\n[ef]' --pipe -k --recend '' --block 2 'echo "[$(cat)]"'
}

@test "run: --recstart says how a record starts" {
	printf '>a\n1\n>b\n2\n3\n>c\n' > records
	prints $'[\n>a\n1\n]\n[\n>b\n2\n3\n]\n[\n>c\n]' --pipe -k --recstart '>' -N1 'echo [; cat; echo ]' < records
	prints $'[\n>a\n1\n>b\n2\n3\n]\n[\n>c\n]' --pipe -k --recstart '>' -N2 'echo [; cat; echo ]' < records
	prints $'[\n>a\n1\n]\n[\n>b\n2\n3\n]\n[\n>c\n]' --pipe -k --recstart '>' --block 9 'echo [; cat; echo ]' < records
	# With both it takes an end and a start beside each other.
	printf '%s\n' 'ab>c' '>d' '>e' | prints $'ab>c\n-\n>d\n-\n>e\n-' --pipe -k --recend '\n' --recstart '>' -N1 'cat; echo -'
	printf 'xax1\nxbx2\n' | prints $'[xax1]\n[xbx2]' --pipe -k --recstart x --recend '\n' -N1 'echo "[$(cat)]"'
}

@test "run: --pipe --header gives the header to each job" {
	printf 'h\n1\n2\n3\n' | prints $'h\n1\n2\n-\nh\n3\n-' --pipe -k --header : -N2 'cat; echo -'
	printf 'h1\nh2\n1\n2\n' | prints $'h1\nh2\n1\n-\nh1\nh2\n2\n-' --pipe -k --header 2 -N1 'cat; echo -'
}

@test "run: --pipe with -v, --tagstring and --dry-run" {
	seq 4 | prints $'cat\n1\n2\ncat\n3\n4' --pipe -k -N2 -v cat
	seq 4 | prints $'1\t1\n1\t2\n2\t3\n2\t4' --pipe -k -N2 --tagstring '{#}' cat
	seq 4 | prints $'cat\ncat' --pipe -k -N2 --dry-run cat
}

@test "run: --pipe counts failed jobs, and a job that does not read is no failure of the tool" {
	printf 'A\nB\nC\n' | ends 3 $'A\nB\nC' --pipe -k -N1 'cat; exit {#}'
	seq 4 | ends 2 $'1\n2\n3\n4' --pipe -k -N2 --retries 2 'cat; false'
	seq 100000 | ends 6 '' --pipe --block 100k 'cat >/dev/null; exit 3'
}

@test "run: a job that does not read all of its block ends as it wants to" {
	differs_from_gnu
	seq 100000 | prints $'1\n18518\n35184\n51850\n68516\n85182' --pipe -k --block 100k 'head -n 1'
	seq 100000 | prints '' --pipe -k --block 100k true
}

@test "run: --round-robin gives all blocks to as many jobs as there are slots" {
	seq 1000 | run_jobs --pipe --round-robin -j2 --block 200 'cat; echo end' > out
	[ "$(grep -c end out)" -le 2 ]
	grep -v end out | sort -n | diff - <(seq 1000)
}

@test "run: --pipepart parts a file" {
	seq 1000 > numbers
	run_jobs --pipepart -a numbers --block 500 -k cat | cmp - numbers
	run_jobs --pipepart -a numbers --block 500 -k 'wc -c' | awk '{ sum += $1; if ($1 > 600) exit 1 } END { exit NR < 6 }'
}

@test "run: --pipe reads one file, and takes no values" {
	differs_from_gnu
	seq 3 > a
	prints $'1\n2\n3' --pipe cat :::: a
	gives 255 '' --pipe cat :::: a a
	says 'one file'
	gives 255 '' --pipe cat ::: a
	says 'no values'
}

@test "run: in a regular expression a dot is no newline" {
	printf '#h\n#k\n1\n2\n' | prints $'#h\n#k\n1\n2' --pipe --header '(#.*\n)*' cat
	printf 'aENDx\nbENDy\nc\nd\n' | prints $'a-\nb-\nc\nd\n-' -k --pipe --rrs -N1 --regexp --recend 'END.*\n' 'cat; echo -'
}

@test "run: --recend may be a NUL" {
	seq 5 | tr '\n' '\0' > nuls
	prints $'1^@2^@-\n3^@4^@-\n5^@-' -k --pipe --recend '\0' -N2 'cat -A; echo -' < nuls
	[ -n "${RUN_AS-}" ] || prints $'1^@2^@-\n3^@4^@-\n5^@-' -k --pipe --recend '\x00' -N2 'cat -A; echo -' < nuls
	prints $'12-\n34-\n5-' -k --pipe --rrs --recend '\0' -N2 'cat -A; echo -' < nuls
}
