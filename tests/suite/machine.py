# SPDX-License-Identifier: GPL-2.0
"""The self-tests of tests/selftests in a virtual machine, on each kernel.

One machine per kernel; every test program's output is read by itself, so that
a test which dies takes only its own results with it, and a kernel which dies
is seen by all that come after.
"""

import os
import shutil
import time

from . import LOGS, TOP, Results, capture, log, tap

# Emulation with sanitizers is slow; a test that needs longer hangs.
TIMEOUT = {"6.1": 300, "6.12": 300, "debug": 900, "uml": 300}
# It takes the module out by force, and that switches lockdep off.
LAST = "lock"
# User-mode Linux has no more.
PROCESSORS = {"uml": "1"}


def programs(built):
    """Shell scripts by name, C tests by what the build made of them."""
    directory = os.path.join(TOP, "tests/selftests")
    found = [name for name in os.listdir(directory)
             if name.startswith("test-") and name.endswith(".sh")]
    if os.path.isdir(built):
        found += [name for name in os.listdir(built)
                  if "." not in name and os.access(os.path.join(built, name), os.X_OK)
                  and os.path.exists(os.path.join(directory, name + ".c"))]
    return sorted(found, key=lambda name: (name == LAST, name))


# Machines to be ended when the whole run is.
running = set()


def stop_all():
    """For a run that is ended from outside: a machine would outlive it."""
    for name in sorted(running):
        capture(["tools/vm-stop", name], timeout=120)


def boot(results, kernel, name, build):
    argv = ["tools/vm", "--kernel", kernel, "--keep", "--name", name,
            "--smp", PROCESSORS.get(kernel, "2")]
    done = capture(argv + ([] if build else ["--no-build"]), timeout=3600)
    return results.expect(done.returncode == 0, f"{kernel}: boot and insmod", done.stdout)


def run_on(kernel):
    def run(results: Results):
        name = f"check-{os.getpid()}-{kernel}"
        running.add(name)
        if not boot(results, kernel, name, True):
            running.discard(name)
            return
        tests = programs(os.path.join(TOP, "build/userspace/tests/selftests"))
        results.expect(tests, f"{kernel}: there are self-tests")
        try:
            for test in tests:
                start = time.monotonic()
                done = capture(["tools/vm-exec", "--timeout", str(TIMEOUT[kernel]), name, "--",
                                "/zkhsm/tests/selftests/" + test],
                               timeout=TIMEOUT[kernel] + 30)
                log(f"vm-{kernel}-{test}", done.stdout)
                tap.count(results, f"{kernel}: {test}", done.stdout, done.returncode)
                results.progress(f"   {kernel}: {test} took {time.monotonic() - start:.0f} s")
                # The kernel is gone, and with it what the rest could say.
                if done.returncode == 125:
                    results.fail(f"{kernel}: the test programs after {test}",
                                 "the machine ended before their turn")
                    break
        finally:
            out = os.path.join(LOGS, f"vm-{kernel}")
            shutil.rmtree(out, ignore_errors=True)
            done = capture(["tools/vm-stop", "--out", out, name], timeout=600)
            running.discard(name)
            results.expect(done.returncode == 0, f"{kernel}: the kernel is unharmed, rmmod",
                           done.stdout)
    return run
