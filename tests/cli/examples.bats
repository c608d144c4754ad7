#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load helper

@test "fork1 forks a child at each line until q" {
	printf 'one\ntwo\nq\nthree\n' > "$BATS_TEST_TMPDIR/input"
	"$examples/fork1" < "$BATS_TEST_TMPDIR/input" | name_pids | compare fork1.txt
}

@test "fork1 ends with its input" {
	printf 'one\ntwo\n' | "$examples/fork1" | name_pids | compare fork1.txt
}

@test "fork-count's children count to five and outlive the parent's last line" {
	"$examples/fork-count" 0.2 > "$BATS_TEST_TMPDIR/output"
	counts() { grep -c counts "$BATS_TEST_TMPDIR/output" || true; }
	# The parent has left and its children have not.
	[ "$(counts)" -lt 25 ]
	enough() { [ "$(counts)" -eq 25 ]; }
	eventually enough
	[ "$(grep -c 'The parent leaves' "$BATS_TEST_TMPDIR/output")" -eq 1 ]
	for pid in $(sed -n 's/^Started //p' "$BATS_TEST_TMPDIR/output"); do
		sed -n "s/^\[$pid\] counts //p" "$BATS_TEST_TMPDIR/output" | diff - <(seq 5)
	done
}

@test "fork-exec starts the program beside it at each line, by exec" {
	printf 'one\ntwo\nq\nthree\n' | "$examples/fork-exec" | name_pids | compare fork-exec.txt
}

@test "fork-exec starts the program beside it at each line, by spawn" {
	printf 'one\ntwo\nq\nthree\n' | "$examples/fork-exec" spawn | name_pids | compare fork-exec.txt
}

@test "fork-exec says at once that the program is missing" {
	cp "$examples/fork-exec" "$BATS_TEST_TMPDIR"
	export LD_LIBRARY_PATH=$build/src
	run --separate-stderr -1 "$BATS_TEST_TMPDIR/fork-exec" spawn <<< line
	[ -z "$output" ]
	[[ "$stderr" = *"/child: No such file or directory" ]]
}

@test "a conversation goes both ways, and a failure arrives with its traceback" {
	"$examples/conversation" > "$BATS_TEST_TMPDIR/output"
	grep -v '^#' "$BATS_TEST_TMPDIR/output" | compare conversation.txt
	grep '^#0 ' "$BATS_TEST_TMPDIR/output"
	grep '^#.* (conversation+0x' "$BATS_TEST_TMPDIR/output"
}

@test "an exchange gives messages in the order in which they come" {
	"$examples/exchange" 0.05 | compare exchange.txt
}

@test "values and lines go through a pipe and a file" {
	"$examples/pipe" | compare pipe.txt
}

@test "parallel prints what commands print in the order of the lines, and says which did not end well" {
	cat > "$BATS_TEST_TMPDIR/lines" <<-'END'
		sleep 0.3; echo the first is the slowest
		echo two
		cat; echo there is nothing to read
		exit 3
		kill -KILL $PPID
		kill $$
		sleep 100
		printf 'no line end'
	END
	"$examples/parallel" 2 < "$BATS_TEST_TMPDIR/lines" | compare parallel.txt
}

# What differs from run to run and from system to system: figures, where the source is, and frames of the C library.
normalize_report() {
	sed -E -e 's|( at ).*/(examples/[a-z-]+\.c:)|\1\2|' -e '/^ +#/{/ at examples\//!d;s/#[0-9]+/#/}' \
		-e 's/^( +)[0-9.]+ s of a processor, [0-9]+ KiB/\1… s of a processor, … KiB/' \
		-e 's/it had [0-9.]+ MiB/it had … MiB/' |
		awk '/^ +#/ { sub(/#/, "#" frame++) } !/^ +#/ { frame = 0 } { print }'
}

@test "crash-report says of each item how it failed, where, and what it wrote" {
	"$examples/crash-report" > "$BATS_TEST_TMPDIR/output" 2> "$BATS_TEST_TMPDIR/stderr"
	if grep 'install libdw' "$BATS_TEST_TMPDIR/output"; then
		skip "there is no libdw here"
	fi
	normalize_report < "$BATS_TEST_TMPDIR/output" | compare crash-report.txt
	# What workers write is passed on as well: twice, for there are two attempts.
	[ "$(grep -c 'the table has no row 3' "$BATS_TEST_TMPDIR/stderr")" -eq 2 ]
}

@test "the program in the README does what the README says" {
	awk '/^```c$/ { inside = 1; next } /^```$/ { if (inside) exit } inside' "$project/README.md" \
		> "$BATS_TEST_TMPDIR/program.c"
	awk '/^```text$/ { inside = 1; next } /^```$/ { if (inside) exit } inside' "$project/README.md" \
		> "$BATS_TEST_TMPDIR/expected"
	[ "$(wc -l < "$BATS_TEST_TMPDIR/program.c")" -lt 25 ]
	[ -s "$BATS_TEST_TMPDIR/expected" ]
	# A library with sanitizers needs a program with them.
	sanitize=
	if nm -D "$build/src/libbrood.so" | grep __asan_init > /dev/null; then
		sanitize=-fsanitize=address,undefined
	fi
	${CC:-cc} -std=c99 -Wall -Wextra -Werror $sanitize -I "$project/include" -o "$BATS_TEST_TMPDIR/program" \
		"$BATS_TEST_TMPDIR/program.c" -L "$build/src" -lbrood -Wl,-rpath,"$build/src"
	# The sanitizers would turn the signal of its bug into an exit code, and it leaves freeing to its end.
	ASAN_OPTIONS=handle_segv=0:detect_leaks=0 UBSAN_OPTIONS=handle_segv=0 "$BATS_TEST_TMPDIR/program" \
		> "$BATS_TEST_TMPDIR/output"
	diff -u "$BATS_TEST_TMPDIR/expected" "$BATS_TEST_TMPDIR/output"
}
