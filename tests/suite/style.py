# SPDX-License-Identifier: GPL-2.0
"""What can be said about the sources without running them."""

import ast
import os
import re

from . import TOP, Results, capture, log, tracked

GENERATED = {"include/uapi/linux/zkhsm.h", "kmod/netlink-gen.c", "kmod/netlink-gen.h",
             "tests/kunit/adversarial.h", "tests/kunit/shares.h"}
# Each left out for a reason: the tree is not a kernel tree with a MAINTAINERS
# file; the module's own version checks are all in compat.h; an SPDX line is
# checked below for every file; a symbolic link is how the module is built.
IGNORED = "FILE_PATH_CHANGES,LINUX_VERSION_CODE,SPDX_LICENSE_TAG"
# KERNEL_VERSION() looks like a constant on the wrong side; the layout of trace
# events is checkpatch's known exception.
IGNORED_IN = {"kmod/compat.h": "CONSTANT_COMPARISON",
              "kmod/trace.h": "OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT",
              # A loop over managers names its variable more than once.
              "kmod/zkhsm.h": "MACRO_ARG_REUSE",
              # Its sense is to undefine one.
              "tests/kunit/vectors.h": "INIT_ATTRIBUTE"}
NO_SPDX = ("COPYING",)
NO_COMMENTS = (".json", ".pem", ".der", ".bin", ".txt", ".tsv", ".golden")


def read(name):
    with open(os.path.join(TOP, name), errors="replace") as file:
        return file.read()


def scripts(interpreter):
    """Scripts by what their first line says, with or without a suffix."""
    pattern = re.compile(r"^#! ?/(usr/)?bin/(env )?" + interpreter)
    return [name for name in tracked() if pattern.match(read(name)[:100])]


def checkpatch(results: Results):
    done = capture(["tools/kernels", "scripts"])
    lines = done.stdout.strip().splitlines()
    if not results.expect(done.returncode == 0, "checkpatch is there", done.stdout):
        return
    for name in tracked("kmod/*.[ch]", "tests/kunit/*.[ch]"):
        if name not in GENERATED:
            ignored = ",".join(filter(None, (IGNORED, IGNORED_IN.get(name))))
            results.command(f"checkpatch {name}",
                            ["perl", lines[-1] + "/scripts/checkpatch.pl", "--no-tree", "--strict",
                             "--terse", "--quiet", "--no-summary", "--show-types",
                             "--max-line-length=100", "--ignore", ignored, "-f", name])


def sparse(results: Results):
    """A build of its own, so that every file is looked at."""
    for kernel in ("6.1", "6.12"):
        found = capture(["tools/kernels", kernel])
        kdir = re.search(r"^KDIR=(.*)$", found.stdout, re.M)
        if not results.expect(found.returncode == 0 and kdir, f"kernel {kernel} is there",
                              found.stdout):
            continue
        done = capture(["tools/build-module", kdir.group(1), "C=2",
                        "CF=-D__CHECK_ENDIAN__ -Wsparse-error"], env={"SUFFIX": "-sparse"})
        # Sparse also reads the kernel's own headers; those are not ours to mend.
        ours = [line for line in done.stdout.splitlines()
                if re.search(r"(warning|error):", line) and "/build/" in line]
        results.expect(done.returncode == 0 and not ours, f"sparse on {kernel}",
                       "\n".join(ours) or done.stdout + log(f"sparse-{kernel}", done.stdout))


def shell(results: Results):
    for name in scripts("(ba|da)?sh"):
        results.command(f"shellcheck {name}", ["shellcheck", "-x", name])


def python(results: Results):
    for name in sorted(set(scripts("python3") + tracked("*.py"))):
        try:
            ast.parse(read(name), name)
            results.ok(f"python {name}")
        except SyntaxError as error:
            results.fail(f"python {name}", str(error))


def licences(results: Results):
    missing = [name for name in tracked()
               if name not in NO_SPDX and not name.endswith(NO_COMMENTS)
               and "SPDX-License-Identifier:" not in "\n".join(read(name).splitlines()[:6])]
    results.expect(not missing, "an SPDX line in every file", "\n".join(missing))


def sizes(results: Results):
    long = []
    for name in tracked("kmod/*.c", "userspace/**.c"):
        lines = read(name).count("\n")
        if name not in GENERATED and lines > 600:
            long.append(f"{name}: {lines} lines")
    results.expect(not long, "no file of more than 600 lines", "\n".join(long))


def whitespace(results: Results):
    bad = []
    for name in tracked():
        if name == "COPYING" or name in GENERATED or name.endswith(NO_COMMENTS):
            continue
        text = read(name)
        if re.search(r"[ \t]+$", text, re.M):
            bad.append(f"{name}: blanks at the end of a line")
        if text and not text.endswith("\n"):
            bad.append(f"{name}: no newline at the end")
    results.expect(not bad, "no stray blanks", "\n".join(bad))


def versions(results: Results):
    """Differences between kernels have one home."""
    bad = [name for name in tracked("kmod/*.[ch]")
           if name != "kmod/compat.h" and "LINUX_VERSION_CODE" in read(name)]
    results.expect(not bad, "LINUX_VERSION_CODE only in kmod/compat.h", "\n".join(bad))


def objects(results: Results):
    """A file that nobody builds is not checked by anything."""
    for where in ("kmod", "tests/kunit"):
        listed = set(re.findall(r"([\w-]+)\.o\b", read(where + "/Kbuild")))
        there = {os.path.basename(name)[:-2] for name in tracked(where + "/*.c")}
        results.expect(listed == there, f"{where}/Kbuild lists the files of {where}",
                       "\n".join(sorted(listed ^ there)))


def header(results: Results):
    """The contract compiles alone, as C and as C++."""
    path = os.path.join(TOP, "include/uapi/linux/zkhsm.h")
    for language in ("c", "c++"):
        results.command(f"uapi header as {language}",
                        ["gcc", "-x", language, "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                         path])


def manuals(results: Results):
    for name in tracked("Documentation/man/*"):
        if re.search(r"\.[1-8]$", name):
            done = capture(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", name])
            bad = [line for line in done.stdout.splitlines() if "warning" in line.lower()
                   and line.startswith(("troff", "<standard input>", "man", "an.tmac"))]
            results.expect(done.returncode == 0 and not bad, f"man {name}", "\n".join(bad))


def run(results: Results):
    for check in (licences, whitespace, sizes, versions, objects, header, shell, python, manuals,
                  checkpatch, sparse):
        check(results)
