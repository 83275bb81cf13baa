# SPDX-License-Identifier: GPL-2.0
"""Everything builds, with warnings as errors, and leaves the tree clean."""

import os
import re

from . import TOP, Results, capture, tracked, units

KERNELS = ("6.1", "6.12", "debug")


def module(results: Results, kernel):
    found = capture(["tools/kernels", kernel], timeout=3600)
    kdir = re.search(r"^KDIR=(.*)$", found.stdout, re.M)
    if not results.expect(found.returncode == 0 and kdir, f"kernel {kernel} is there",
                          found.stdout):
        return
    results.command(f"module for {kernel}", ["tools/build-module", kdir.group(1)])


def install(results: Results):
    """What install puts somewhere, uninstall takes away."""
    stage = os.path.join(TOP, "build/check/stage")
    argv = ["make", "DESTDIR=" + stage, "KDIR=" + os.environ.get("KDIR", "")]
    capture(["rm", "-rf", stage])
    if not results.command("make install-userspace", argv + ["install-userspace"]):
        return
    missing = [path for path in ("bin/zkhsm", "sbin/zkhsmd", "sbin/zkhsm-agent")
               if not os.access(os.path.join(stage, "usr/local", path), os.X_OK)]
    results.expect(not missing, "the programs are installed", "\n".join(missing))
    units.check(results, stage)
    results.command("make uninstall", argv + ["uninstall"])
    left = [os.path.join(path, name) for path, _, names in os.walk(stage) for name in names]
    results.expect(not left, "uninstall leaves nothing", "\n".join(left))


def run(results: Results):
    before = tracked()
    results.command("programs and library", ["make", "-C", "userspace", "-j2", "all"])
    results.command("self-tests and benchmarks", ["make", "-C", "userspace", "-j2", "tests"])
    for kernel in KERNELS:
        module(results, kernel)
    install(results)
    added = sorted(set(tracked()) - set(before))
    results.expect(not added, "the build leaves no file outside build/", "\n".join(added))
