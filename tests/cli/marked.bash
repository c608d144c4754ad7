# SPDX-License-Identifier: MIT
# Tests of what remains: each program that a test starts has a mark in its environment, by which it is found when
# whoever started it has gone.
# shellcheck disable=SC2154

load run

# No test may take longer than this.
export BATS_TEST_TIMEOUT=30

mark_all() {
	export BROOD_MARK=$BATS_TEST_TMPDIR
}

# They differ from GNU parallel on purpose.
setup_file() {
	[ -z "${RUN_AS-}" ] || skip "differs from GNU parallel on purpose"
}

eval "$(declare -f setup | sed '1s/setup/setup_directory/')"
setup() {
	setup_directory
	mark_all
}

marked() {
	env -u BROOD_MARK grep -lzsxF "BROOD_MARK=$BROOD_MARK" /proc/[0-9]*/environ | cut -d / -f 3
}

none_left() {
	[ -z "$(marked)" ]
}

# soon SECONDS/100 COMMAND...: the command succeeds within that time.
soon() {
	local i hundredths=$1
	shift
	for ((i = 0; i < hundredths; i++)); do
		if "$@"; then
			return 0
		fi
		sleep 0.01
	done
	echo "not soon: $*" >&2
	return 1
}

# Nothing is left within a second.
leaves_nothing() {
	local pid
	soon 100 none_left && return
	for pid in $(marked); do
		echo "left: $pid $(tr '\0' ' ' < "/proc/$pid/cmdline")" >&2
	done
	return 1
}

# What a test that failed has left behind.
end_marked() {
	local pid
	for pid in $(marked); do
		kill -KILL "$pid" 2> /dev/null || true
	done
}

# Starts the command behind the test, with no signal ignored and with its input, as a shell would not have it there.
start() {
	env --default-signal "$build/cmd/brood/brood" run "$@" <&0 > output 2> messages 3>&- &
	tool=$!
}

# finishes STATUS: the command that was started has ended with the status within ten seconds.
finishes() {
	local status=0
	timeout 10 tail --pid="$tool" -s 0.02 -f /dev/null
	wait "$tool" || status=$?
	[ "$status" -eq "$1" ] || {
		echo "exit status $status, not $1" >&2
		sed 's/^/stderr: /' messages >&2
		return 1
	}
}

# has_lines COUNT FILE: the file has so many lines, or more.
has_lines() {
	[ -e "$2" ] && [ "$(wc -l < "$2")" -ge "$1" ]
}
