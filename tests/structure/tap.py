# SPDX-License-Identifier: MIT
"""One check is one TAP line; a script ends with the plan and with 1 if any check failed."""
import subprocess
import sys

_count = _failed = 0


def check(name, problems):
    """A check holds when its list of problems is empty; they are printed as comments where it is not."""
    global _count, _failed
    _count += 1
    _failed += bool(problems)
    print(f"{'not ' if problems else ''}ok {_count} - {name}")
    for problem in problems:
        for line in str(problem).splitlines():
            print(f"# {line}")
    sys.stdout.flush()


def skip(name, reason):
    global _count
    _count += 1
    print(f"ok {_count} - {name} # SKIP {reason}")


def run(command, **options):
    """What a command that failed has to say, as a list of problems, and its output."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                          check=False, timeout=60, **options)
    if not done.returncode:
        return [], done.stdout
    return [f"{' '.join(map(str, command))}: ended with {done.returncode}", done.stdout, done.stderr], done.stdout


def end():
    print(f"1..{_count}")
    sys.exit(1 if _failed or not _count else 0)
