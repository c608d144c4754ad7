# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# For the scripts here: they start at the project's root, whatever they were called from, and read no standard input.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

say() {
	printf '== %s\n' "$*"
}

# configure DIRECTORY OPTION...: sets the build directory up, or brings one that is there to these options.
configure() {
	local directory=$1
	shift
	say "configure $directory ($*)"
	if [ -f "$directory/build.ninja" ]; then
		meson configure "$directory" "$@" >/dev/null
	else
		rm -rf "$directory"
		meson setup "$directory" "$@" >"$directory.log" 2>&1 || {
			cat "$directory.log"
			rm -f "$directory.log"
			return 1
		}
		mv "$directory.log" "$directory/setup.log"
	fi
}

# compile DIRECTORY [TARGET...]: what ninja has to say only when it fails or warns.
compile() {
	local log="$1/compile.log"
	say "build $1"
	if ! ninja -C "$@" >"$log" 2>&1; then
		cat "$log"
		return 1
	fi
	if grep -q 'warning:' "$log"; then
		cat "$log"
	fi
}
