# SPDX-License-Identifier: GPL-2.0
"""The systemd units, as they are installed: valid, and sandboxed."""

import glob
import os
import shutil

from . import TOP, Results, capture

UNITS = "usr/local/lib/systemd/system"
# What ours refer to, and the programs of others that they run.
TARGETS = ("basic.target", "multi-user.target", "network-online.target", "network.target",
           "shutdown.target", "sysinit.target", "modprobe@.service")
PROGRAMS = ("/bin/sh", "/usr/bin/keyctl", "/sbin/modprobe")
# The exposure that systemd-analyze security may find, times ten: what it takes
# to serve networks, to talk to the kernel's family, to be its administrator.
EXPOSURE = {"zkhsmd": 15, "zkhsm-agent": 18, "zkhsm-kek": 12, "zkhsm-unseal": 24}


def root_directory(stage):
    """A system with systemd and nothing but us."""
    root = os.path.join(TOP, "build/check/units")
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(stage, root)
    for name in TARGETS:
        shutil.copy(os.path.join("/lib/systemd/system", name), os.path.join(root, UNITS))
    for path in PROGRAMS:
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
        shutil.copy(path, root + path)
    return root


def check(results: Results, stage):
    """@stage is what make install-userspace made, with the usual PREFIX."""
    names = sorted(os.path.basename(path)
                   for path in glob.glob(os.path.join(stage, UNITS, "*.service")))
    results.expect([name[:-len(".service")] for name in names] == sorted(EXPOSURE),
                   "the units are installed", "\n".join(names))
    if not shutil.which("systemd-analyze"):
        results.skip("systemd units", "no systemd-analyze on this machine")
        return
    root = root_directory(stage)
    for name in names:
        # It says what it ignores and succeeds all the same: what it says counts.
        done = capture(["systemd-analyze", "verify", "--root=" + root, "--man=no",
                        "--recursive-errors=yes", name])
        results.expect(done.returncode == 0 and not done.stdout, f"unit {name} is valid",
                       done.stdout)
        threshold = EXPOSURE.get(name[:-len(".service")], 0)
        done = capture(["systemd-analyze", "security", "--offline=yes", "--no-pager",
                        f"--threshold={threshold}", os.path.join(root, UNITS, name)])
        results.expect(done.returncode == 0, f"unit {name} is sandboxed", done.stdout)
