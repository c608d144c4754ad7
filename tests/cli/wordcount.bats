#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load helper

# A small tree of everything that can go wrong; every figure expected of it was counted by hand.
setup() {
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree/doc/deep" "$tree/man/man1"
	cd "$tree" || return
	printf 'Hello, world!\nIt'\''s the "World" of na\303\257ve words \342\200\224 don\342\200\231t.\n' > doc/plain
	printf 'the the\nTHE\n' > doc/deep/the
	{
		printf '.TH TOOL 1\n.SH NAME\ntool \\- a \\fBbold\\fR\\|er thing\n.de XX\n.\\" a comment\n'
		printf '\\&don\\(aqt \\fIitalic\\fP \\s-1SMALL\\s0\n.nr x 5\n.B bold'
	} | gzip -n > man/man1/tool.1.gz
	{
		echo one two | gzip -n
		echo three | gzip -n
	} > doc/members.gz
	echo words enough to be cut | gzip -n | head -c 20 > doc/cut.gz
	echo no gzip > doc/named.gz
	: > doc/empty
	printf 'bin\0ary' > doc/binary
	echo crash me > doc/boom
	echo hostile > $'doc/new\nline \e[31m \xff \\'
	ln -s .. doc/loop
	ln -s plain doc/link
	mkfifo doc/queue
}

# What differs from run to run.
without_times() {
	grep -vE '^(CPU seconds of children|seconds|files per second) '
}

count() {
	"$examples/wordcount" "$@" | without_times
}

@test "the figures are exact" {
	count -j 2 . | compare wordcount.txt
}

@test "any number of children gives the same table" {
	for children in 1 3 8; do
		diff <(count -j "$children" . | grep -v ^children) <(count -j 2 . | grep -v ^children)
	done
}

@test "a child that dies once costs nothing" {
	count -j 2 --crash-once boom . > "$BATS_TEST_TMPDIR/output"
	grep '^children that died  *1$' "$BATS_TEST_TMPDIR/output"
	grep -v '^children that died' "$BATS_TEST_TMPDIR/output" | compare wordcount.txt
}

@test "a file that kills twice is recorded with the signal, and only it" {
	count -j 2 --crash-on boom . | compare wordcount-crash.txt
}

@test "a file that kills its child is found among hundreds" {
	mkdir many
	for ((i = 0; i < 500; i++)); do
		echo "word $i" > "many/$i"
	done
	count -j 3 --crash-on 250 many > "$BATS_TEST_TMPDIR/output"
	grep '^documents  *499$' "$BATS_TEST_TMPDIR/output"
	grep '^words  *998$' "$BATS_TEST_TMPDIR/output"
	grep '^  many/250: ended 2 children by SIGKILL$' "$BATS_TEST_TMPDIR/output"
}

@test "a file that takes too long is recorded with the limit" {
	"$examples/wordcount" -j 2 --delay 30 --timeout 0.1 doc/deep > "$BATS_TEST_TMPDIR/output"
	grep '^documents  *0$' "$BATS_TEST_TMPDIR/output"
	grep '^children that died  *2$' "$BATS_TEST_TMPDIR/output"
	grep '^  doc/deep/the: took more than 0.1 seconds$' "$BATS_TEST_TMPDIR/output"
}

@test "what cannot be read is recorded with its reason" {
	# Root reads everything, unless it gives up the right to.
	humble=
	if [ "$(id -u)" -eq 0 ]; then
		humble="setpriv --bounding-set=-dac_override,-dac_read_search"
		$humble true || skip "root can read everything here"
	fi
	chmod 0 doc/plain doc/deep
	run $humble "$examples/wordcount" .
	[ "$status" -eq 0 ]
	[[ "$output" = *"./doc/deep: Permission denied"* ]]
	[[ "$output" = *"./doc/plain: Permission denied"* ]]
	chmod 755 doc/deep
}

@test "a path that is a link is followed, and several paths are taken" {
	ln -s doc/deep link
	count link doc/members.gz | grep '^words  *6$'
}

@test "--top and --no-stop-words choose what is shown" {
	count --top 1 --no-stop-words doc/plain doc/deep | compare wordcount-top.txt
}

@test "an empty tree gives a table of zeros" {
	mkdir nothing
	count nothing | grep '^documents  *0$'
}

@test "help names the options, and the two for tests as such" {
	run "$examples/wordcount" --help
	[ "$status" -eq 0 ]
	[[ "$output" = *"For tests:"*"--crash-on NAME"* ]]
}

@test "wrong options and paths are refused" {
	run --separate-stderr -2 "$examples/wordcount" -j 0
	run --separate-stderr -2 "$examples/wordcount" -j two
	run --separate-stderr -2 "$examples/wordcount" --delay nan
	run --separate-stderr -2 "$examples/wordcount" --timeout -1
	run --separate-stderr -2 "$examples/wordcount" --wrong
	run --separate-stderr -1 "$examples/wordcount" missing
	[ "$stderr" = "wordcount: missing: No such file or directory" ]
	[ -z "$output" ]
}

@test "stderr that is no terminal stays empty" {
	run --separate-stderr -0 "$examples/wordcount" .
	[ -z "$stderr" ]
}

@test "a terminal has a progress line, which is gone at the end" {
	script -qec "'$examples/wordcount' --delay 0.1 -j 1 . > /dev/null" /dev/null > "$BATS_TEST_TMPDIR/typed"
	grep -a ' of 10 files ' "$BATS_TEST_TMPDIR/typed"
	[ "$(tail -c 4 "$BATS_TEST_TMPDIR/typed")" = $'\r\e[K' ]
}

# Starts a slow run; sets host to its pid and children to the pids below it: the pool's nursery and two workers.
start_slow() {
	"$examples/wordcount" --delay 0.5 -j 2 . > "$BATS_TEST_TMPDIR/output" 2>&1 3>&- &
	host=$!
	working() { [ "$(descendants "$host" | wc -l)" -ge 3 ]; }
	eventually working
	children=$(descendants "$host")
}

@test "a killed parent leaves no child" {
	start_slow
	kill -KILL "$host"
	# shellcheck disable=SC2086
	eventually all_gone $children
}

@test "an interrupt ends the children, and then the parent, by the signal" {
	start_slow
	kill -TERM "$host"
	result=0
	wait "$host" || result=$?
	[ "$result" -eq 143 ]
	# shellcheck disable=SC2086
	eventually all_gone $children
	[ ! -s "$BATS_TEST_TMPDIR/output" ]
}
