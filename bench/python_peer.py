#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One sample of Python's multiprocessing, as the C programs beside it take theirs.

python_peer.py message round|stream BYTES across|same|free
python_peer.py start MEBIBYTES
python_peer.py pool map|imap|executor ITEMS
"""
import concurrent.futures
import multiprocessing
import os
import sys
import time


def measure(work, items=1):
    sample = float(os.environ.get("BENCH_MILLISECONDS", 60)) * 1e6

    def timed(count):
        begin = time.monotonic_ns()
        work(count)
        return time.monotonic_ns() - begin

    count = 1
    while timed(count) < sample / 12:
        count *= 2
    spent = done = 0
    while spent < sample:
        spent += timed(count)
        done += count
    print('{"ns": %.2f}' % (spent / done / items))


def settle_on(processors, placement, side):
    if placement != "free":
        os.sched_setaffinity(0, {processors[side if placement == "across" else 0]})


def receive_all(connection, processors, placement):
    settle_on(processors, placement, 1)
    try:
        while True:
            if connection.recv_bytes()[0]:
                connection.send_bytes(bytes(8))
    except EOFError:
        pass


def message(kind, size, placement):
    processors = sorted(os.sched_getaffinity(0))
    here, there = context.Pipe()
    child = context.Process(target=run_child, args=(here, there, processors, placement))
    child.start()
    there.close()
    settle_on(processors, placement, 0)
    asking, silent = b"\1" * size, b"\0" * size

    def send(count):
        for i in range(1, count + 1):
            wanted = kind == "round" or i == count
            here.send_bytes(asking if wanted else silent)
            if wanted:
                here.recv_bytes()

    measure(send)
    here.close()
    child.join()


def run_child(host, connection, processors, placement):
    host.close()
    receive_all(connection, processors, placement)


def greet(connection):
    connection.send_bytes(b"greeting")


def start(mebibytes):
    memory = bytearray(b"\1") * (mebibytes << 20)

    def run(count):
        for _ in range(count):
            here, there = context.Pipe(False)
            child = context.Process(target=greet, args=(there,))
            child.start()
            there.close()
            here.recv_bytes()
            child.join()
            here.close()

    measure(run)
    return memory


def no_op(item):
    return item * 3 + 1


def pool(kind, count):
    """The pool is made, and has worked, beforehand."""
    items = [i * 7 for i in range(count)]
    expected = sum(item * 3 + 1 for item in items)
    if kind == "executor":
        workers = concurrent.futures.ProcessPoolExecutor(2, context)
        call = workers.map
    else:
        workers = context.Pool(2)
        call = workers.map if kind == "map" else workers.imap_unordered

    def run(times):
        for _ in range(times):
            if sum(call(no_op, items)) != expected:
                sys.exit("sum")

    with workers:
        sum(call(no_op, items[:4]))
        measure(run, count)


context = multiprocessing.get_context("fork")
if sys.argv[1] == "message":
    message(sys.argv[2], int(sys.argv[3]), sys.argv[4])
elif sys.argv[1] == "pool":
    pool(sys.argv[2], int(sys.argv[3]))
else:
    start(int(sys.argv[2]))
