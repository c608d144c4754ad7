# SPDX-License-Identifier: MIT
# What the tests of the command share. RUN_AS names another command that is tested in its place, for example
# RUN_AS=parallel, so that the expectations are checked against the original.

if [ -n "${RUN_AS-}" ]; then
	# Nothing of this project takes part.
	export BROOD_BUILD=$BATS_TEST_DIRNAME
fi
load helper

# The command under test, which no test lets run for longer than 30 seconds. The descriptor 3 is bats's own.
run_jobs() {
	if [ -n "${RUN_AS-}" ]; then
		timeout 30 "$RUN_AS" --will-cite "$@" 3>&-
	else
		timeout 30 "$build/cmd/brood/brood" run "$@" 3>&-
	fi
}

# For a test of what the command decides otherwise than the original.
differs_from_gnu() {
	[ -z "${RUN_AS-}" ] || skip "differs from GNU parallel on purpose"
}

# Each test has a directory for itself, a home in it, and no settings from outside.
setup() {
	export HOME=$BATS_TEST_TMPDIR/home PARALLEL_HOME=$BATS_TEST_TMPDIR/home/.parallel LC_ALL=C.UTF-8 SHELL=/bin/bash
	unset PARALLEL PARALLEL_SHELL
	mkdir -p "$PARALLEL_HOME" "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return
	exec </dev/null
}

# What a job leaves running on purpose ends with its test. It is known by its home.
teardown() {
	local pids
	mapfile -t pids < <(env -u HOME grep -lzsxF "HOME=$HOME" /proc/[0-9]*/environ | cut -d / -f 3)
	((${#pids[@]} == 0)) || kill -KILL "${pids[@]}" 2> /dev/null || true
}

# gives STATUS BYTES ARGUMENT...: the command ends with the status and writes exactly these bytes to its standard
# output; its messages are in the file messages.
gives() {
	local status=0 expected_status=$1 bytes=$2
	shift 2
	run_jobs "$@" > "$BATS_TEST_TMPDIR/output" 2> "$BATS_TEST_TMPDIR/messages" || status=$?
	printf '%s' "$bytes" > "$BATS_TEST_TMPDIR/bytes"
	if [ "$status" -eq "$expected_status" ] && cmp -s "$BATS_TEST_TMPDIR/bytes" "$BATS_TEST_TMPDIR/output"; then
		return 0
	fi
	{
		echo "command: run_jobs$(printf ' %q' "$@")"
		[ "$status" -eq "$expected_status" ] || echo "exit status $status, not $expected_status"
		diff -u --label expected --label output \
			<(cat -A "$BATS_TEST_TMPDIR/bytes") <(cat -A "$BATS_TEST_TMPDIR/output") || true
		sed 's/^/stderr: /' "$BATS_TEST_TMPDIR/messages"
	} >&2
	return 1
}

# ends STATUS TEXT ARGUMENT...: as gives, with a newline after a text that is not empty.
ends() {
	gives "$1" "$2${2:+$'\n'}" "${@:3}"
}

# prints TEXT ARGUMENT...: as ends, with 0.
prints() {
	gives 0 "$1${1:+$'\n'}" "${@:2}"
}

# says PATTERN...: each pattern, in whatever case, is in the messages of the last command.
says() {
	local pattern
	for pattern in "$@"; do
		if ! grep -qi -e "$pattern" "$BATS_TEST_TMPDIR/messages"; then
			echo "no message has: $pattern" >&2
			sed 's/^/stderr: /' "$BATS_TEST_TMPDIR/messages" >&2
			return 1
		fi
	done
}

# holds TEXT FILE: the file has exactly this text and a newline.
holds() {
	diff -u --label expected --label "$2" <(printf '%s\n' "$1") "$2"
}

# The files below a directory, one a line.
files() {
	(cd "$1" && find . -type f | LC_ALL=C sort | sed 's,^\./,,')
}
