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
PROGRAMS = ("/bin/sh", "/bin/kill", "/usr/bin/keyctl", "/sbin/modprobe")
# The exposure that systemd-analyze security may find, times ten: what it takes
# to serve networks, to talk to the kernel's family, to be its administrator.
EXPOSURE = {"zkhsmd": 14, "zkhsm-agent": 18, "zkhsm-kek": 12, "zkhsm-unseal": 24}


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
    check_users(results, root)


def check_users(results: Results, root):
    """What the units run as, made by sysusers.d and tmpfiles.d in a system of its own."""
    os.makedirs(os.path.join(root, "etc"), exist_ok=True)
    done = capture(["systemd-sysusers", "--root=" + root])
    results.expect(done.returncode == 0, "sysusers.d makes the users", done.stdout)
    with open(os.path.join(root, "etc/passwd")) as file:
        users = {line.split(":")[0]: line.split(":") for line in file}
    results.expect({"zkhsmd", "zkhsm-agent"} <= set(users), "zkhsmd and zkhsm-agent are users",
                   "\n".join(users))
    results.expect(all(user[6].strip().endswith("nologin") for user in users.values()),
                   "that nobody can log in as", "\n".join(map(str, users.values())))
    key = os.path.join(root, "etc/zkhsm/manager.key")
    os.makedirs(os.path.dirname(key), exist_ok=True)
    with open(key, "w"):
        pass
    # Ownership takes root; without it, modes are what can be seen.
    done = capture(["systemd-tmpfiles", "--create", "--root=" + root])
    as_root = os.geteuid() == 0
    results.expect(done.returncode == 0 or not as_root, "tmpfiles.d can be used", done.stdout)
    if not as_root:
        results.skip("tmpfiles.d", "it takes root to give files to others")
        return
    uid = int(users["zkhsmd"][2])
    state = os.stat(os.path.join(root, "var/lib/zkhsmd/backups"))
    results.expect((state.st_uid, state.st_mode & 0o777) == (uid, 0o700),
                   "the manager's state is its own", str(state))
    stat = os.stat(key)
    results.expect((stat.st_uid, stat.st_gid, stat.st_mode & 0o777) ==
                   (0, int(users["zkhsmd"][3]), 0o440),
                   "and the key of its certificate is root's, for it to read", str(stat))
