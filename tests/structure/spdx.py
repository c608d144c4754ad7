#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""spdx.py ROOT: every source file starts with the licence, behind a #! line where it has one."""
import pathlib
import sys

import tap

MARK = "SPDX-License-Identifier: MIT"
SUFFIXES = {".c", ".h", ".py", ".bats", ".bash", ".sh", ".build", ".supp"}
NAMES = {"Makefile", "meson_options.txt"}

root = pathlib.Path(sys.argv[1])
for folder in (".", ".ci", "bench", "cmd", "examples", "include", "scripts", "src", "tests"):
    problems = []
    found = (root / folder).glob("*") if folder == "." else (root / folder).rglob("*")
    for path in sorted(found):
        if not path.is_file() or "corpus" in path.parts or "__pycache__" in path.parts:
            continue
        with path.open("rb") as file:
            lines = [line.decode("utf-8", "replace") for line in file.read(512).split(b"\n")[:2]]
        is_script = lines[0].startswith("#!")
        if not is_script and path.suffix not in SUFFIXES and path.name not in NAMES:
            continue
        if MARK not in lines[min(is_script, len(lines) - 1)]:
            problems.append(path.relative_to(root))
    if (root / folder).is_dir():
        tap.check(f"licence in {folder}", problems)
tap.end()
