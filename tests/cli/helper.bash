# SPDX-License-Identifier: MIT
# What all tests here use. BROOD_BUILD is the build directory; the project's own build/ where it is not set.

# A program that fails fails the test, also at the left of a pipe.
set -o pipefail

project=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
build=$(cd "${BROOD_BUILD:-$project/build}" && pwd)
expected=$BATS_TEST_DIRNAME/expected
examples=$build/examples
# Where what runs these tests has a parallel of its own.
PATH=${PATH//"$build/bin:"/}

# Pids in the order of their first appearance: P1, P2 and so on.
name_pids() {
	awk '{
		rest = $0; line = ""
		while (match(rest, /[0-9]+/)) {
			number = substr(rest, RSTART, RLENGTH)
			if (length(number) > 1 || number > 5) {
				if (!(number in names))
					names[number] = "P" ++count
				number = names[number]
			}
			line = line substr(rest, 1, RSTART - 1) number
			rest = substr(rest, RSTART + RLENGTH)
		}
		print line rest
	}'
}

# Compares standard input with a file in expected/.
compare() {
	diff -u "$expected/$1" -
}

# The processes below one, and below those.
descendants() {
	local child
	for child in $(pgrep -P "$1"); do
		echo "$child"
		descendants "$child"
	done
}

# Waits up to 10 seconds until a command succeeds.
eventually() {
	local i
	for ((i = 0; i < 200; i++)); do
		if "$@"; then
			return 0
		fi
		sleep 0.05
	done
	return 1
}

all_gone() {
	local pid
	for pid in "$@"; do
		if kill -0 "$pid" 2>/dev/null && ! grep -q '^State:.*Z' "/proc/$pid/status" 2>/dev/null; then
			return 1
		fi
	done
}

# ended SECONDS STATUS COMMAND...: the command ends within that time, and so; output and messages are in files of these names.
ended() {
	local status=0 seconds=$1 wanted=$2
	shift 2
	timeout "$seconds" "$@" > output 2> messages 3>&- || status=$?
	[ "$status" -eq "$wanted" ] || {
		echo "exit status $status, not $wanted"
		cat output messages
		return 1
	}
}
