#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What stands in single quotes is for the shell of a job, and braces are for the command.
# shellcheck disable=SC1083,SC2016,SC2154

bats_require_minimum_version 1.5.0
load run

# columns FILE NAME...: members of each record, a line for each record; what python3 reads, so that it is JSON indeed.
columns() {
	python3 -c '
import base64, json, sys
for line in open(sys.argv[1], encoding="utf-8"):
    record = json.loads(line)
    def text(value):
        if isinstance(value, dict):
            value = base64.b64decode(value["$str"]).decode("utf-8", "backslashreplace")
        return "|".join(map(text, value)) if isinstance(value, list) else repr(value)
    print(*(text(record[name]) for name in sys.argv[2:]))
' "$@"
}

# query DATABASE SQL: a line for each row.
query() {
	python3 -c '
import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]):
    print(*map(repr, row))
' "$@"
}

@test "run: --journal has a record for each job, and what it tells is true" {
	differs_from_gnu
	ends 5 $'a\nb' -k --timeout 0.3 --journal log '{}' ::: 'echo a' 'echo b; exit 3' 'echo c >&2; kill -TERM $$' \
		'sleep 20' 'kill -9 $$' /nonexistent/program
	columns log seq exit signal outcome failure stdout_bytes stderr_bytes attempts | sort > told
	sed -i "s/timed out after [0-9.]* s/timed out after/; s/ [0-9]* 1\$/ N 1/" told
	holds "1 0 None 'success' None 2 N 1
2 3 None 'fail' 'exit code 3' 2 N 1
3 None 'SIGTERM' 'signal' 'killed by SIGTERM' 0 N 1
4 None 'SIGTERM' 'timeout' 'timed out after' 0 N 1
5 None 'SIGKILL' 'signal' 'killed by SIGKILL' 0 N 1
6 127 None 'fail' 'exit code 127' 0 N 1" told
	python3 - <<'END'
import json, os, time
for line in open("log"):
    record = json.loads(line)
    assert list(record) == """version seq slot command hash instance args host start seconds attempts exit signal core outcome
        failure user system peak stdout_bytes stderr_bytes stdout stderr""".split(), list(record)
    assert record["version"] == 1 and record["host"] == os.uname().nodename and 0 < record["slot"] < 1000
    assert time.time() - 60 < record["start"] < time.time() and 0 <= record["seconds"] < 20
    assert (record["seq"] == 4) == (record["seconds"] >= 0.3)
    assert 1 << 18 < record["peak"] < 1 << 30 and 0 <= record["user"] + record["system"] < 10
END
	ends 1 '' --retries 3 --journal again 'exit 2' ::: x
	holds "3 'fail'" <(columns again attempts outcome)
}

@test "run: --journal keeps bytes of any kind" {
	differs_from_gnu
	run_jobs --journal log "true {} ':' {2}" ::: $'\xff\xfe' $'a\nb' "it's" é '{"x": 1}' $'\x01\t"\\' ::: '' > output
	[ "$(wc -l < log)" -eq 6 ]
	holds "'\\\\xff\\\\xfe'|''
'\\x01\\t\"\\\\'|''
'a\\nb'|''
'it\\'s'|''
'{\"x\": 1}'|''
'é'|''" <(columns log args | sed "s/^\"it's\"/'it\\\\'s'/" | LC_ALL=C sort)
	prints '' --resume --journal log "true {} ':' {2}" ::: $'\xff\xfe' $'a\nb' "it's" é '{"x": 1}' $'\x01\t"\\' ::: ''
	prints '' --resume-failed --journal log "true {} ':' {2}" ::: $'\x01\t"\\' $'\xff\xfe' ::: ''
	[ "$(wc -l < log)" -eq 6 ]
}

@test "run: a journal says how often a command had come before, and is appended to" {
	differs_from_gnu
	prints $'a\nb\na\na' -k --journal log echo ::: a b a a
	holds "'echo a' 0
'echo a' 1
'echo a' 2
'echo b' 0" <(columns log command instance | sort)
	prints a --journal log echo ::: a
	holds "'echo a' 0" <(columns log command instance | tail -n 1)
	[ "$(wc -l < log)" -eq 5 ]
}

@test "run: --resume runs what the journal has not, in whatever order inputs come" {
	differs_from_gnu
	ends 1 $'0\n1' -k --resume --journal log 'echo {}; exit {}' ::: 0 1
	ends 1 $'2\n0' -k --resume --journal log 'echo {}; exit {}' ::: 2 1 0 0
	prints '' --resume --journal log 'echo {}; exit {}' ::: 0 2 0 1
	prints 0 --resume --journal log 'echo {}; exit {}' ::: 0 0 0
	# A command that has been changed is another one.
	prints 0 --resume --journal log 'echo {};  exit {}' ::: 0
	[ "$(wc -l < log)" -eq 6 ]
}

@test "run: --resume-failed runs also what failed, by the last record of each" {
	differs_from_gnu
	# try OPTION VALUE...
	try() {
		run_jobs -k -j1 --journal log "$1" 'echo {}; test -e ok-{}' ::: "${@:2}" 2> messages
	}
	touch ok-a
	run try --group a b b
	[ "$output" = $'a\nb\nb' ]
	run try --resume-failed b a b
	[ "$output" = $'b\nb' ]
	# One of two that are alike succeeds; then the other one is still to be done, and only that.
	columns log instance outcome command | grep b > told
	holds "0 'fail' 'echo b; test -e ok-b'
1 'fail' 'echo b; test -e ok-b'
0 'fail' 'echo b; test -e ok-b'
1 'fail' 'echo b; test -e ok-b'" told
	touch ok-b
	run try --resume-failed b
	[ "$output" = b ]
	run try --resume-failed b
	[ "$output" = '' ]
	run try --resume-failed a b b
	[ "$output" = b ]
	run try --resume-failed b a b
	[ "$output" = '' ]
	run try --resume-failed b a b b
	[ "$output" = b ]
	holds 2 <(columns log instance | tail -n 1)
}

@test "run: --resume passes over lines of a journal that are none of its own" {
	differs_from_gnu
	run_jobs -k -j1 --journal log echo ::: a b c > output
	cp log whole
	truncate -s -5 log
	prints c --resume --journal log echo ::: a b c
	says 'in the journal log 1 line is no whole record'
	[ "$(wc -l < log)" -eq 4 ]
	holds "'echo c'" <(tail -n 1 log > last; columns last command)
	prints '' --resume --journal log echo ::: a b c
	# Without its line end a record is whole.
	head -c -1 whole > log
	prints d --resume --journal log echo ::: a b c d
	holds "'echo a' 'echo b' 'echo c' 'echo d'" <(columns log command | paste -s -d ' ')
	{
		printf '\n{}\n[1,2]\nnonsense\n{"version":2}\n\xff\0\n'
		sed '1s/"version":1/"version":7/; 2s/"hash":"./"hash":"x/; 3s/"instance":0/"instance":-1/' whole
		head -c 20M /dev/zero | tr '\0' '['
		echo
		sed -n 2p whole
	} > log
	prints $'a\nc' -k --resume --journal log echo ::: a b c
	says '9 lines are no whole record'
	# A command is known by itself, not by its hash.
	sed 's/"command":"echo a"/"command":"echo x"/' whole > log
	prints a -k --resume --journal log echo ::: a b c
}

@test "run: commands with one hash are told apart" {
	differs_from_gnu
	run_jobs -k -j1 --journal log echo ::: a > output
	# As if another command had the same hash, also as the same instance, before and after.
	sed 's/"echo a"/"echo x"/' log > other
	cat other log other > both
	prints '' --resume --journal both echo ::: a
	cat log other other > both
	prints a --resume --journal both echo ::: a a
	[ "$(columns both instance | tail -n 1)" -eq 1 ]
}

@test "run: --resume goes on after the command was killed" {
	differs_from_gnu
	"$build/cmd/brood/brood" run -j2 --journal log 'echo {} >> ran; sleep 0.02' < <(seq 40) > output 2> messages 3>&- &
	eventually grep -qs '"seq":10,' log
	kill -9 "$!"
	wait "$!" || true
	before=$(wc -l < log)
	[ "$before" -lt 40 ]
	prints '' -j2 --resume --journal log 'echo {} >> ran; sleep 0.02' < <(seq 40)
	seq 40 | diff - <(sort -nu ran)
	# Those under way have run twice, and none else.
	[ "$(wc -l < ran)" -le 43 ]
	prints '' --resume --journal log 'echo {} >> ran; sleep 0.02' < <(seq 40 | tac)
	seq 40 | sed "s/.*/'&'/" | diff - <(columns log args | sort -t "'" -k 2n -u)
}

@test "run: two runs write one journal" {
	differs_from_gnu
	seq 300 | run_jobs -j4 --journal log true > output &
	seq 301 600 | run_jobs -j4 --journal log true > other
	wait "$!"
	seq 600 | diff - <(columns log args | tr -d "'" | sort -n)
	prints '' --resume --journal log true < <(seq 600)
}

@test "run: many jobs with one command are counted fast" {
	differs_from_gnu
	prints '' -j1 --journal log true ::: x
	python3 -c '
line = open("log").read()
for i in range(40000):
    print(line.replace("\"instance\":0", "\"instance\":%d" % i), end="")' > many
	seq 40001 | sed 's/.*/x/' | prints '' --resume --journal many true
	holds 40000 <(tail -n 1 many > last; columns last instance)
}

@test "run: a journal that cannot be written is a failure that is said once" {
	differs_from_gnu
	ends 255 $'a\nb' -k --journal /dev/full echo ::: a b
	says '/dev/full cannot be written: No space left'
	[ "$(grep -c /dev/full "$BATS_TEST_TMPDIR/messages")" -eq 1 ]
	ends 255 '' --journal nowhere/log 'touch ran' ::: a
	says 'the journal nowhere/log cannot be opened: No such file'
	ends 255 '' --journal . 'touch ran' ::: a
	says 'the journal . cannot be opened'
	ends 255 '' --resume --journal /dev/null 'touch ran' ::: a
	says 'the journal /dev/null is no regular file'
	[ ! -e ran ]
	prints a --journal /dev/null echo ::: a
	run_jobs --journal >(cat > piped) echo ::: a > output
	eventually grep -q '"echo a"' piped
}

@test "run: --sqlite has the jobs as tables" {
	differs_from_gnu
	if [ "$(run_jobs --sqlite probe true ::: x 2>&1 | grep -c 'not in this build')" -gt 0 ]; then
		skip "built without sqlite3.h"
	fi
	ends 3 $'a-1\na-2\nb-1\nb-2' -k --retries 2 --sqlite jobs 'echo {1}-{2}; test {1} = a || exit 3; test {2} = 1 || kill -9 $$' \
		::: a b ::: 1 2
	holds "1 'echo {1}-{2}; test {1} = a || exit 3; test {2} = 1 || kill -9 \$\$' 1 1" \
		<(query jobs 'SELECT id, command, ended >= started, slots > 0 FROM runs')
	holds "1 1 1 0 None 'success' None 4
1 2 2 None 'SIGKILL' 'signal' 'killed by SIGKILL' 4
1 3 2 3 None 'fail' 'exit code 3' 4
1 4 2 3 None 'fail' 'exit code 3' 4" \
		<(query jobs 'SELECT run, seq, attempts, exit, signal, outcome, failure, stdout_bytes FROM jobs ORDER BY seq')
	holds "1 1 'a'
1 2 '1'
2 1 'a'
2 2 '2'" <(query jobs 'SELECT seq, position, value FROM args JOIN jobs ON job = id WHERE seq < 3 ORDER BY seq, position')
	run_jobs --sqlite jobs true ::: $'\xff' $'a\nb' é > output
	holds "'a\\nb'
'é'
b'\\xff'" <(query jobs 'SELECT value FROM args JOIN jobs ON job = id WHERE run = 2 ORDER BY value')
	holds "'blob' 16" <(query jobs "SELECT typeof(command), length(hash) FROM jobs WHERE run = 2 AND typeof(command) = 'blob'")
	# One file in the end, as it was found.
	holds jobs <(files . | grep jobs)
	holds "'delete'" <(query jobs 'PRAGMA journal_mode')
}

@test "run: rows are there while jobs run, also for two runs at once" {
	differs_from_gnu
	if [ "$(run_jobs --sqlite probe true ::: x 2>&1 | grep -c 'not in this build')" -gt 0 ]; then
		skip "built without sqlite3.h"
	fi
	"$build/cmd/brood/brood" run -j2 --sqlite jobs '{}' ::: true 'sleep 20' > output 2> messages 3>&- &
	has_row() {
		query jobs 'SELECT seq, exit FROM jobs' 2> /dev/null | grep -qx '1 0'
	}
	eventually has_row
	seq 50 | run_jobs --sqlite jobs true > other
	kill -9 "$!"
	wait "$!" || true
	holds '1 1 1
2 50 0' <(query jobs 'SELECT run, count(*), ended IS NULL FROM jobs JOIN runs ON run = runs.id GROUP BY run')
}

@test "run: a database that cannot be written is a failure that is said once" {
	differs_from_gnu
	if [ "$(run_jobs --sqlite probe true ::: x 2>&1 | grep -c 'not in this build')" -gt 0 ]; then
		skip "built without sqlite3.h"
	fi
	ends 255 '' --sqlite nowhere/jobs 'touch ran' ::: a
	says 'the database nowhere/jobs cannot be used: unable to open'
	seq 1000 > text
	ends 255 '' --sqlite text 'touch ran' ::: a
	says 'the database text cannot be used: file is not a database'
	seq 1000 | cmp - text
	[ ! -e ran ]
	run_jobs --sqlite jobs true ::: x > output
	query jobs "CREATE TRIGGER no BEFORE INSERT ON jobs BEGIN SELECT raise(abort, 'not now'); END"
	ends 255 $'a\nb' -k --sqlite jobs echo ::: a b
	says 'jobs cannot be written: not now'
	[ "$(grep -c 'cannot be written' "$BATS_TEST_TMPDIR/messages")" -eq 1 ]
	holds 1 <(query jobs 'SELECT count(*) FROM jobs')
}

@test "run: jobs of --pipe are known by what they read" {
	differs_from_gnu
	[ "$(echo a | run_jobs --pipe cat)" = a ]
	seq 6 | prints $'1\n2\n3\n4\n5\n6' -k --pipe -N2 --journal log cat
	holds "'cat' 0
'cat' 0
'cat' 0" <(columns log command instance)
	holds 3 <(columns log hash | sort -u | wc -l)
	printf '%s\n' 3 4 7 8 1 2 3 4 | prints $'7\n8\n3\n4' -k --pipe -N2 --resume --journal log cat
	holds $'0\n1' <(columns log instance | tail -n 2)
}
