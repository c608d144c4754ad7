#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load helper

setup() {
	brood=$build/cmd/brood/brood
	work=$build/tests/cli/work.so
	cd "$BATS_TEST_TMPDIR" || return
	command -v jq > /dev/null || skip "jq is not installed"
}

# map STATUS ARGUMENT...: ends so; output and messages are in files.
map() {
	ended 20 "$1" "$brood" map "${@:2}"
}

# shows FILTER TEXT: of each line of the output.
shows() {
	diff -u <(printf '%s\n' "$2") <(jq -rc "$1" output)
}

@test "map: a line for each item, with its value" {
	map 0 -k "$work:words" ::: 'a b' '' c < /dev/null
	shows '[.index, .item, .outcome, .value, .attempts]' \
		$'[0,"a b","success","2",1]\n[1,"","success","0",1]\n[2,"c","success","1",1]'
	[ "$(jq -c 'keys_unsorted' output | sort -u)" = '["index","item","outcome","value","attempts","started","seconds","worker"]' ]
	[ ! -s messages ]
}

@test "map: lines of stdin and of files, empty ones and the last one without its end" {
	printf 'a\n\nb' | map 0 -k "$work:echo"
	shows .item $'a\n\nb'
	printf 'x\ny' > one
	printf 'z\n' > two
	map 0 -k -a one -a two "$work:echo"
	shows .item $'x\ny\nz'
	map 255 -a none "$work:echo"
	grep -q 'none cannot be opened' messages
}

@test "map: any bytes are an item" {
	printf 'a\nb\0\xff\xfe\0\0c' | map 0 -k0 "$work:echo"
	shows '[.item, .value]' $'["a\\nb","a\\nb"]\n[{"$bin":"//4="},{"$bin":"//4="}]\n["",""]\n["c","c"]'
	printf 'a\nb\0\xff\0\0c' > items
	map 0 -k0 --raw -a items "$work:echo"
	cmp output <(printf 'a\nb\0\xff\0\0c\0')
}

@test "map: a crash, with its traceback and its last words, costs its own item" {
	map 1 -k "$work:crash" ::: a bad b
	shows '[.item, .outcome, .failure.signal]' $'["a","success",null]\n["bad","abort","SIGSEGV"]\n["b","success",null]'
	jq -r 'select(.failure).failure.traceback' output | grep -q '^#0 crash at .*work.c:[0-9]'
	[ "$(jq -r 'select(.failure).failure.output' output)" = "last words" ]
}

@test "map: failures say what they are" {
	map 2 -k "$work:fail" ::: bad a bad
	shows '[.outcome, .failure.type, .failure.message, .failure.code]' \
		$'["fail","ValueError","no good:\\nbad",7]\n["success",null,null,null]\n["fail","ValueError","no good:\\nbad",7]'
	map 1 "$work:leave" ::: 3
	shows '[.outcome, .failure.type, .failure.code]' '["abort","Exit",3]'
	map 2 --timeout 0.1 --grace 0.1 "$work:slow" ::: 10 3000 -3000
	[ "$(jq -r .outcome output | sort | uniq -c | xargs)" = "1 success 2 timeout" ]
	map 0 --retries 2 "$work:flaky" ::: a
	shows .attempts 2
	map 1 --memory 100M "$work:eat" ::: a
	seq 150 | map 101 "$work:number"
	map 1 --raw --status none -k "$work:fail" ::: bad x
	[ "$(cat output)" = x ]
	[ "$(cat messages)" = "brood: item 0: ValueError: no good: bad" ]
}

@test "map: items and values as JSON" {
	printf '[2]\nnot json\n[]\n' | map 2 -k --json "$work:value"
	shows '[.item, .value, .failure.type]' $'[[2],{"twice":4},null]\n["not json",null,"NotJSON"]\n[[],null,"TypeError"]'
	map 0 --json --costs "$work:nothing" ::: '{"a":1}'
	shows '[.item, .value, (.costs.peak > 0)]' '[{"a":1},null,true]'
}

@test "map: a library that is not linked with libbrood has it from the command" {
	map 0 "$build/tests/cli/unlinked.so:echo" ::: a
	cp "$work" here.so
	map 0 here.so:echo ::: a
}

@test "map: what is wrong is said in a line" {
	map 255 "$work:word" ::: a
	grep -q 'no function word; there is words' messages
	map 255 ./none.so:word ::: a
	grep -q 'there is no file ./none.so' messages
	map 255 "$work" ::: a
	grep -q 'is not LIBRARY:FUNCTION' messages
	map 255 --retrys 3 "$work:echo" ::: a
	grep -q 'did you mean --retries' messages
	[ "$(wc -l < messages)" -eq 1 ]
}

@test "map: the function has neither the command's stdin nor its stdout" {
	echo a | map 0 --status none "$work:talk"
	shows .value a
	[ "$(cat messages)" = said ]
}

@test "map: a halt" {
	seq 1000 | map 3 --halt soon,fail=3 -j1 "$work:number"
	seq 1000 > items
	map 1 --halt now,fail=1 -j1 -a items "$work:number"
	[ "$(wc -l < output)" -lt 5 ]
}

@test "map: results do not wait for the next item" {
	mkfifo items
	timeout 20 "$brood" map "$work:echo" < items > output 2> messages 3>&- &
	exec 9> items
	echo first >&9
	eventually grep -q first output
	echo second >&9
	eventually grep -q second output
	exec 9>&-
	wait
}

@test "map: 200,000 lines in their order, in memory that does not grow" {
	seq 200000 | "$brood" map -k --raw "$work:echo" 2> messages 3>&- | cmp - <(seq 200000)
	mkfifo items
	"$brood" map "$work:echo" < items 2> messages 3>&- > output &
	tool=$!
	exec 9> items
	seq 200000 >&9
	many() { [ "$(wc -l < output)" -eq 200000 ]; }
	eventually many
	[ "$(awk '/VmHWM/ { print $2 }' "/proc/$tool/status")" -lt 100000 ]
	exec 9>&-
	wait "$tool"
}

@test "map: output that cannot be written is trouble" {
	seq 100 > items
	status=0
	"$brood" map -a items "$work:echo" > /dev/full 2> messages || status=$?
	[ "$status" -eq 255 ]
	grep -q 'No space left' messages
	set +o pipefail
	seq 100000 | { "$brood" map "$work:echo" 2> messages || echo $? > status; } | head -n 1 > output
	[ "$(cat status)" -eq 255 ]
	grep -q 'Broken pipe' messages
}

@test "map: an interrupt, and a kill, leave no process" {
	for signal in INT KILL; do
		rm -f held
		(trap - INT; exec "$brood" map --status none "$work:hold" ::: held > output 2> messages 3>&-) &
		tool=$!
		eventually test -s held
		read -r worker child < held
		python3 -c 'import os, sys; os.kill(int(sys.argv[1]), int(sys.argv[2]))' "$tool" "$(kill -l "$signal")"
		wait "$tool" || status=$?
		[ "$status" -eq $((128 + $(kill -l "$signal"))) ]
		eventually all_gone "$worker" "$child"
		[ "$signal" = KILL ] || shows .outcome canceled
	done
}
