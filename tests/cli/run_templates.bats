#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What stands in single quotes is for the shell of a job, and braces are for the command.
# A pipe that compares with the input file does not write it.
# shellcheck disable=SC1003,SC1083,SC2016,SC2094

bats_require_minimum_version 1.5.0
load run

@test "run: a value in the shell form is bare, or in single quotes as a whole" {
	prints "echo a
echo -n
echo +1
echo a/b.c_D-9
echo ''
echo '~'
echo '=x'
echo '#x'
echo 'a:b'
echo 'a,b'
echo 'a@b'
echo 'a%b'
echo 'a=b'
echo 'a b'
echo 'a\\b'
echo '\"'
echo '{}{1}{.}'" --dry-run -k echo ::: a -n +1 a/b.c_D-9 '' '~' =x '#x' a:b a,b a@b a%b a=b 'a b' 'a\b' '"' '{}{1}{.}'
	prints "echo 'a !#\$%&()*,:;<=>?@[\\]^\`{|}~'" --dry-run echo ::: 'a !#$%&()*,:;<=>?@[\]^`{|}~'
	prints $'echo \'a\tb\'\necho \'\x01\x7f\x1b\'\necho \'é\'\necho \'\xff\xfe\'\necho \'b\r\'' \
		--dry-run -k echo ::: $'a\tb' $'\x01\x7f\x1b' é $'\xff\xfe' $'b\r'
	printf 'a\nb\0\n\0' | prints $'echo \'a\nb\'\necho \'\n\'' --dry-run -k -0 echo
}

@test "run: single quotes within a value stand in double quotes" {
	prints "echo \"'\"
echo \"'\"''\"'\"
echo 'a'\"'\"
echo \"'\"'a'\"'\"
echo 'it'\"'\"'s'
echo 'a'\"'\"''\"'\"'b'" --dry-run -k echo ::: "'" "''" "a'" "'a'" "it's" "a''b"
	prints "echo 'a b.c/d e' 'd e.f' 'a b.c' 'd e'
echo 'q'\"'\"'.x/y'\"'\" 'y'\"'\"'.z' 'q'\"'\"'.x' 'y'\"'\"" \
		--dry-run -k 'echo {.} {/} {//} {/.}' ::: 'a b.c/d e.f' "q'.x/y'.z"
}

@test "run: what --dry-run prints does what the job does" {
	values=('a b' '$(id)' '`id`' "it's" '*' '' '-n' $'a\tb' $'\xff' '\' '!x' '~')
	run_jobs --dry-run -k 'printf "%s\n" {} x{}y' ::: "${values[@]}" > commands
	bash commands | diff - <(printf '%s\nx%sy\n' "$(printf '%s' 'a b')" 'a b'; for value in "${values[@]:1}"; do
		printf '%s\nx%sy\n' "$value" "$value"
	done)
	run_jobs -k 'printf "%s\n" {} x{}y' ::: "${values[@]}" | diff - <(bash commands)
}

@test "run: the words of a template are joined by one space, and the shell sees them" {
	prints 'a b x c d e' echo a   b '{}   c' 'd   e' ::: x
	prints 'echo a  b x' --dry-run echo a '' b ::: x
	prints 'echo a   b; echo x' --dry-run 'echo a   b;' echo ::: x
	prints $'echo a; echo \'c d\'' --dry-run 'echo a;' echo ::: 'c d'
	prints $'in x\nin y z' -k 'a() { echo "in $1"; }; a {}' ::: x 'y z'
	prints '3 x' 'echo $((1 + 2))' ::: x
	ends 1 '' nosuchcommand ::: a
	says nosuchcommand
}

@test "run: a template without a replacement string has the value appended" {
	prints 'echo x a' --dry-run echo x ::: a
	prints "echo x; 'a b'" --dry-run 'echo x;' ::: 'a b'
	prints $'echo a 1\necho a 2' --dry-run -k echo ::: a ::: 1 2
	prints "echo a ''" --dry-run echo ::: a ::: ''
	prints 'echo {x} {a-b} {1..3} ${x} {##} {nope} a' --dry-run 'echo {x} {a-b} {1..3} ${x} {##} {nope}' ::: a
}

@test "run: without a template, or with {} as its first word, values are commands" {
	ends 1 $'a\nb c' -k ::: 'echo a' 'echo b  c; false'
	printf 'echo a  b\necho $((1+2))\n\n' | prints $'a b\n3' -k
	prints 'echo a  "b"' --dry-run ::: 'echo a  "b"'
	prints 'echo a  "b" x' --dry-run {} x ::: 'echo a  "b"'
	prints $'hi\na hi' -k {} hi ::: echo 'echo a'
	# After an equals sign or a blank it is no such word.
	prints "X='a b' y 'a b'" --dry-run 'X={} y' {} ::: 'a b'
	prints " 'a b'" --dry-run ' {}' ::: 'a b'
	prints "'a b'" --dry-run -q {} ::: 'a b'
}

@test "run: only a first word that is all value is a command: what is beside it, and all others, are quoted" {
	differs_from_gnu
	prints "./'a b' x 'a b'" --dry-run './{} x {}' ::: 'a b'
	prints "a b x 'a b'" --dry-run '{} x {}' ::: 'a b'
}

@test "run: {} {.} {/} {//} {/.} cut paths" {
	prints "a/b.c.d a/b.c b.c.d a b.c
/x/y.z /x/y y.z /x y
noext noext noext . noext
./x.y ./x x.y . x
a.b/c a.b/c c a.b c
a/.h.x a/.h .h.x a .h
a. a a. . a
.. . .. . .
a b/c d.e f a b/c d c d.e f a b c d" -k echo {} {.} {/} {//} {/.} ::: a/b.c.d /x/y.z noext ./x.y a.b/c a/.h.x a. .. 'a b/c d.e f'
	prints "echo .hidden '' .hidden . ''
echo dir/ dir/ '' . ''
echo / / '' / ''" -k --dry-run echo {} {.} {/} {//} {/.} ::: .hidden dir/ /
}

@test "run: {#} is the job's number and {%} its slot" {
	prints $'echo 1 1 a\necho 2 1 b\necho 3 1 c' --dry-run -k -j1 echo {#} {%} {} ::: a b c
	prints $'1 a{#}\n2 {2}\n3 {.}' -k 'echo {#} {}' ::: 'a{#}' '{2}' '{.}'
	prints $'1\n2\n1' -k -j2 'sleep 0.{}; echo {%}' ::: 1 5 1
	prints $'1 1\n2 1' -j1 'echo $PARALLEL_SEQ $PARALLEL_JOBSLOT; : {}' ::: a b
}

@test "run: {1} {1.} {1/} {1//} {1/.} {-1} take one of several values" {
	prints $'p/a.b x/y.z p/a y.z p y x/y.z x/y a.b\nc/d.e x/y.z c/d y.z c y x/y.z x/y d.e' \
		-k echo {1} {2} {1.} {2/} {1//} {2/.} {-1} {-1.} {-2/} ::: p/a.b c/d.e ::: x/y.z
	prints $'a\na\nb\nb' -k echo {1} ::: a b ::: 1 2
	prints $'echo  a x\necho  b x' -k --dry-run 'echo {3} {1} x{9}' ::: a b
	prints 'echo a  a a-a' --dry-run echo {1} {2} {1}{2} {1}-{1} ::: a
	prints $'echo a \'\' a\'\'x' --dry-run 'echo {1} {2} a{2}x' ::: a ::: ''
	prints $'a/1.x b/1.x a b/1.x\na/1.x b/2 a b/2' -k echo {} {1//} {2} ::: a/1.x ::: b/1.x b/2
}

@test "run: {} stands for all of a job's values, and so do its variants" {
	prints $'[a 1]\n[a 2]' -k 'echo [{}]' ::: a ::: 1 2
	prints $'a 1|a.x 1.z\nb/c 1|c.y 1.z' -k 'echo {.}"|"{/}' ::: a.x b/c.y ::: 1.z
}

@test "run: -I renames {}, and only {}" {
	prints 'echo a {} ax' --dry-run -I ,, 'echo ,, {} ,,x' ::: a
	prints 'echo a a.b' --dry-run -I ,, 'echo {.} ,,' ::: a.b
	prints 'echo a b' --dry-run -I XX echo XX b ::: a
	prints 'echo a x' --dry-run '-I{}' 'echo {} x' ::: a
}

@test "run: -q passes the template's words as they are" {
	prints $'a  b $x; c d xc dy\na  b $x; e\'f xe\'fy' -k -q echo 'a  b' '$x;' {} 'x{}y' ::: 'c d' "e'f"
	prints "echo 'a  b' '\$x;' 'c d'" -q --dry-run echo 'a  b' '$x;' {} ::: 'c d'
	prints 'a  b' -q sh -c 'echo "$1"' sh ::: 'a  b'
	ends 1 '' -q 'echo {}' ::: a
}

@test "run: a value within quotes arrives as it is" {
	differs_from_gnu
	prints $'a b\n$(id)\n"\n\'\n`id`\n\\\n!\n$HOME\n*' -k 'echo "{}"' ::: 'a b' '$(id)' '"' "'" '`id`' '\' '!' '$HOME' '*'
	prints $'a b\n$(id)\n"\n\'\n`id`\n\\\n!\n$HOME\n*' -k "echo '{}'" ::: 'a b' '$(id)' '"' "'" '`id`' '\' '!' '$HOME' '*'
	prints $'<a  b> <a  b> x' "echo '<{}>' \"<{}>\" x" ::: 'a  b'
	prints $'d\'.x|d\'|1' "echo \"{/}|{/.}|{#}\"" ::: "a b/d'.x"
	prints $'it\'s and "q"' 'echo "{1} and {2}"' ::: "it's" ::: '"q"'
}

@test "run: what this project does not do is refused in one line" {
	differs_from_gnu
	for refused in -S=: --sshlogin=: --sshloginfile=x --sqlmaster=x --sqlworker=x --sqlandworker=x --tmux --tmuxpane --semaphore --sem; do
		case $refused in
		-S=*) ends 255 '' -S : echo ::: a ;;
		*) ends 255 '' "$refused" echo ::: a ;;
		esac
		[ "$(wc -l < "$BATS_TEST_TMPDIR/messages")" -eq 1 ]
		[[ "$(cat "$BATS_TEST_TMPDIR/messages")" == *"${refused%%=*}"* ]]
	done
	ends 255 '' 'echo {= $_=uc =}' ::: a
	[ "$(wc -l < "$BATS_TEST_TMPDIR/messages")" -eq 1 ]
	says '{='
	mkdir bin
	ln -s "$build/cmd/brood/brood" bin/sem
	run -255 --separate-stderr timeout 10 bin/sem echo a
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "run: a wrong option ends with 255 and starts nothing" {
	differs_from_gnu
	ends 255 '' --joblgo f touch ::: x
	says --joblog
	ends 255 '' --colspe , touch ::: x
	says --colsep
	ends 255 '' --no-such-thing-at-all touch ::: x
	says --no-such-thing-at-all
	for wrong in '-j x' '--halt bogus' '--halt now,fail' '--timeout x' '--retries x' '--delay x' '-N x' '--load x'; do
		# shellcheck disable=SC2086
		ends 255 '' $wrong touch ::: x
	done
	[ ! -e x ]
}

@test "run: called as parallel it is parallel" {
	differs_from_gnu
	mkdir bin
	ln -s "$build/cmd/brood/brood" bin/parallel
	run -0 --separate-stderr timeout 10 bin/parallel -k --tag echo {.} ::: a.x b.y
	[ "$output" = $'a.x\ta\nb.y\tb' ]
	run -3 --separate-stderr timeout 10 bin/parallel false ::: 1 2 3
	run -0 --separate-stderr timeout 10 bin/parallel --will-cite --no-notice --gnu echo ::: a
	[ "$output" = a ]
}
