#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Each program of bench/ takes a short sample; all end with a failure where a sum or an order is not what it has to be.

bats_require_minimum_version 1.5.0
load helper

# sample PROGRAM ARGUMENT...: a sample, which says how many nanoseconds.
sample() {
	run -0 env BENCH_MILLISECONDS=1 BENCH_TURNS=1000 "$@"
	[[ $output == '{"ns": '[0-9]*'}' ]]
}

bench() {
	sample "$build/bench/bench-$1" "${@:2}"
}

@test "bench: channels and programs" {
	bench message brood round 8 free
	bench message socket stream 8 free
	bench start brood 0
	bench spawn direct 1 0
	bench ready brood 10
}

@test "bench: items of each length, in each way" {
	bench parallelize cold 1000 0
	bench parallelize cold 100 10
	bench parallelize warm 1000 0
	bench parallelize waiting 1000 0
	bench submission unordered 100000 0
	bench submission ordered 100000 0
	bench claim 1000 0 7
}

@test "bench: workers, their death, and large results" {
	bench single brood
	bench result brood 1000000
	bench death brood 3 1
	bench trace brood abort 2
	bench crowd brood 10
}

@test "bench: the pool's peers" {
	[ ! -e "$build/bench/bench-openmp" ] || bench openmp dynamic 1000 0
	for kind in map imap executor; do
		sample python3 "$project/bench/python_peer.py" pool "$kind" 100
	done
	! perl -MMCE::Map -e 1 2>/dev/null || sample perl "$project/bench/mce_peer.pl" 100
	bench single fork
	bench result alone 1000000
	bench death fork 3 1
	bench trace untraced pointer 2
	bench crowd fork 10
}

@test "bench: run prints ratios, targets and verdicts" {
	run -0 "$project/bench/run" --build "$build/bench" --quick --rounds 1 single
	[[ $output == *"≤ 3"*"met"* || $output == *"≤ 3"*"MISSED"* ]]
	run -2 "$project/bench/run" --build "$build/bench" nothing
	[[ $output == *"no such measurement: nothing"* ]]
}
