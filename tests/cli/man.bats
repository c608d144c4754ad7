#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load helper

# The functions that brood.h declares.
functions() {
	sed -n 's/^.*BROOD_API .*[ *]\(brood_[a-z_]*\)(.*/\1/p' "$project/include/brood.h" | sort
}

# What a page shows of itself, so that calls in examples do not count.
synopsis() {
	sed -n '/^# SYNOPSIS/,/^# [^S]/p' "$1"
}

# The pages with this function in their synopsis.
pages_of() {
	local page
	for page in "$project"/man/*.scd; do
		if synopsis "$page" | grep "[ *]$1(.*[;,]\$" > /dev/null; then
			echo "$page"
		fi
	done
}

@test "each function has a page that names it, shows its synopsis, and is found by its name" {
	[ "$(functions | wc -l)" -gt 50 ]
	for function in $(functions); do
		page=$(pages_of "$function")
		[ "$(wc -w <<< "$page")" -eq 1 ]
		[ "$function" = brood_version ] || sed -n '/^# NAME/,/^# SYNOPSIS/p' "$page" | grep -qw "$function"
		[ "$page" != "$project/man/$function.3.scd" ] || continue
		[ "$function" = brood_version ] || grep -q "'${function#brood_}'" "$project/man/meson.build"
	done
}

@test "the pages name no function that is not there" {
	# Not references to pages, as brood_channel(3), and not the types of functions.
	grep -oh 'brood_[a-z_]*([^0-9]' "$project"/man/*.scd | sed 's/(.*//' | grep -v '_fn$' | sort -u \
		> "$BATS_TEST_TMPDIR/named"
	run comm -23 "$BATS_TEST_TMPDIR/named" <(functions)
	[ -z "$output" ]
}

@test "the complete example of a page compiles, and prints what the page says" {
	page=$project/man/brood_parallelize.3.scd
	sed -n '/^# EXAMPLES/,$p' "$page" | sed -n '/^```/,/^```/p' | sed 's/\\\\/\\/g' > "$BATS_TEST_TMPDIR/blocks"
	awk -v directory="$BATS_TEST_TMPDIR" '/^```/ { at++; next } { print > directory "/" (at == 1 ? "example.c" : "expected") }' \
		"$BATS_TEST_TMPDIR/blocks"
	cc -std=c17 -Wall -Wextra -Werror -I "$project/include" -o "$BATS_TEST_TMPDIR/example" "$BATS_TEST_TMPDIR/example.c" \
		-L "$build/src" -lbrood -Wl,-rpath,"$build/src"
	"$BATS_TEST_TMPDIR/example" | diff -u "$BATS_TEST_TMPDIR/expected" -
}

@test "the pages are formatted without a warning" {
	command -v scdoc > /dev/null || skip "scdoc is not installed"
	command -v groff > /dev/null || skip "groff is not installed"
	for page in "$project"/man/*.scd; do
		scdoc < "$page" > "$BATS_TEST_TMPDIR/page"
		run groff -man -t -Tutf8 -ww -rLL=100n -z "$BATS_TEST_TMPDIR/page"
		[ -z "$output" ]
	done
}
