# SPDX-License-Identifier: MIT
"""The command beside others that run one program for each input, two at a time."""
import functools
import shutil
import subprocess

from comparison import BUILD, CPU, PEAK, RATE, Case, Group, program

BROOD = [BUILD + "/../cmd/brood/brood", "run", "-j2"]
TRUE, ECHO, SHELL = "/bin/true", "/bin/echo", "true; true"


@functools.lru_cache(maxsize=None)
def is_gnu(name):
    version = subprocess.run([name, "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             text=True, check=False).stdout
    return "GNU parallel" in version


def parallel(gnu):
    """Two programs have the name: where both are installed, Debian gives the one of moreutils another."""
    for name in ("parallel", "parallel.moreutils"):
        if shutil.which(name) and is_gnu(name) == gnu:
            return name
    return None


def gnu_parallel(*arguments):
    name = parallel(gnu=True)
    return [name, "--will-cite", "-j2", *arguments] if name else None


def moreutils(runs, *arguments):
    """It takes its inputs as arguments."""
    name = parallel(gnu=False)
    return [name, "-j2", *arguments, "--", *map(str, range(1, runs + 1))] if name else None


def xargs(*arguments):
    return ["xargs", *arguments] if shutil.which("xargs") else None


def taking(way, label, inputs, command):
    """What is not there is skipped under its own name."""
    return program("command", way, inputs, *command) if command else [label]


def runs_of(quick):
    """GNU parallel takes ten times as long: a part of the runs is enough to know how slow."""
    return (400, 40) if quick else (2000, 200)


def peers(way, quick, job):
    runs, few = runs_of(quick)
    return {"brood": taking(way, "brood", runs, BROOD + [job]),
            "xargs": taking(way, "xargs", runs, xargs("-P2", "-n1", job)),
            "GNU parallel": taking(way, "GNU parallel", few, gnu_parallel(job)),
            "moreutils' parallel": taking(way, "moreutils' parallel", runs, moreutils(runs, job))}


def bound(runs):
    """Two threads that spawn and wait, and do no more: what is left for whoever does."""
    return taking("time", "bare threads", runs, [BUILD + "/bench-spawners", "2", TRUE])


def beside(commands, targets):
    """A row for the rates and one for the processor time, with each peer."""
    return [("brood", peer, targets.get(peer) if measure is RATE else None, measure)
            for peer in commands if peer != "brood" for measure in (RATE, CPU)]


def rates(quick):
    commands = peers("time", quick, TRUE)
    commands["bare threads"] = bound(runs_of(quick)[0])
    return Group("rate: runs of /bin/true, their output grouped", [
        f"{runs_of(quick)[0]:,} runs, and {runs_of(quick)[1]:,} of GNU parallel; from the command's start to its end.",
        "CPU: of it and of all below it. xargs groups nothing: its jobs write where it does itself. Bare threads: two that spawn",
        "and wait, and do nothing else; what they reach beside xargs is what can be reached here."],
        [Case("/bin/true", commands, beside(commands, {"xargs": 1.4, "GNU parallel": 10}) +
              [("bare threads", peer, None, RATE) for peer in ("xargs", "GNU parallel")])])


def captures(quick):
    commands = peers("capture", quick, ECHO)
    del commands["moreutils' parallel"]
    return Group("capture: runs of /bin/echo, with the output in a file", [
        "brood and GNU parallel take each job's output and write it whole. That of moreutils kills the processes through which",
        "its jobs' output goes with the last lines still in them, and is left out."],
        [Case("/bin/echo", commands, beside(commands, {}))])


def shells(quick):
    runs, few = runs_of(quick)
    commands = {"brood": taking("time", "brood", runs, BROOD + [SHELL]),
                "xargs": taking("time", "xargs", runs, xargs("-P2", "-I{}", "/bin/sh", "-c", SHELL)),
                "GNU parallel": taking("time", "GNU parallel", few, gnu_parallel(SHELL))}
    return Group("shell: jobs that need a shell", [
        "/bin/sh for all; xargs starts it as its program."], [Case(SHELL, commands, beside(commands, {}))])


def memories(quick):
    commands = peers("memory", quick, TRUE)
    pairs = [("brood", peer, 2 if peer == "xargs" else None, PEAK) for peer in commands if peer != "brood"]
    return Group("memory: the most that the command itself has resident, without its jobs", [
        "Runs as for rate."], [Case("/bin/true", commands, pairs)])


def ones(_quick):
    commands = {"brood": taking("time", "brood", 1, BROOD[:2] + [TRUE, ":::", "x"]),
                "xargs": taking("time", "xargs", 1, xargs("-n1", TRUE)),
                "fork": taking("time", "fork", 1, [TRUE])}
    return Group("one: a single job, from the command's start to its end", [
        "fork: /bin/true itself, by fork, exec and wait."],
        [Case("/bin/true", commands, [("brood", "xargs", 2), ("brood", "fork")])])


def inputs(quick):
    cases = []
    for name, job, many in (("100,000, none run", ["--dry-run", TRUE], 100000),
                            ("2,000 run" if quick else "20,000 run", [TRUE], 2000 if quick else 20000)):
        few = many // 100
        commands = {"brood": taking("memory", "brood", many, BROOD + job),
                    f"{few:,} inputs": taking("memory", "brood", few, BROOD + job)}
        cases.append(Case(name, commands, [("brood", f"{few:,} inputs", 1.1, PEAK)]))
    return Group("inputs: the same memory for many inputs as for a hundredth of them", [
        "The most that the command itself has resident. None run: --dry-run."], cases)


def maps(_quick):
    lines = 100000
    commands = {"brood": taking("capture", "brood", lines, [BROOD[0], "map", "-j2", "--raw", BUILD + "/libbench-echo.so:echo"]),
                "GNU parallel --pipe": taking("capture", "GNU parallel", lines,
                                              gnu_parallel("--pipe", "--block", "100k", "cat"))}
    return Group("map: a value for each of 100,000 short lines, in a file", [
        "brood map calls a function for each line, which gives the line back. GNU parallel runs cat, for 100 KB at once."],
        [Case("100,000 lines", commands, beside(commands, {}))])


MEASURED = {"rate": rates, "capture": captures, "shell": shells, "memory": memories, "one": ones, "inputs": inputs,
            "map": maps}
