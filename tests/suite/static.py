# SPDX-License-Identifier: GPL-2.0
"""What three analyzers see in user space, file by file.

Each exception stands where it is made: beside the code with its reason, or, for
a whole class of findings, in .clang-tidy and below.
"""

import concurrent.futures
import os
import re

from . import TOP, Results, capture, tracked

# NULL at the end of variable arguments is a pointer in every C library for Linux.
CPPCHECK = ["cppcheck", "--enable=warning,performance,portability", "--std=c11",
            "--inline-suppr", "--quiet", "--error-exitcode=1", "--template=gcc",
            "--suppress=missingIncludeSystem", "--suppress=varFuncNullUB"]
PLANTED = """#include <stdlib.h>
int freed(int *p), beyond(int n);
int freed(int *p)
{ free(p); return *p; }
int beyond(int n)
{ int a[2] = { 1, 2 }; return a[n ? 2 : 3]; }
"""
PORTABLE = ["kmod/wire.c", "kmod/wire-order.c", "kmod/wire-seal.c", "kmod/shamir.c", "kmod/scalar.c", "kmod/point.c"]


def flags(results):
    """What the Makefile compiles with; an analyzer must see the same program."""
    done = capture(["make", "-s", "-C", "userspace", "print-flags"])
    if results.expect(done.returncode == 0, "the compiler's flags", done.stdout):
        return done.stdout.split()
    return None


def analyze(source, options):
    """The source and, by analyzer, what it said about it."""
    gcc = capture(["gcc", *options, "-O2", "-fanalyzer", "-Werror", "-c", "-o", os.devnull, source])
    tidy = capture(["clang-tidy", "--quiet", source, "--", *options,
                    # gcc's names of warnings, in pragmas
                    "-Wno-unknown-warning-option"])
    return source, {"gcc -fanalyzer": gcc, "clang-tidy": tidy}


def planted(results, options):
    """An analyzer that finds nothing anywhere has not looked."""
    source = os.path.join(TOP, "build/planted.c")
    with open(source, "w") as file:
        file.write(PLANTED)
    _, found = analyze(source, options)
    found["cppcheck"] = capture([*CPPCHECK, source])
    for analyzer, done in found.items():
        results.expect(done.returncode and re.search(r"planted\.c:[46]:.*(free|bounds)", done.stdout),
                       f"{analyzer} sees a planted flaw", done.stdout)


def run(results: Results):
    options = flags(results)
    if not options:
        return
    planted(results, options)
    paths = [option for option in options if option.startswith(("-I", "-D"))]
    results.command("cppcheck", CPPCHECK + paths + ["userspace", *PORTABLE])
    sources = tracked("userspace/*.c") + PORTABLE
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for source, found in pool.map(lambda name: analyze(name, options), sources):
            for analyzer, done in found.items():
                lines = [line.replace(TOP + "/", "") for line in done.stdout.splitlines()
                         if re.search(r": (warning|error): ", line)]
                results.expect(done.returncode == 0 and not lines, f"{analyzer} {source}",
                               "\n".join(lines) or done.stdout)
