#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What stands in single quotes is for the shell of a job, and braces are for the command.
# shellcheck disable=SC1083,SC2016,SC2154

bats_require_minimum_version 1.5.0
load run

page=$project/man/brood-run.1.scd

# The blocks of the page's EXAMPLES, a NUL behind each.
examples() {
	sed -n '/^# EXAMPLES/,/^# D/p' "$page" | awk '/^```/ { if (inside) printf "%c", 0; inside = !inside; next } inside'
}

# example TEXT: runs the one example that has this text in it. Its output is in the file output.
example() {
	local -a found
	mapfile -d '' found < <(examples | grep -zF -e "$1")
	if [ "${#found[@]}" -ne 1 ]; then
		echo "${#found[@]} examples have: $1" >&2
		return 1
	fi
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	ln -sf "$build/cmd/brood/brood" "$BATS_TEST_TMPDIR/bin/brood"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH timeout 30 bash -c "${found[0]}" \
		> "$BATS_TEST_TMPDIR/output" 2> "$BATS_TEST_TMPDIR/messages" 3>&-
}

# shows LINE...: these are the lines of the output.
shows() {
	diff -u <(printf '%s\n' "$@") "$BATS_TEST_TMPDIR/output"
}

# A program of this name, with this text.
program() {
	printf '#!/bin/sh\n%s\n' "$2" > "$1"
	chmod +x "$1"
}

@test "manual: all examples are run here" {
	local -a found
	mapfile -d '' found < <(examples)
	[ "${#found[@]}" -ge 12 ]
	[ "$(grep -c '^	\(run -[0-9] \)\?example ' "$BATS_TEST_FILENAME")" -eq "${#found[@]}" ]
}

@test "manual: a job for each file" {
	echo one > 1.log
	echo two > '2 3.log'
	example 'gzip -9'
	[ "$(files .)" = $'1.log.gz\n2 3.log.gz' ]
	[ "$(gzip -dc '2 3.log.gz')" = two ]
}

@test "manual: files with any names" {
	seq 3 > $'a\nb.txt'
	example '-print0'
	shows './a' $'b.txt\t3'
}

@test "manual: combinations" {
	example '::: a b ::: 1 2'
	shows a-1 a-2 b-1 b-2
}

@test "manual: commands are shown" {
	example '--dry-run'
	shows 'convert a.png a.jpg' "convert 'b c.png' 'b c'.jpg"
}

@test "manual: columns by their names" {
	printf '%s\n' name,url a,http://a.example/ 'b "c", http://b.example/?q=$x' > sites.csv
	example '--colsep'
	shows 'a is at http://a.example/' 'b "c" is at http://b.example/?q=$x'
}

@test "manual: a share of the files for each slot" {
	mkdir old
	touch {1..9}.log
	example 'mv -t old'
	[ "$(files old | wc -l)" -eq 9 ]
}

@test "manual: lines are commands" {
	printf '%s\n' 'echo "a  b"' 'echo c | tr c d' > commands.txt
	example 'commands.txt'
	shows 'a  b' d
}

@test "manual: a function of the shell" {
	example 'export -f'
	shows 3 4
}

@test "manual: sorting by parts" {
	seq 300000 | tac > words.txt
	example 'sort -m'
	[ "$(files parts | grep -c stdout)" -eq 2 ]
	LC_ALL=C.UTF-8 sort words.txt | cmp - "$BATS_TEST_TMPDIR/output"
}

@test "manual: a time limit, attempts and a log" {
	program fetch 'echo "$1" >> tries; echo "got $1"; [ "$1" = one ] || [ "$(grep -c two tries)" -gt 2 ]'
	example '--timeout 10'
	[ "$(sort "$BATS_TEST_TMPDIR/output")" = $'got one\ngot two' ]
	[ "$(wc -l < tries)" -eq 4 ]
	[ "$(wc -l < jobs.tsv)" -eq 3 ]
}

@test "manual: what failed is run again" {
	touch a.c b.c c.c
	program check 'echo "$1" >> checked; [ "$1" != b.c ] || [ -e mended ]'
	example '--resume-failed'
	[ "$(sort checked)" = $'a.c\nb.c\nb.c\nc.c' ]
	[ "$(wc -l < jobs.log)" -eq 4 ]
}

@test "manual: the first failure stops the others" {
	touch a.c b.c
	program check 'case $1 in a.c) sleep 0.2; exit 3;; *) sleep 20; echo late >> late;; esac'
	run -3 example '--halt now,fail=1'
	[ ! -e late ]
}

@test "manual: a file for each combination" {
	example '--results '\''out/'
	[ "$(files out | grep -c 'txt$')" -eq 4 ]
	holds '10 cold' out/10-cold.txt
	holds '20 warm' out/20-warm.txt
}

@test "manual: the page has each option" {
	# Of each entry of the table the first name, or its letter where it has none.
	sed -n '/^static const struct option table/,/^};/p' "$project/cmd/brood/options.c" |
		sed -n 's/^\t{"\([^" ]*\)[^"]*", \("\(.\)[^"]*"\)\?.*/\1:\3/p' |
		while IFS=: read -r name letter; do
			case $name in
			'') ;;
			?) printf '%s\n' "-$name" ;;
			*) printf '%s\n' "--$name" ;;
			esac
			[ -z "$letter" ] || printf '%s\n' "-$letter"
		done > "$BATS_TEST_TMPDIR/options"
	[ "$(wc -l < "$BATS_TEST_TMPDIR/options")" -gt 100 ]
	while read -r option; do
		grep -qE -e "[*]${option}[*]" "$page" || echo "not on the page: $option" >&2
	done < "$BATS_TEST_TMPDIR/options" 2> "$BATS_TEST_TMPDIR/missing"
	cat "$BATS_TEST_TMPDIR/missing"
	[ ! -s "$BATS_TEST_TMPDIR/missing" ]
}

@test "manual: the options on the page are taken, or said not to be there" {
	sed '/^# DIFFERENCES/,$d' "$page" | grep -oE '[*]--[a-z0-9-]+[*]' | tr -d '*' | sort -u > "$BATS_TEST_TMPDIR/named"
	sed -n '/^static const struct option table/,/^};/p' "$project/cmd/brood/options.c" > "$BATS_TEST_TMPDIR/table"
	while read -r option; do
		grep -qE -e "^	\\{\"([^\"]* )?${option#--}[ \"]" "$BATS_TEST_TMPDIR/table"
	done < "$BATS_TEST_TMPDIR/named"
}

@test "manual: what GNU parallel has and the page says is not there is refused" {
	differs_from_gnu
	sed -n '/^# DIFFERENCES/,$p' "$page" | tr '\n' ' ' | sed 's/ - /\n/g' | grep -oE '[^.:;]*are not there' |
		grep -oE '[*]--?[a-z0-9-]+[*]' | tr -d '*' > "$BATS_TEST_TMPDIR/missing"
	[ "$(wc -l < "$BATS_TEST_TMPDIR/missing")" -gt 20 ]
	while read -r option; do
		gives 255 '' "$option" x ::: a
	done < "$BATS_TEST_TMPDIR/missing"
}

@test "manual: --help is a screen with all that is much used" {
	run_jobs --help > help
	[ "$(wc -l < help)" -le 24 ]
	[ "$(wc -L < help)" -le 80 ]
	for text in '{.}' '{/}' '{//}' '{/.}' '{#}' '{%}' ::: :::+ :::: -0 -d --colsep --header --link --shuf -N -X -m -q -I -j --delay \
		--timeout --retries --halt --load --memfree --nice --wd --env --dry-run --keep-order --line-buffer --ungroup --tag --results \
		--joblog --journal --sqlite --resume --resume-failed --retry-failed --pipe --block --recend --recstart --status --bar 255; do
		grep -qF -e "$text" help || { echo "--help does not mention $text" >&2; false; }
	done
}
