#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What stands in single quotes is for the shell of a job, and braces are for the command.
# A pipe that compares with the input file does not write it.
# shellcheck disable=SC1003,SC1083,SC2016,SC2094

bats_require_minimum_version 1.5.0
load run

# Values that something on the way could change.
setup_values() {
	values=(
		"it's" '"q"' '$(touch pwned)' '`touch pwned`' '; touch pwned' '| touch pwned' '&& touch pwned' '> pwned'
		'*' '?' '[a-z]' '~' '~root' '-n' '--help' '-' '=' '=ls' '#' '!' '!!' '\' '\\' '\n' 'a\' "'" "''" "'\\''" '"' '""'
		'$HOME' '${HOME}' '$$' '%s' '%' 'a  b' ' a' 'a ' $'a\tb' $'\t' '{}' '{1}' '{#}' '{= 1 =}' '(a)' '{a,b}' '<a' 'a&'
		$'\x01' $'\x7f' $'\x1b[31m' $'\r' 'é' $'e\u0301' '日本' $'\xff' $'a\xffb\xfe' $'\xc3' $'\xed\xa0\x80' ':::' '::::' '::::+'
		'a,b' 'a=b' '+' ',' '@' '^' '/' '//' '.' '..' '/etc/passwd'
	)
	printf '%s\n' "${values[@]}" > lines
	printf '%s\0' "${values[@]}" > zeros
}

unhurt() {
	[ ! -e pwned ]
}

# same FILE ARGUMENT...: the command prints exactly the file.
same() {
	run_jobs "${@:2}" > "$BATS_TEST_TMPDIR/output"
	diff -u <(cat -A "$1") <(cat -A "$BATS_TEST_TMPDIR/output") || {
		echo "command: run_jobs$(printf ' %q' "${@:2}")" >&2
		return 1
	}
	unhurt
}

@test "run: hostile values arrive as they are, from each input" {
	setup_values
	same lines -k -a lines "printf '%s\\n' {}"
	same lines -k "printf '%s\\n'" :::: lines
	same lines -k "printf '%s\\n'" < lines
	same zeros -k -0 "printf '%s\\0'" < zeros
	same zeros -k -0 -a zeros "printf '%s\\0' {}"
	same zeros -k -d '\0' "printf '%s\\0' {}" :::: zeros
	# A value that looks like a separator would be one on the command line.
	grep -avx ':::.*' lines > plain
	mapfile -t arguments < plain
	same plain -k "printf '%s\\n' {}" ::: "${arguments[@]}"
	same plain -k "printf '%s\\n' {2}" ::: x ::: "${arguments[@]}"
	grep -avx '::::.*' lines > plain
	mapfile -t arguments < plain
	same plain -k --arg-sep ,,, "printf '%s\\n' {}" ,,, "${arguments[@]}"
}

@test "run: hostile values arrive as they are, many at once" {
	setup_values
	same lines -k -j1 -X "printf '%s\\n'" < lines
	same lines -k -j1 -m "printf '%s\\n' {}" < lines
	same lines -k -j3 -X "printf '%s\\n' {}" < lines
	same lines -k --xargs "printf '%s\\n'" < lines
	same lines -k -N3 "printf '%s\\n'" < lines
	same zeros -k -j1 -0 -X "printf '%s\\0'" < zeros
	same lines -k -q printf '%s\n' {} < lines
	LC_ALL=C sed 's/.*/x&y/' lines > framed
	same framed -k -j1 -X "printf '%s\\n' x{}y" < lines
}

@test "run: hostile values arrive as they are, in columns" {
	setup_values
	# Blanks at the ends of a column are cut off, and a carriage return is one.
	grep -av -e ' ' -e $'\t' -e $'\r' lines > one
	LC_ALL=C paste -d '\t' one one > two
	LC_ALL=C sed 's/\t/\n/' two > expected
	same expected -k --colsep '\t' "printf '%s\\n' {1} {2}" < two
	same expected -k --colsep '\t' "printf '%s\\n' {2} {1}" < two
	same expected -k --colsep '\t' "printf '%s\\n'" < two
	same one -k --header : --colsep '\t' "printf '%s\\n' {b}" < <(printf 'a\tb\n'; cat two)
	same one -k "printf '%s\\n' {2}" ::: x :::: one
	same one -k --link "printf '%s\\n' {1}" :::: one :::: one
}

@test "run: hostile values are the same in tags, in the job log's command and in --dry-run" {
	setup_values
	LC_ALL=C sed 's/$/\tx/' lines > tagged
	same tagged -k --tag 'echo x; : {}' < lines
	same tagged -k --tagstring '{}' 'echo x; : {}' < lines
	same lines -k --joblog log "printf '%s\\n' {}" < lines
	tail -n +2 log | cut -f 9- > commands
	bash commands | diff - lines
	run_jobs -k --dry-run "printf '%s\\n' {}" < lines | diff - commands
	same lines -k --resume --joblog other "printf '%s\\n' {}" < lines
	true > empty
	same empty -k --resume --joblog other "printf '%s\\n' {}" < lines
	unhurt
}

@test "run: names of files with newlines go through -0" {
	mkdir d
	touch d/$'a\nb' d/"it's" d/'$(touch pwned)' d/$'\xff' d/' ' d/$'x\n' d/-n d/'a.b c'
	find d -type f -print0 | sort -z > names
	same names -k -0 "printf '%s\\0' {}" < names
	same names -k -0 'test -f {} && printf "%s\0" {}' < names
	same names -k -0 -j1 -X "printf '%s\\0'" < names
	same names -k -0 "printf '%s\\0' {//}/{/}" < names
	run_jobs -0 'mv {} {.}.moved' < names
	[ -e d/a.moved ]
	[ -e d/$'a\nb.moved' ]
	[ "$(find d -name '*.moved' -print0 | tr -dc '\0' | wc -c)" -eq 8 ]
	unhurt
}

@test "run: hostile values within quotes arrive as they are" {
	differs_from_gnu
	setup_values
	same lines -k 'printf "%s\n" "{}"' < lines
	same lines -k "printf '%s\\n' '{}'" < lines
	same zeros -k -0 'printf "%s\0" "{}"' < zeros
	LC_ALL=C sed 's/.*/x&y/' lines > framed
	same framed -k 'printf "%s\n" "x{}y"' < lines
	same framed -k "printf '%s\\n' 'x{}y'" < lines
	same framed -k "printf '%s\\n' x'{}'\"y\"" < lines
}

@test "run: newlines in values of the command line arrive" {
	differs_from_gnu
	printf '%s\0' $'a\nb' $'\n' $'x\n' > names
	same names -k "printf '%s\\0' {}" ::: $'a\nb' $'\n' $'x\n'
	same names -k "printf '%s\\0' \"{}\"" ::: $'a\nb' $'\n' $'x\n'
	same names -k -X -j1 "printf '%s\\0'" ::: $'a\nb' $'\n' $'x\n'
}

@test "run: a value may be long, and one that no command can have is refused" {
	head -c 60000 /dev/zero | tr '\0' x > long
	prints 60000 'printf %s {} | wc -c' < long
	head -c 200000 /dev/zero | tr '\0' x > longer
	status=0
	run_jobs 'printf %s {} | wc -c' < longer > output 2> messages || status=$?
	[ "$status" -ne 0 ]
	[ "$status" -ne 124 ]
	[ ! -s output ]
	grep -q -e 'too long' -e 'allows' messages
}

@test "run: a value may be as long as the system allows" {
	differs_from_gnu
	head -c 130000 /dev/zero | tr '\0' x > long
	prints 130000 'printf %s {} | wc -c' < long
}

@test "run: a closed stdin is an input that cannot be read" {
	differs_from_gnu
	gives 255 '' echo <&-
	says 'the input - cannot be read: Bad file descriptor'
	gives 255 '' --pipe cat <&-
	says 'the input - cannot be read: Bad file descriptor'
	gives 0 $'a\n' echo ::: a <&-
}

@test "run: a directory for --wd ... that cannot be made is named" {
	differs_from_gnu
	TMPDIR=/proc gives 1 '' --wd ... pwd ::: a
	says 'the directory /proc/brood-.* cannot be made'
}

@test "run: where processes are few, jobs are left some for themselves" {
	differs_from_gnu
	[ "$(id -u)" -eq 0 ] || skip "only root may become another user, whose processes are few"
	type setpriv > /dev/null || skip "there is no setpriv"
	setpriv --reuid 61234 --clear-groups "$build/cmd/brood/brood" --version > /dev/null || skip "another user cannot run the command"
	seq 60 | setpriv --reuid 61234 --clear-groups bash -c 'ulimit -u 30; exec timeout 30 "$0" run -j50 "sleep 0.1; echo {}"' \
		"$build/cmd/brood/brood" > output 2> messages
	[ "$(sort -n output | uniq | wc -l)" -eq 60 ]
	grep -q 'no more processes to be had' messages
}
