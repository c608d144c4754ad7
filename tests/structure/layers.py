#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""layers.py ROOT: who may include whom.

A folder of src/ includes itself and the folders before it; nothing in src/ or include/ includes the programs or the
tests; the programs include nothing of ours but <brood.h>.
"""
import pathlib
import re
import sys

import tap

LAYERS = ["base", "process", "channel", "value", "pool", "report", "mpi"]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
PUBLIC = {"brood.h", "brood-mpi.h"}

root = pathlib.Path(sys.argv[1])


def sources(folder):
    return sorted(path for path in (root / folder).rglob("*") if path.suffix in (".c", ".h"))


def includes(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield f"{path.relative_to(root)}:{number}", found[1] == '"', found[2]


def judge_layer(path, layer):
    allowed = LAYERS[: LAYERS.index(layer) + 1]
    for where, quoted, name in includes(path):
        if not quoted:
            if (root / "src" / name).exists():
                yield f"{where}: <{name}> is ours, and is written in quotes"
            continue
        if name in PUBLIC:
            yield f"{where}: <{name}> is written in angle brackets"
        elif not (root / "src" / name).is_file():
            yield f'{where}: "{name}" is not a file below src/'
        elif name.split("/")[0] not in allowed:
            yield f'{where}: "{name}" lies above {layer}/'


for folder in sorted(path.name for path in (root / "src").iterdir() if path.is_dir()):
    if folder in LAYERS:
        tap.check(f"src/{folder} includes what lies below it",
                  [problem for path in sources(f"src/{folder}") for problem in judge_layer(path, folder)])
    else:
        tap.check(f"src/{folder} is a layer", [f"src/{folder} is none of {', '.join(LAYERS)}"])
tap.check("sources lie in layers", [path for path in (root / "src").glob("*.[ch]")])
tap.check("include/ includes only the system", [
    f"{where}: {name}" for path in sources("include") for where, quoted, name in includes(path)
    if quoted or name not in PUBLIC and any((root / folder / name).exists() for folder in ("src", "include"))])
for folder in ("examples", "cmd"):
    if not (root / folder).is_dir():
        continue
    problems = []
    for path in sources(folder):
        for where, quoted, name in includes(path):
            if quoted and not (path.parent / name).is_file():
                problems.append(f'{where}: "{name}" is not beside it')
            elif quoted and path.parent == root / "examples":
                problems.append(f'{where}: an example of one file stands alone, without "{name}"')
            elif ".." in name or not quoted and any((root / base / name).exists() for base in ("src", "tests")):
                problems.append(f"{where}: {name} is inside the library")
    tap.check(f"{folder} stands on <brood.h> alone", problems)
tap.end()
