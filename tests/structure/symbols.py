#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""symbols.py HEADER LIBRARY: the library exports the BROOD_API functions of the header, and nothing else."""
import pathlib
import re
import sys

import tap

header = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
header = re.sub(r"/\*.*?\*/", " ", header, flags=re.DOTALL)
header = re.sub(r"^\s*#.*$", " ", header, flags=re.MULTILINE)
declared = set(re.findall(r"\bBROOD_API\b[^;(]*?\b(\w+)\s*\(", header))
loose = set(re.findall(r"\b(brood_\w+)\s*\([^;{]*\)[^;{]*;", header)) - declared

problems, output = tap.run(["nm", "-D", "--defined-only", sys.argv[2]])
exported = {line.split()[-1].split("@")[0] for line in output.splitlines() if line.split()[-2] != "A"}

tap.check("the library can be read", problems)
tap.check("the header declares functions", [] if declared else ["none was found"])
tap.check("what the header declares is exported", sorted(declared - exported))
tap.check("what is exported is declared in the header", sorted(exported - declared))
# A type of function is declared without BROOD_API.
tap.check("every function of the header is BROOD_API",
          sorted(name for name in loose if not re.search(rf"\btypedef\b[^;]*\b{name}\s*\(", header)))
tap.end()
