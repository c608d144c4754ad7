# SPDX-License-Identifier: MIT
# Everything underneath is Meson; each target says line by line what it does. See scripts/.
.PHONY: run check bench fuzz clean

run:
	@scripts/run

check:
	@scripts/check

bench:
	@scripts/bench

fuzz:
	@scripts/check fuzz

clean:
	rm -rf build build-run build-check build-clang build-sanitize build-fuzz build-release build-thread
