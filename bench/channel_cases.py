# SPDX-License-Identifier: MIT
"""Processes, programs and channels beside their peers."""
from comparison import Case, Group, program, python

SIZES = {"8 B": 8, "1 KiB": 1 << 10, "64 KiB": 1 << 16, "1 MiB": 1 << 20, "64 MiB": 1 << 26}
LARGE = {"64 KiB": 1 << 16, "1 MiB": 1 << 20, "10 MB": 10 ** 7, "100 MB": 10 ** 8}


def messages(kind, quick, targets):
    cases = []
    for size, count in SIZES.items():
        for place, where in (("across", "across cores"), ("same", "one core"), ("free", "not pinned")):
            if quick and (size in ("1 KiB", "64 MiB") or (place == "free" and size != "8 B")):
                continue
            commands = {mechanism: program("message", mechanism, kind, count, place)
                        for mechanism in ("brood", "socket", "pipe")}
            commands["Python Pipe"] = python("message", kind, count, place)
            pairs = [("brood", "socket", targets.get((size, place))), ("brood", "pipe", None),
                     ("brood", "Python Pipe", None)]
            cases.append(Case(f"{size}, {where}", commands, pairs))
    return cases


def round_trips(quick):
    targets = {("8 B", "across"): 0.5, ("8 B", "same"): 1.2}
    return Group("round: a message sent and acknowledged", [
        "The peers answer each message with 8 bytes; 8 bytes there and 8 back are the bare round trip."],
        messages("round", quick, targets))


def streams(quick):
    return Group("stream: messages one way", [
        "brood acknowledges each; of the peers' only the last of many is answered."], messages("stream", quick, {}))


def large(quick):
    peers = ["memcpy", "socket", "file-written", "file-mapped", "file-reused"]
    cases = []
    for size, count in LARGE.items():
        if quick and size == "10 MB":
            continue
        commands = {mechanism: program("message", mechanism, "round", count, "across") for mechanism in ["brood"] + peers}
        pairs = [("brood", peer, 1.5 if (size, peer) == ("100 MB", "memcpy") else None) for peer in peers]
        cases.append(Case(size, commands, pairs))
    return Group("large: large messages, across cores", [
        "memcpy: into warm memory, no second process. file: a memfd, fresh for each message and handed over by its",
        "descriptor, filled by write or through a mapping, or one reused and read in place. All answered with 8 bytes."],
        cases)


def starts(quick):
    cases = []
    for name, mebibytes in (("small host", 0), ("host of 1 GiB", 1024)):
        commands = {mechanism: program("start", mechanism, mebibytes) for mechanism in ("brood", "fork")}
        pairs = [("brood", "fork", None)]
        if not mebibytes:
            commands["Python Process"] = python("start", mebibytes)
            pairs.append(("brood", "Python Process", None))
        cases.append(Case(name, commands, pairs))
    return Group("start: a child made, its first message received, its end waited for", [
        "fork: the bare call, the message through a pipe, waitpid. The host's memory is in small pages."], cases)


def ready(quick):
    cases = []
    for channels in (10, 1000, 10000):
        commands = {mechanism: program("ready", mechanism, channels) for mechanism in ("brood", "poll", "epoll")}
        pairs = [("brood", "poll", None), ("brood", "epoll", 1.2 if channels == 10000 else None)]
        cases.append(Case(f"{channels:,} channels", commands, pairs))
    return Group("ready: which channels can be received from, 5 of so many", [
        "Only the call is timed, with five senders waiting and asleep."], cases)


def spawns(quick):
    cases = []
    for width, mebibytes in ((2, 0), (1, 0), (4, 0), (2, 1024)):
        if quick and (width, mebibytes) != (2, 0):
            continue
        commands = {mechanism: program("spawn", mechanism, width, mebibytes)
                    for mechanism in ("direct", "clone", "kept", "posix_spawn")}
        pairs = [("direct", "clone", 1.05), ("kept", "clone", None), ("direct", "posix_spawn", None)]
        name = f"{width} at a time" + (", host of 1 GiB" if mebibytes else "")
        cases.append(Case(name, commands, pairs if (width, mebibytes) == (2, 0) else
                          [(own, peer, None) for own, peer, _ in pairs]))
    return Group("spawn: /bin/true run and waited for", [
        "direct: BROOD_DIRECT; kept: the default. clone: CLONE_VM, CLONE_VFORK and CLONE_PIDFD by hand. All in an epoll loop."],
        cases, longer=3)


MEASURED = {"round": round_trips, "stream": streams, "large": large, "start": starts, "ready": ready, "spawn": spawns}
