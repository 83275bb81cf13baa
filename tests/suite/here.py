# SPDX-License-Identifier: GPL-2.0
"""Tests that need no virtual machine of ours, or start their own."""

import os

from . import TOP, Results, capture, log, tap

SANITIZERS = {
    "CMOCKA_MESSAGE_OUTPUT": "TAP",
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


def generated(results: Results):
    results.command("netlink code is what the spec says", ["tools/gen-netlink.sh", "--check"])
    if os.path.exists(os.path.join(TOP, "tools/gen-vectors.py")):
        results.command("vectors are what their generator makes",
                        ["/usr/bin/python3", "tools/gen-vectors.py", "--check"])


def unit(results: Results):
    if not results.command("unit tests build with sanitizers",
                           ["make", "-C", "userspace", "-j2", "SAN=1", "unit"]):
        return
    directory = os.path.join(TOP, "build/asan/tests/unit")
    sources = os.listdir(os.path.join(TOP, "tests/unit"))
    names = sorted(name[:-2] for name in sources
                   if name.startswith("test_") and name.endswith(".c"))
    results.expect(names, "there are unit tests")
    for name in names:
        done = capture([os.path.join(directory, name)], env=SANITIZERS, timeout=300)
        log("unit-" + name, done.stdout)
        tap.count(results, name, done.stdout, done.returncode)


def script(path, timeout, *arguments):
    """A layer that is a program of its own and speaks TAP."""
    def check(results: Results):
        name = "-".join([*path.split("/")[1:], *(word.strip("-") for word in arguments[:1])])
        done = capture([os.path.join(TOP, path), *arguments], timeout=timeout)
        log(name, done.stdout)
        tap.count(results, name, done.stdout, done.returncode)
    return check


constant_time = script("tests/constant-time/run", 900)
interop = script("tests/interop/run", 900)
model = script("tests/model/run", 900)
model_deep = script("tests/model/run", 3600, "--deep")
manager = script("tests/manager/run", 1200)
kunit = script("tests/kunit/run", 900)
kunit_mutants = script("tests/kunit/mutants", 3600)
e2e = script("tests/e2e/run", 1200)
detect = script("tests/vm/detect/run", 1800)
disk = script("tests/vm/disk/run", 600)
fork = script("tests/vm/fork/run", 1200)
units = script("tests/units/run", 900)
powercut = script("tests/powercut/run", 1800, "--mutants", "dir")
powercut_deep = script("tests/powercut/run", 3600, "--kernel", "6.12", "--seed", "2")
interop_deep = script("tests/interop/deep", 1800)
memory = script("tests/memory/run", 1200)
memory_deep = script("tests/memory/deep", 3000)
fuzz = script("tests/fuzz/run", 900, "--replay")
fuzz_deep = script("tests/fuzz/run", 5400, "--seconds", "180")
fuzz_netlink = script("tests/fuzz/netlink/run", 5400, "--seconds", "900")
fuzz_mutants = script("tests/fuzz/netlink/run", 10800, "--mutants", "--seconds", "300")
fuzz_mutants_user = script("tests/fuzz/run", 3600, "--mutants")
stress = script("tests/stress/run", 3600)
stress_deep = script("tests/stress/run", 5400, "--seconds", "120", "--reload", "25")
stress_mutants = script("tests/stress/run", 5400, "--mutants", "--seconds", "60", "--reload", "0")
kcsan = script("tests/stress/run", 5400, "--kernel", "kcsan", "--seconds", "240", "--reload", "60")
kill = script("tests/kill/run", 3600)
each_load = script("tests/faults/deep", 3600, "each-load")
load_100 = script("tests/faults/deep", 2400, "load-100")
fault_mutants = script("tests/faults/deep", 5400, "mutants")
timing = script("tests/timing/run", 1800)
