#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load helper

# The functions that brood.h declares.
functions() {
	sed -n 's/^.*BROOD_API .*[ *]\(brood_[a-z_]*\)(.*/\1/p' "$project/include/brood.h" | sort
}

@test "each function has a page that names it, shows its synopsis, and is found by its name" {
	[ "$(functions | wc -l)" -gt 50 ]
	for function in $(functions); do
		page=$(grep -l "[ *]$function(.*[;,]\$" "$project"/man/*.scd)
		[ "$(wc -l <<< "$page")" -eq 1 ]
		[ "$function" = brood_version ] || sed -n '/^# NAME/,/^# SYNOPSIS/p' "$page" | grep -qw "$function"
		[ "$function" = brood_version ] || grep -q "'${function#brood_}'" "$project/man/meson.build"
	done
}

@test "the pages name no function that is not there" {
	# Not references to pages, as brood_channel(3), and not the one function type.
	grep -oh 'brood_[a-z_]*([^0-9]' "$project"/man/*.scd | sed 's/(.*//' | grep -vx brood_process_fn | sort -u \
		> "$BATS_TEST_TMPDIR/named"
	run comm -23 "$BATS_TEST_TMPDIR/named" <(functions)
	[ -z "$output" ]
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
