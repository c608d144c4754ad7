#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load helper

@test "the record of an item that a sanitizer ends has its report" {
	"${CC:-cc}" -g -fsanitize=address -I "$project/include" "$BATS_TEST_DIRNAME/overrun.c" -o "$BATS_TEST_TMPDIR/overrun" \
		-L "$build/src" -lbrood -Wl,-rpath,"$build/src"
	run --separate-stderr -0 "$BATS_TEST_TMPDIR/overrun"
	[ "${lines[0]}" = "_Exit 1" ]
	[[ "$output" = *"ERROR: AddressSanitizer: heap-buffer-overflow"*"in overrun "*"overrun.c:12"* ]]
	# It went where it goes, too.
	[[ "$stderr" = *"ERROR: AddressSanitizer: heap-buffer-overflow"* ]]
}
