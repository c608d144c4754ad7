#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""install.py BUILD SCRATCH VERSION COMPILER...: what is installed is enough to build and run a program."""
import os
import pathlib
import shutil
import sys

import tap

PROGRAM = """#include <brood.h>
#include <stdio.h>
int main(void)
{
	struct brood_buffer buffer = {0};
	brood_buffer_free(&buffer);
	puts(BROOD_VERSION);
	return 0;
}
"""

build, scratch, version, compiler = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4:]
shutil.rmtree(scratch, ignore_errors=True)
destination = scratch / "root"
destination.mkdir(parents=True)

problems, _ = tap.run(["meson", "install", "-C", build, "--no-rebuild", "--destdir", str(destination)])
tap.check("meson install", problems)

pcs = list(destination.rglob("brood.pc"))
tap.check("one brood.pc", [] if len(pcs) == 1 else [f"there are {len(pcs)}"])
headers = [path.relative_to(destination) for path in destination.rglob("*.h")]
tap.check("brood.h and no other header", [] if [path.name for path in headers] == ["brood.h"] else headers)
libraries = sorted(path.name for path in destination.rglob("libbrood*"))
tap.check("a shared library with its links, and no static one",
          [] if libraries == ["libbrood.so", "libbrood.so.0", f"libbrood.so.{version}"] else libraries)
if len(pcs) != 1:
    tap.end()

directory = str(pcs[0].parent)
environment = {**os.environ, "PKG_CONFIG_LIBDIR": directory, "PKG_CONFIG_SYSROOT_DIR": str(destination)}
problems, flags = tap.run(["pkg-config", "--cflags", "--libs", "brood"], env=environment)
_, told = tap.run(["pkg-config", "--modversion", "brood"], env=environment)
tap.check("pkg-config knows it", problems + ([] if told.strip() == version else [f"version {told}"]))

source, program = scratch / "program.c", scratch / "program"
source.write_text(PROGRAM, encoding="utf-8")
problems, _ = tap.run([*compiler, str(source), "-o", str(program), *flags.split()])
tap.check("a program builds with pkg-config's flags alone", problems)
problems, told = tap.run([str(program)], env={**os.environ, "LD_LIBRARY_PATH": str(pcs[0].parent.parent)})
tap.check("it runs", problems + ([] if told.strip() == version else [f"it says {told!r}"]))

problems, told = tap.run(["readelf", "-d", str(pcs[0].parent.parent / "libbrood.so")])
tap.check("the soname", problems + ([] if "soname: [libbrood.so.0]" in told else [told]))
problems, told = tap.run(["readelf", "-d", str(program)])
tap.check("the program asks for the soname", problems + ([] if "[libbrood.so.0]" in told else [told]))
tap.end()
