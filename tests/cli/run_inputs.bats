#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What stands in single quotes is for the shell of a job, and braces are for the command.
# A pipe that compares with the input file does not write it.
# shellcheck disable=SC1003,SC1083,SC2016,SC2094

bats_require_minimum_version 1.5.0
load run

@test "run: the values of several sources are combined, the last one fastest" {
	prints $'a 1 x\na 1 y\na 2 x\na 2 y\nb 1 x\nb 1 y\nb 2 x\nb 2 y' -k echo ::: a b ::: 1 2 ::: x y
	prints $'a\n--dry-run\n-k' -k echo ::: a --dry-run -k
	prints $'\na\n' -k echo ::: '' a ''
	prints '' echo x :::
	prints 'a ' echo ::: a :::
}

@test "run: :::+ and ::::+ go along with the source before, up to the shorter end" {
	printf '1\n2\n' > numbers
	prints $'a 1 x\na 1 y\nb 2 x\nb 2 y' -k echo ::: a b :::+ 1 2 ::: x y
	prints $'a 1\nb 2' -k echo ::: a b c :::+ 1 2
	prints $'a 1\nb 2' -k echo ::: a b :::+ 1 2 3
	prints $'x a 1 p\nx b 2 q\ny a 1 p\ny b 2 q' -k echo ::: x y ::: a b c :::+ 1 2 :::+ p q r
	prints $'A 1 z\nB 2 z' -k echo ::: A B ::::+ numbers ::: z
	prints $'z 1 p\nz 2 q' -k echo ::: z :::: numbers :::+ p q
}

@test "run: --link begins shorter sources anew" {
	prints $'a:1\nb:2\nc:1' -k --link echo {1}:{2} ::: a b c ::: 1 2
	prints $'a:1\na:2\na:3' -k --link echo {1}:{2} ::: a ::: 1 2 3
	prints $'a 1 x\nb 2 y\nc 1 z\na 2 w' -k --link echo ::: a b c ::: 1 2 ::: x y z w
	prints $'a 1\nb 2' -k --xapply echo ::: a b ::: 1 2
}

@test "run: files are sources, by :::: and by -a" {
	printf 'a\nb\n' > letters
	printf '1\n2' > numbers
	true > nothing
	prints $'a\nb' -k echo :::: letters
	prints $'a\nb' -k -a letters echo
	prints $'a\nb' -k --arg-file letters echo
	prints $'a 1\na 2\nb 1\nb 2' -k echo :::: letters numbers
	prints $'a 1\na 2\nb 1\nb 2' -k -a letters -a numbers echo
	prints $'a 1\nb 2' -k -a letters -a numbers --link echo
	prints $'a 1\nb 2' -k echo :::: letters ::::+ numbers
	prints $'a x\nb x' -k -a letters echo ::: x
	prints $'x a\nx b' -k echo ::: x :::: letters
	prints '' -k echo :::: nothing
	ends 255 '' echo :::: nowhere
	says nowhere
	ends 255 '' -a nowhere echo
	says nowhere
}

@test "run: standard input is a source where no other is named, or as -" {
	printf '1\n2\n' > numbers
	printf 's\nt\n' | prints $'s\nt' -k echo
	printf 's\nt\n' | prints $'s\nt' -k -a - echo
	printf 's\nt\n' | prints $'s\nt' -k echo :::: -
	printf 's\nt\n' | prints $'s 1\ns 2\nt 1\nt 2' -k echo :::: - ::: 1 2
	printf 's\nt\n' | prints $'1 s\n1 t\n2 s\n2 t' -k echo :::: numbers -
	printf 's\nt\n' | prints $'s 1\ns 2\nt 1\nt 2' -k -a - -a numbers echo
	printf 's\nt\n' | prints $'1\n2' -k echo ::: 1 2
}

@test "run: lines are values, the last one with or without a newline" {
	printf 'a b\n  lead\ntrail  \na\tb' | prints $'a b\n  lead\ntrail  \na\tb' -k echo
	printf 'a\n\n\nb\n' | prints $'[a]\n[]\n[]\n[b]' -k 'echo [{}]'
	printf 'a\n\n \nb\n' | prints $'[a]\n[b]' -k -r 'echo [{}]'
	printf '\n' | prints '[]' 'echo [{}]'
	printf '\n' | prints '' -r 'echo [{}]'
	printf '' | prints '' 'echo [{}]'
	printf '' | prints '' -r 'echo [{}]'
	printf 'a\r\n' | prints $'echo \'a\r\'' --dry-run echo
	prints '[b]' -k --no-run-if-empty 'echo [{}]' ::: '' b
}

@test "run: -0 and -d part the values otherwise" {
	printf 'a\0b\nc\0\0d' | prints $'[a]\n[b\nc]\n[]\n[d]' -k -0 'echo [{}]'
	printf 'a\0b\0' > values
	prints $'[a]\n[b]' -k --null -a values 'echo [{}]'
	prints $'[a]\n[b]' -k -d '\0' -a values 'echo [{}]'
	printf 'a;b;c' | prints $'[a]\n[b]\n[c]' -k -d ';' 'echo [{}]'
	printf 'a;b\n' | prints $'[a]\n[b\n]' -k --delimiter ';' 'echo [{}]'
	printf 'a\tb\t' | prints $'[a]\n[b]' -k -d '\t' 'echo [{}]'
	printf 'a\nb\n' | prints $'[a]\n[b]' -k -d '\n' 'echo [{}]'
	printf '1ab2ab3a4' | prints $'[1]\n[2]\n[3a4]' -k -d ab 'echo [{}]'
	printf 'a1b' | prints $'[a]\n[b]' -k -d '\061' 'echo [{}]'
}

@test "run: --colsep makes columns" {
	prints $'b-a\nd-c' -k --colsep '\t' 'echo {2}-{1}' ::: $'a\tb' $'c\td'
	printf 'a,b\nc,d,e\nf\n' | prints $'b-a [a b]\nd-c e [c d e]\n-f [f]' -k --colsep , 'echo {2}-{1} {3} [{}]'
	prints $'echo a b\necho c d e' -k --colsep , --dry-run echo ::: a,b c,d,e
	prints 'b-a' --colsep '\s+' 'echo {2}-{1}' ::: 'a  b'
	prints 'cba' --colsep '[,;]' 'echo {3}{2}{1}' ::: 'a,b;c'
	prints 'ba' --colsep '\|' 'echo {2}{1}' ::: 'a|b'
	prints 'b' -C , 'echo {2}' ::: a,b
	prints 'b/c a c b/c' --colsep ' ' 'echo {2} {1.} {2/} {-1}' ::: 'a.x b/c'
	prints $'echo a b 1 2\necho a b 3 ' -k --colsep , --dry-run 'echo {1} {2} {3} {4}' ::: a,b ::: 1,2 3
	prints "echo ax''xc" --colsep '\t' --dry-run 'echo {1}x{2}x{3}' ::: $'a\t\tc'
	prints "echo ''x''xbx" --colsep , --dry-run 'echo {1}x{2}x{3}x{4}' ::: ,,b
	prints $'a b 1\nc d 2' -k --colsep , --link 'echo {1} {2} {3}' ::: a,b c,d ::: 1 2
}

@test "run: columns lose their blanks at both ends, unless --trim says otherwise" {
	prints '[a][b]' --colsep , 'echo [{1}][{2}]' ::: 'a , b'
	prints '[a ][ b]' --colsep , --trim n 'echo [{1}][{2}]' ::: 'a , b'
	prints '[a  b]' --trim lr 'echo [{}]' ::: ' a  b '
	prints $'[  a]' --trim r 'echo [{}]' ::: '  a '
	prints $'[a ]' --trim l 'echo [{}]' ::: '  a '
}

@test "run: --header names sources and columns" {
	prints $'a\nb' -k --header : 'echo {h}' ::: h a b
	prints $'a.x 1 a.x1 a\na.x 2 a.x2 a' -k --header : 'echo {h} {g} {1}{2} {h.}' ::: h a.x ::: g 1 2
	prints $'a 1\na 2' -k --header : echo ::: h a ::: g 1 2
	printf 'name\tage\nbob\t3\nal\t4\n' | prints $'3:bob 3\n4:al 4' -k --header : --colsep '\t' 'echo {age}:{name} {2}'
	prints $'1 2 5\n3 4 6' -k --colsep , --header : --link 'echo {x} {y} {z}' ::: x,y 1,2 3,4 ::: z 5 6
	prints '{nope} a' --header : 'echo {nope} {h/}' ::: h d/a
	prints '1' --header : 'echo {a b}' ::: 'a b' 1
	printf 'h\na\n' > table
	prints a --header : -a table 'echo {h}'
}

@test "run: --arg-sep and --arg-file-sep rename ::: and ::::" {
	printf 'a\nb\n' > letters
	prints $'a\nb' -k --arg-sep // echo // a b
	prints '::: a b' --arg-sep // echo ::: a // b
	prints $'a\nb' -k --arg-file-sep // echo // letters
	prints $'x a\nx b' -k --arg-sep ,, --arg-file-sep // echo ,, x // letters
}

@test "run: --shuf takes each value once" {
	run_jobs --shuf echo ::: {1..20} | sort -n | diff - <(seq 20)
	seq 20 | run_jobs --shuf -k echo > shuffled
	sort -n shuffled | diff - <(seq 20)
}

@test "run: -E ends the input at a value" {
	prints a -k -E e echo ::: a e b
}

@test "run: options stop at the command's first word" {
	prints $'a\nb' -kj2 echo ::: a b
	gives 0 ab -k echo -n ::: a b
	prints a -- echo ::: a
	prints a --keep-order --jobs=2 echo ::: a
	prints a --no-notice --gnu --will-cite echo ::: a
}

@test "run: a NUL byte where lines are values is replaced by a backslash and 0, and said" {
	printf 'a\0b\nc\n' | prints $'a\\0b\nc' -k "printf '%s\n' {}"
	says NUL
}

@test "run: a newline in a value from the command line belongs to it" {
	differs_from_gnu
	prints $'[a\nb]\n[c]' -k 'echo [{}]' ::: $'a\nb' c
	prints $'echo \'a\n\'\necho c' -k --dry-run echo ::: $'a\n' c
}
