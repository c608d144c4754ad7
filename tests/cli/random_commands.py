#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""random_commands.py BROOD COUNT [SEED [PARALLEL]]: templates and inputs put together by chance.

For each, what a shell makes of the text that --dry-run shows is what the program gets that brood run starts without a shell. Where
the path of GNU parallel is given, that shows the same text. Prints those that differ; the exit status says whether any did.
"""
import os
import random
import subprocess
import sys

VALUES = ["a", "b c", "d'e", "f/g.h", "x.y.z", "", "$(id)", "é", "~", "a/b/", "..", "1,2", "3,4,5", " s", "t ", "#h", 'a"b', "*", "k=v"]
PLACES = ["{}", "{.}", "{/}", "{//}", "{/.}", "{#}", "{1}", "{2}", "{-1}", "{1.}", "{2/}", "{3}", "{1//}", "{2/.}"]
# With several inputs for a job, positions are left out, and {#} does not stand alone: GNU parallel drops values there.
PACKED = ["{}", "{.}", "{/}", "x{}y", "{#}", "{/.}"]


def maybe(likelihood, *choices):
    return [random.choice(choices)] if random.random() < likelihood else []


def make_case(quoted):
    packing = maybe(0.4, "-X", "-m", "-N1", "-N2", "-N3", "-n1", "-n2", "-n3")
    options = ["-k", f"-j{random.choice([1, 2, 3])}", *packing, *maybe(0.1, "--link"), *maybe(0.08, "-r"), *(["-q"] if quoted else [])]
    for separator in maybe(0.15, ",", "[,.]", r"\s+"):
        options += ["--colsep", separator]
    for trim in maybe(0.1, "l", "r", "lr", "n"):
        options += ["--trim", trim]
    words = []
    for _ in range(random.randint(0, 4)):
        before, behind = maybe(0.3, "x", "a-", "./"), maybe(0.2, "y", ".txt", "/z")
        words.append("".join([*before, random.choice(PACKED if packing else PLACES), *behind]))
    if packing and words and all("{#}" in word for word in words):
        words.append("{}")
    sources = []
    for number in range(random.randint(1, 3)):
        sources.append(random.choice([":::", ":::", ":::+"]) if number else ":::")
        sources += random.choices(VALUES, k=random.randint(1, 4))
    return options, words, sources


def output_of(command, text=None):
    environment = dict(os.environ, LC_ALL="C", SHELL="/bin/bash")
    environment.pop("PARALLEL", None)
    given = {"input": text} if text is not None else {"stdin": subprocess.DEVNULL}
    done = subprocess.run(command, capture_output=True, timeout=60, env=environment, check=False, **given)
    return done.stdout


def main():
    brood, count = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
    peer = sys.argv[4] if len(sys.argv) > 4 else None
    random.seed(seed)
    different = 0
    for _ in range(count):
        options, words, sources = make_case(quoted=not peer and random.random() < 0.3)
        command = [*options, "/bin/echo", *words, *sources]
        shown = output_of([brood, "run", "--dry-run", *command])
        if peer:
            pair = shown, output_of([peer, "--will-cite", "--dry-run", *command])
        else:
            pair = output_of([brood, "run", *command]), output_of(["bash"], shown)
        if pair[0] != pair[1]:
            different += 1
            print(f"{command}\n  {pair[0]!r}\n  {pair[1]!r}")
    print(f"seed {seed}: {different} of {count} differ")
    sys.exit(bool(different))


main()
