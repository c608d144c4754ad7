#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""header.py INCLUDE BUILD: brood.h compiles alone, by each compiler that is there, in each language that it is for."""
import pathlib
import shutil
import sys

import tap

USE = """#include <brood.h>
#ifndef BROOD_VERSION
#error no BROOD_VERSION
#endif
int main(void) { struct brood_buffer buffer = {0, 0, 0}; return (int)buffer.size; }
"""
PROGRAM_C = """#include <brood.h>
static const char *const argv[] = {"true", 0};
int main(void);
int main(void) { const struct brood_program *program = BROOD_PROGRAM(.argv = argv, .search = true); return !program->search; }
"""

include, build = sys.argv[1], pathlib.Path(sys.argv[2])
build.mkdir(parents=True, exist_ok=True)
strict = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", f"-I{include}"]

for compilers, suffix, standards in ((("gcc", "clang"), "c", ("c99", "c11", "c17")),
                                     (("g++", "clang++"), "cpp", ("c++11", "c++17"))):
    texts = {"use": USE, **({"program": PROGRAM_C} if suffix == "c" else {})}
    for compiler in compilers:
        for standard in standards:
            name = f"{compiler} -std={standard}"
            if not shutil.which(compiler):
                tap.skip(name, f"there is no {compiler}")
                continue
            problems = []
            for title, text in texts.items():
                source = build / f"{title}.{suffix}"
                source.write_text(text, encoding="utf-8")
                problems += tap.run([compiler, f"-std={standard}", *strict, str(source)])[0]
            tap.check(name, problems)
tap.end()
