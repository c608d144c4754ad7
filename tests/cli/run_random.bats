#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load run

@test "run: a program started directly gets what a shell would give it, for random templates and inputs" {
	timeout 60 python3 "$BATS_TEST_DIRNAME/random_commands.py" "$build/cmd/brood/brood" 150
}

@test "run: --dry-run shows what GNU parallel shows, for random templates and inputs" {
	command -v parallel > /dev/null && parallel --version 2> /dev/null | grep -q '^GNU parallel' || skip "GNU parallel is not there"
	mkdir -p "$PARALLEL_HOME"
	touch "$PARALLEL_HOME/will-cite"
	timeout 100 python3 "$BATS_TEST_DIRNAME/random_commands.py" "$build/cmd/brood/brood" 15 "$RANDOM" "$(command -v parallel)"
}
