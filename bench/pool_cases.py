# SPDX-License-Identifier: MIT
"""The pool beside its peers: two workers each, and everything that brood makes and ends included."""
from comparison import (EFFICIENCY, FIRST, FIRST_WITHIN, MEMORY, RATE, WITHIN, Case, Group, perl, program,
                        python)

MILLION = 10 ** 6
OPENMP = "OpenMP dynamic"


def openmp(schedule, items, microseconds):
    return program("openmp", schedule, items, microseconds)


def no_ops(quick):
    many = MILLION // 10 if quick else 3 * MILLION // 10
    commands = {
        "brood": program("parallelize", "cold", MILLION, 0),
        OPENMP: openmp("dynamic", MILLION, 0),
        "Pool.map": python("pool", "map", many),
        "imap_unordered": python("pool", "imap", 3000 if quick else 30000),
        "ProcessPoolExecutor": python("pool", "executor", 1000 if quick else 3000),
        "Perl MCE": perl(many),
    }
    pairs = [("brood", OPENMP, 0.5), ("brood", "Pool.map", 20, RATE), ("brood", "imap_unordered", 2000, RATE),
             ("brood", "ProcessPoolExecutor", 5000, RATE), ("brood", "Perl MCE", 30, RATE)]
    warm = {
        "brood": program("parallelize", "warm", 10 * MILLION, 0),
        "first": program("parallelize", "waiting", 10 * MILLION, 0),
        "OpenMP static": openmp("static", 10 * MILLION, 0),
    }
    return Group("no-op: items that are nearly no work, each with a value of 8 bytes, summed", [
        "brood's time and rate have the pool's making and end in them, but for those with workers that wait: brood, after",
        "a first small call; first, before any. The peers' pools are there beforehand. OpenMP dynamic hands out one by one,",
        "to threads that are bound to processors."],
        [Case("1,000,000 items", commands, pairs),
         Case("10,000,000, workers waiting", warm, [("brood", "OpenMP static", 4), ("first", "OpenMP static", 4)])],
        longer=4)


def submissions(quick):
    def commands(items, microseconds):
        return {"brood": program("submission", "unordered", items, microseconds),
                "ordered": program("submission", "ordered", items, microseconds),
                OPENMP: openmp("dynamic", items, microseconds)}

    cases = [Case("1,000,000 no-ops", commands(MILLION, 0), [("brood", OPENMP, 1.0), ("ordered", OPENMP, 1.0)])]
    for microseconds in (10, 100, 1000):
        cases.append(Case(f"{microseconds:,} µs each", commands(items_for(microseconds, quick), microseconds),
                          [(own, OPENMP, 0.96, EFFICIENCY) for own in ("brood", "ordered")]))
    return Group("submit: items submitted one by one, with results taken as they come", [
        "ordered: BROOD_ORDERED. Efficiency: the items' work by what two processors could have done in the time."],
        cases, longer=2, works=True)


def items_for(microseconds, quick):
    """So many that there is a second of work, or a part of it."""
    return (MILLION * 2 // 5 if quick else MILLION) // microseconds


def grains(quick):
    cases = []
    for microseconds in (1, 10, 100, 1000):
        items = items_for(microseconds, quick)
        commands = {"brood": program("parallelize", "cold", items, microseconds),
                    OPENMP: openmp("dynamic", items, microseconds)}
        cases.append(Case(f"{microseconds:,} µs each", commands,
                          [("brood", OPENMP, 0.95 if microseconds == 1 else 0.97, EFFICIENCY)]))
    return Group("grain: the efficiency of brood_parallelize", [
        "The items' work by what two processors could have done in the time."], cases, works=True)


def claims(quick):
    cases = []
    for microseconds in (0, 1):
        items = items_for(microseconds, quick) if microseconds else MILLION
        commands = {"brood": program("parallelize", "cold", items, microseconds)}
        for size in (1, 64):
            commands[f"ranges of {size}"] = program("claim", items, microseconds, size)
        cases.append(Case(f"{microseconds} µs each" if microseconds else "1,000,000 no-ops", commands,
                          [("brood", "ranges of 1"), ("brood", "ranges of 64")]))
    return Group("claim: the cost of knowing who does what", [
        "Beside bare children that claim from one shared counter and record nothing."], cases, works=True)


def singles(_quick):
    commands = {mechanism: program("single", mechanism) for mechanism in ("brood", "nested", "fork")}
    return Group("single: a worker made, one item done, and its end waited for", [
        "fork: the bare call and waitpid, with nothing done. nested: the same processes and as many words between them, bare."],
        [Case("small host", commands, [("brood", "fork", 3), ("brood", "nested"), ("nested", "fork")])])


def results(_quick):
    commands = {mechanism: program("result", mechanism, 10 ** 8) for mechanism in ("brood", "alone")}
    pairs = [("brood", "alone", 1.15), ("brood", "alone", None, FIRST)]
    return Group("result: a value of 100 MB, made by a worker and summed by the host", [
        "alone: made and summed by one process. First again and again, in one pool or in one memory; then the first."],
        [Case("100 MB", commands, pairs)], longer=4)


def deaths(quick):
    cases = []
    for name, count, mebibytes, lifetime, target in (("small host", 50, 0, 5000, 3), ("host of 1 GiB", 5, 1024, 100000, 3),
                                                     ("one after another", 50, 0, 0, None)):
        commands = {mechanism: program("death", mechanism, count if quick else 3 * count, mebibytes, lifetime)
                    for mechanism in ("brood", "fork")}
        cases.append(Case(name, commands, [("brood", "fork", target)]))
    return Group("death: from a worker's SIGKILL to the next item's begin in its replacement", [
        "fork: a bare child's SIGKILL until the host, which polls its pidfd, is awake. Each lives for 5 ms before, or 100 in the",
        "large host, whose memory is in small pages: by then a spare worker is ready. One after another, none can be."],
        cases)


def crowds(_quick):
    commands = {mechanism: program("crowd", mechanism, 1000) for mechanism in ("brood", "fork")}
    pairs = [("brood", "fork", 1.5), ("brood", "fork", 45 * 1024, MEMORY)]
    return Group("crowd: 1,000 workers made and ended, and the memory of each that waits", [
        "fork: children that wait for a pipe to close. Memory is the proportional set size, without the host's."],
        [Case("1,000 workers", commands, pairs)])


def traces(quick):
    cases = []
    for name, way in (("null pointer", "pointer"), ("abort", "abort")):
        commands = {mechanism: program("trace", mechanism, way, 10 if quick else 30) for mechanism in ("brood", "untraced")}
        cases.append(Case(name, commands, [("brood", "untraced", 100 * 10 ** 6, FIRST_WITHIN),
                                           ("brood", "untraced", 5 * 10 ** 6, WITHIN)]))
    return Group("trace: from a crash, eleven calls deep, to its record with the traceback", [
        "The first of a process, for which debug information is read, with abort the C library's too; then later ones.",
        "untraced: BROOD_UNTRACED."],
        cases)


MEASURED = {"no-op": no_ops, "submit": submissions, "grain": grains, "claim": claims, "single": singles, "result": results,
            "death": deaths, "trace": traces, "crowd": crowds}
