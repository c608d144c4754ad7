#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""readme.py README INCLUDE LIBRARY SCRATCH REPORT COMPILER...: the README's first program does what the README says, and what
it shows of the example crash-report is in REPORT."""
import os
import pathlib
import re
import sys

import tap

readme, include, library, scratch, report = map(pathlib.Path, sys.argv[1:6])
compiler = sys.argv[6:]
scratch.mkdir(parents=True, exist_ok=True)



def records(shown):
    """The records of a report: each begins with an item, and is shown whole."""
    return re.split(r"^(?=item )", shown, flags=re.MULTILINE)


text = readme.read_text(encoding="utf-8") if readme.exists() else ""
blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
languages = [language for language, _ in blocks]
at = languages.index("c") if "c" in languages else len(blocks)
tap.check("the README has a C program", [] if at < len(blocks) else ["there is no ```c block"])
if at == len(blocks):
    tap.end()
program_text = blocks[at][1]
lines = len(program_text.splitlines())
tap.check("it has under 25 lines", [] if lines < 25 else [f"it has {lines}"])
told = next((block for language, block in blocks[at + 1 :] if language == "text"), None)
tap.check("its output follows it", [] if told is not None else ["there is no ```text block after it"])

source, program = scratch / "readme.c", scratch / "readme"
source.write_text(program_text, encoding="utf-8")
problems, _ = tap.run([*compiler, "-std=c17", "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{include}", str(source), "-o",
                       str(program), f"-L{library.parent}", "-lbrood"])
tap.check("it compiles without a warning", problems)
if not problems:
    problems, output = tap.run([str(program)], env={**os.environ, "LD_LIBRARY_PATH": str(library.parent)})
    tap.check("it prints what the README says", problems + ([] if output == told else [f"it prints {output!r}", f"not {told!r}"]))

excerpt = re.search(r"^## When it fails$.*?^```text\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
tap.check("it shows a report of crashes", [] if excerpt else ["there is no ```text block below the heading When it fails"])
if excerpt:
    known = records(report.read_text(encoding="utf-8"))
    tap.check("each record of it is as the example's test has it", [one for one in records(excerpt[1]) if one not in known])
tap.end()
