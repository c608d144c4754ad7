#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What stands in single quotes is for the shell of a job, and braces are for the command.
# Each test is a shell of its own, and helper.bash sets what is not set here.
# shellcheck disable=SC1010,SC1083,SC2013,SC2016,SC2030,SC2031,SC2154,SC2217

bats_require_minimum_version 1.5.0
load terminal

teardown() {
	close_terminal
	end_marked
}

@test "run: SIGINT sends TERM to the jobs' groups, starts nothing new and prints what was finished" {
	start -j2 'echo {} >> begun; if [ {} = 1 ]; then echo one; exit; fi; trap "echo {} >> asked; echo asked {}; exit 3" TERM;
		while :; do sleep 0.02; done' ::: 1 2 3 4 5
	soon 300 has_lines 3 begun
	soon 300 has_lines 1 output
	kill -INT "$tool"
	finishes 130
	leaves_nothing
	holds $'2\n3' <(sort asked)
	holds $'1\n2\n3' <(sort begun)
	[ "$(head -n 1 output)" = one ]
	grep -q 'SIGINT: .*2' messages
}

@test "run: a command that SIGINT has ended was ended by that signal" {
	cat > waits <<-'END'
		import os, signal, subprocess, sys, time
		signal.signal(signal.SIGINT, signal.SIG_DFL)
		tool = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
		while not os.path.exists("begun"):
		    time.sleep(0.01)
		tool.send_signal(signal.SIGINT)
		print(tool.wait(10))
	END
	holds -2 <(python3 waits "$build/cmd/brood/brood" run 'touch begun; sleep {}' ::: 30 3>&-)
	leaves_nothing
}

@test "run: SIGINT ends a command that waits for its inputs" {
	mkfifo inputs
	sleep 30 3>&- > inputs &
	writer=$!
	for option in -k -X --pipe; do
		start "$option" 'echo {} >> begun' < inputs
		sleep 0.1
		kill -INT "$tool"
		finishes 130
	done
	kill "$writer"
	leaves_nothing
	[ ! -e begun ]
}

@test "run: jobs are looked after while inputs are waited for" {
	mkfifo inputs
	{ printf '1\n2\n3'; exec sleep 30; } 3>&- > inputs &
	writer=$!
	start -j4 --timeout 0.3 --retries 2 'echo {} >> begun; sleep {}0; echo {}' < inputs
	soon 300 has_lines 4 begun
	sleep 0.5
	kill "$writer"
	finishes 3
	holds $'1\n1\n2\n2\n3\n3' <(sort begun)
	{ printf '1\n2\n3'; exec sleep 30; } 3>&- > inputs &
	writer=$!
	start -j4 'echo {}' < inputs
	soon 200 has_lines 2 output
	kill "$writer"
	finishes 0
	holds $'1\n2\n3' <(sort output)
	leaves_nothing
}

@test "run: a second SIGINT kills at once, also jobs that ignore TERM" {
	start -j2 'trap "" TERM; echo {} >> begun; sleep 30; sleep 30' ::: 1 2 3
	soon 300 has_lines 2 begun
	kill -INT "$tool"
	sleep 0.1
	began=$(date +%s%N)
	kill -INT "$tool"
	finishes 130
	[ $((($(date +%s%N) - began) / 1000000)) -lt 700 ]
	leaves_nothing
	[ "$(wc -l < begun)" -eq 2 ]
}

@test "run: after a second signal nobody waits for a reader that does not read" {
	mkfifo pipe
	(exec 3>&-; exec sleep 30 < pipe) &
	reader=$!
	env --default-signal "$build/cmd/brood/brood" run 'head -c 1000000 /dev/zero; touch done; : {}' ::: 1 > pipe 2> messages 3>&- &
	tool=$!
	soon 300 test -e done
	sleep 0.1
	kill -INT "$tool"
	sleep 0.1
	kill -INT "$tool"
	finishes 130
	kill "$reader"
	leaves_nothing
}

@test "run: TERM, HUP and QUIT end the jobs as SIGINT does" {
	for signal in TERM HUP QUIT; do
		rm -f begun
		start -j2 'echo {} >> begun; sleep 30 & sleep 30; wait' ::: 1 2 3
		soon 300 has_lines 2 begun
		kill "-$signal" "$tool"
		finishes $((128 + $(kill -l "$signal")))
		leaves_nothing
	done
}

@test "run: an ignored HUP stays ignored in the tool, and jobs have their default signals" {
	(trap '' HUP; exec "$build/cmd/brood/brood" run 'grep SigIgn /proc/self/status; echo {} >> begun; sleep 0.4; echo end {}' \
		::: 1 > output 2> messages 3>&-) &
	tool=$!
	soon 300 has_lines 1 begun
	kill -HUP "$tool"
	finishes 0
	holds $'SigIgn:\t0000000000000000\nend 1' output
	leaves_nothing
}

@test "run: nothing of the jobs' groups outlives a tool that is killed" {
	start -j3 'echo {} >> begun; case {} in
		1) (trap "" TERM HUP; sleep 30; sleep 30) & sleep 30; wait;;
		2) sh -c "sleep 30 | cat | sh -c \"sleep 30; :\"; :";;
		3) trap "" TERM; exec sleep 30;; esac' ::: 1 2 3
	soon 300 has_lines 3 begun
	sleep 0.05
	[ "$(marked | wc -l)" -gt 7 ]
	kill -KILL "$tool"
	finishes 137
	leaves_nothing
}

@test "run: jobs of --pipe do not outlive a tool that is killed" {
	for option in -u --round-robin; do
		rm -f begun
		(yes | env --default-signal "$build/cmd/brood/brood" run -j2 --pipe "$option" --block 100k \
			'echo x >> begun; (sleep 30; sleep 30) | cat' > output 2> messages 3>&-) &
		soon 300 has_lines 2 begun
		kill -KILL "$(pgrep -P $! brood)"
		wait $! || true
		leaves_nothing
	done
}

@test "run: jobs without a shell do not outlive a tool that is killed" {
	start -j2 --no-shell sleep ::: 30 31 32
	running() { [ "$(marked | wc -l)" -ge 3 ]; }
	soon 300 running
	kill -KILL "$tool"
	finishes 137
	leaves_nothing
}

@test "run: a timeout ends the group, also behind a leader that TERM has ended" {
	gives 1 '' --timeout 0.3 'sh -c "trap \"\" TERM; sleep 30; sleep 30" & sleep 30; : {}' ::: 1
	leaves_nothing
	gives 1 '' --timeout 0.3 --termseq TERM,200,KILL '(trap "" TERM; sleep 30; sleep 30) & trap "exit 0" TERM; wait; : {}' ::: 1
	leaves_nothing
}

@test "run: a job that is stopped ends at its timeout" {
	gives 1 a$'\n' --timeout 0.4 'echo a; kill -STOP $$; echo b; : {}' ::: 1
	says 'time'
	gives 1 '' --timeout 0.4 'trap "" TERM; kill -STOP $$; : {}' ::: 1
	leaves_nothing
}

@test "run: a job may close its output early" {
	prints $'a\nb' -k 'echo {}; exec >&- 2>&-; sleep 0.2' ::: a b
	ends 1 a --line-buffer 'echo {}; exec >&- 2>&-; sleep 0.1; exit 3' ::: a
	says 'exit code 3'
	# The wait for such a job takes no processor.
	TIMEFORMAT='%U %S'
	{ time run_jobs 'exec >&- 2>&-; sleep 0.5; : {}' ::: a; } 2> taken
	awk '{ exit $1 + $2 > 0.1 }' taken
	leaves_nothing
}

@test "run: what is written after a job's end is not waited for" {
	prints 'a' '(sleep 0.3; echo late >&2; echo late) & echo a; : {}' ::: 1
	sleep 0.4
	[ ! -s "$BATS_TEST_TMPDIR/messages" ]
	leaves_nothing
}

@test "run: a daemon that a job starts is left alone, and holds up nothing" {
	began=$(date +%s%N)
	prints 'a' 'setsid sh -c "echo \$\$ > daemon; exec sleep 20" & echo a; until [ -s daemon ]; do sleep 0.01; done; : {}' ::: 1
	[ $((($(date +%s%N) - began) / 1000000)) -lt 2000 ]
	kill -0 "$(cat daemon)"
	kill -KILL "$(cat daemon)"
	leaves_nothing
}

jobs_are() {
	local pid state
	for pid in $(cat pids); do
		state=$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$pid/status")
		[[ $state = [$1] ]] || return 1
	done
}

@test "run: Ctrl-Z stops the jobs with the tool, and their clocks" {
	open_terminal
	type 'stty -g > before'
	type "brood run -j2 --timeout 1 'echo \$\$ >> pids; sleep 0.4; sleep 0.4; echo done {}' ::: 1 2"
	soon 300 has_lines 2 pids
	press C-z
	soon 300 shows Stopped
	jobs_are T
	sleep 0.8
	jobs_are T
	type 'clear; fg'
	soon 300 shows '^done 1'
	soon 300 shows '^done 2'
	soon 300 at_prompt
	type 'echo status $?; stty -g > after'
	soon 100 shows '^status 0'
	soon 100 test -s after
	cmp before after
	leaves_nothing_there
}

leaves_nothing_there() {
	close_terminal
	leaves_nothing
}

@test "run: Ctrl-Z and then a kill of the tool leaves no stopped job" {
	open_terminal
	type "brood run -j2 'echo \$PARALLEL_PID >> tool; sleep 30; : {}' ::: 1 2"
	soon 300 has_lines 2 tool
	press C-z
	soon 300 shows Stopped
	kill -KILL "$(head -n 1 tool)"
	leaves_nothing_there
}

@test "run: Ctrl-C typed at a terminal ends all" {
	open_terminal
	type "brood run -j2 'echo \$\$ >> pids; sleep 30; : {}' ::: 1 2 3; echo status \$?"
	soon 300 has_lines 2 pids
	press C-c
	soon 300 at_prompt
	sleep 0.2
	[ "$(wc -l < pids)" -eq 2 ]
	type 'echo last $?'
	soon 100 shows '^last 130'
	leaves_nothing_there
}

@test "run: USR1 tells of the jobs that run" {
	differs_from_gnu
	"$build/cmd/brood/brood" run 'touch begun{}; sleep {}' ::: 20 2> messages 3>&- &
	tool=$!
	eventually test -e begun20
	kill -USR1 "$tool"
	eventually grep -q 'job 1 runs since .* s as process [0-9]*: touch begun20; sleep 20' messages
	kill "$tool"
	wait "$tool" || true
}
