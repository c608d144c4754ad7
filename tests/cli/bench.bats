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

# measured WAY INPUTS COMMAND...: what bench-command says of it.
measured() {
	run -0 env BENCH_MILLISECONDS=1 timeout 10 "$build/bench/bench-command" "$@"
	[[ $output == '{"ns": '[0-9]*', "cpu_ns": '[0-9]*'}' || $output == '{"bytes": '[1-9]*'}' ]]
}

# refused TEXT WAY INPUTS COMMAND...: there is no sample, and the last line says why.
refused() {
	run -1 "$build/bench/bench-command" "${@:2}"
	[[ $output == *"$1" ]]
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
	bench death brood 3 1 0
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
	bench death fork 3 1 0
	bench trace untraced pointer 2
	bench crowd fork 10
}

@test "bench: run prints ratios, targets and verdicts" {
	run -0 "$project/bench/run" --build "$build/bench" --quick --rounds 1 single
	[[ $output == *"≤ 3"*"met"* || $output == *"≤ 3"*"MISSED"* ]]
	run -2 "$project/bench/run" --build "$build/bench" nothing
	[[ $output == *"no such measurement: nothing"* ]]
}

@test "bench: the command" {
	brood=$build/cmd/brood/brood
	measured time 10 "$brood" run -j2 /bin/true
	measured time 1 "$brood" run /bin/true ::: x
	measured time 5 "$brood" run -j2 'true; true'
	measured capture 10 "$brood" run -j2 /bin/echo
	measured memory 10 "$brood" run -j2 /bin/true
	measured memory 1000 "$brood" run --dry-run /bin/true
	! "$brood" map --help > /dev/null 2>&1 || measured capture 100 "$brood" map -j2 --raw "$build/bench/libbench-echo.so:echo"
}

@test "bench: the command's peers, and what fails is no sample" {
	measured time 1 /bin/true
	measured time 10 "$build/bench/bench-spawners" 2 /bin/true
	measured capture 10 xargs -P2 -n1 /bin/echo
	measured memory 10 xargs -P2 -n1 /bin/true
	! parallel --version 2> /dev/null | grep -q '^GNU' || measured capture 2 parallel --will-cite -j2 /bin/echo
	refused "" time 1 /bin/false
	refused "No such file or directory" memory 1 /nothing/there
	refused "/bin/echo: 1 lines of output for 2 inputs" capture 2 /bin/echo one
}
