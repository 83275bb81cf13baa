# SPDX-License-Identifier: GPL-2.0
"""The recorded run: changes of sealed state, each acknowledged by the command."""

import json
import os
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(TOP, "tests/vm"))

from harness import disk  # noqa: E402

# Of the file system; the marks are in the sectors behind it.
SIZE = 8 << 20
MARKS = 4096
# What a store can forget, in eat-sync.c's words; the first is none of them.
CONTROL = "none"
MUTANTS = ("all", "file", "dir", "redo")


class Failed(Exception):
    """The story could not be told."""


def run(*argv, data=None):
    done = subprocess.run(argv, input=data, stdin=None if data else subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise Failed(f"{' '.join(argv)}: {done.returncode}\n"
                     f"{done.stdout.decode(errors='replace')}"
                     f"{done.stderr.decode(errors='replace')}")
    return done.stdout


def build_guest(directory):
    """What the machine gets beside its usual programs."""
    os.makedirs(directory)
    flags = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror")
    run("gcc", *flags, "-o", os.path.join(directory, "mark"), os.path.join(HERE, "mark.c"))
    run("gcc", *flags, "-shared", "-fPIC", "-o", os.path.join(directory, "eat-sync.so"),
        os.path.join(HERE, "eat-sync.c"))
    shutil.copy(os.path.join(HERE, "guest.sh"), directory)
    for number in (1, 2):
        with open(os.path.join(directory, f"kek{number}"), "wb") as file:
            file.write(os.urandom(32))
    with open(os.path.join(directory, "end"), "w") as file:
        file.write(str(SIZE))


class Machine:
    """With a disk of which each write is recorded."""

    def __init__(self, work, kernel):
        self.name = f"powercut-{os.getpid()}"
        self.base, self.log = os.path.join(work, "base.img"), os.path.join(work, "log")
        image = os.path.join(work, "disk.img")
        disk.make(self.base, SIZE)
        shutil.copy(self.base, image)
        os.truncate(image, SIZE + MARKS)
        open(self.log, "wb").close()
        drive = ("driver=blklogwrites,node-name=disk,log-sector-size=512,"
                 f"file.driver=file,file.filename={image},"
                 f"log.driver=file,log.filename={self.log}")
        run(os.path.join(TOP, "tools/vm"), "--kernel", kernel, "--keep", "--name", self.name,
            "--share-in", os.path.join(work, "in"), "--append", "ZKVM_DISK=1",
            "--qemu=-blockdev", "--qemu=" + drive, "--qemu=-device",
            "--qemu=virtio-blk-pci,drive=disk,discard=off,write-zeroes=off")

    def call(self, *argv, data=None):
        stdin = ["--stdin"] if data else []
        return run(os.path.join(TOP, "tools/vm-exec"), *stdin, self.name, "--", *argv, data=data)

    def stop(self):
        run(os.path.join(TOP, "tools/vm-stop"), self.name)


class Phase:
    """One store in the record; views[n] is the state after step n, None before the first."""

    def __init__(self, machine, name):
        self.machine, self.name, self.views = machine, name, [None]
        self.environment = [f"ZKHSM_STORE=/disk/{name}"]
        if name in (CONTROL, *MUTANTS):
            self.environment += ["LD_PRELOAD=/in/eat-sync.so", f"EAT={name}"]
        machine.call("sh", "/in/guest.sh", "reboot")

    def step(self, *argv):
        said = self.machine.call("sh", "/in/guest.sh", "step", self.name, str(len(self.views)),
                                 "env", *self.environment, "zkhsm", *argv)
        self.views.append(json.loads(said))

    def reboot(self):
        self.machine.call("sh", "/in/guest.sh", "reboot")


def order(machine, key, kind, phase, number, key_id):
    """A manager's order about a key, to be found as /tmp/order."""
    hsm, keys, _ = phase.views[-1]
    element = next(entry["element"] for entry in keys if entry["id"] == key_id)
    forged = run(os.path.join(TOP, "tests/e2e/forge"), "order", key, kind, hsm["hsm-id"],
                 str(number), element)
    machine.call("sh", "-c", "cat > /tmp/order", data=forged)


def tell(machine, key):
    """Everything that changes what is sealed, at least once."""
    phase = Phase(machine, "main")
    point = run(os.path.join(TOP, "tests/e2e/forge"), "point", key).decode().strip()
    phase.step("hsm", "new", "--kek-file", "/in/kek1", "--agent-uid", "agent")
    phase.step("key", "new", "one", "--owner", "owner")
    phase.step("key", "new", "many", "--count", "8")
    phase.step("key", "set", "one", "--state", "deactivated")
    phase.step("key", "del", "many-000003")
    phase.step("trust", "new", "--key", point, "--label", "manager")
    order(machine, key, "hold", phase, 1, "many-000001")
    phase.step("order", "apply", "/tmp/order")
    order(machine, key, "revoke", phase, 2, "many-000002")
    phase.step("order", "apply", "/tmp/order")
    phase.reboot()
    phase.step("hsm", "unseal", "--kek-file", "/in/kek1")
    phase.step("key", "new", "two")
    phase.step("hsm", "rekey", "--kek-file", "/in/kek2")
    phase.step("key", "del", "one")
    return phase


def tell_mutant(machine, name):
    phase = Phase(machine, name)
    phase.step("hsm", "new", "--kek-file", "/in/kek1")
    phase.step("key", "new", "one")
    phase.step("key", "new", "two")
    return phase
