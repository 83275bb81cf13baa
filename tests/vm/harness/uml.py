# SPDX-License-Identifier: GPL-2.0
"""A machine that is user-mode Linux: a process of this machine, no emulation.

Its lines to the host are serial lines on sockets, served by serial.py.
"""

import os
import shutil
import sys
import tempfile

from . import TOP, Failure, control

NAME = "user-mode Linux"
CONSOLE = "ttyS0"
MEMORY = 768

# In this order /dev/ttyS0, ttyS1, ...: what goes to a file of this name; the
# sockets; where the guest says how much it has read from each.
FILES = ("console.log", "verdict", "out")
SOCKETS = tuple(f"session.{index}" for index in range(control.SESSIONS))
CREDITS = tuple(name + ".credit" for name in SOCKETS)


def refuse(options):
    if options.smp not in (None, 1):
        raise Failure("user-mode Linux has one processor: no --smp but 1")
    if options.net or options.forward_guest or options.forward_host:
        raise Failure("no --net and no --forward with user-mode Linux: take QEMU")
    if options.disk:
        raise Failure("no --disk with user-mode Linux: take 6.1 or 6.12")
    if options.qemu:
        raise Failure("--qemu is for QEMU, not for user-mode Linux")


def memory_directory(megabytes):
    """Where the machine's memory can be a file that may be executed.

    Memory goes there before disk; a container's /dev/shm is often too small.
    """
    for path in (os.environ.get("TMPDIR"), "/dev/shm", tempfile.gettempdir()):
        if not path or not os.access(path, os.W_OK):
            continue
        if os.statvfs(path).f_flag & os.ST_NOEXEC:
            continue
        if shutil.disk_usage(path).free > megabytes << 20:
            return path
    raise Failure(f"no directory for {megabytes} MB of executable memory; set TMPDIR")


def command_line(vm, kernel, options, append):
    memory = options.mem or MEMORY
    ports = ["zkhsm." + name for name in FILES[1:] + SOCKETS + CREDITS]
    # Unlike QEMU it would start again where a kernel reboots or panics.
    return ["env", "TMPDIR=" + memory_directory(memory), sys.executable,
            os.path.join(TOP, "tests/vm/harness/serial.py"), vm.directory,
            *FILES, *SOCKETS, *CREDITS, "--", kernel.image, f"mem={memory}M", "noreboot",
            "con=null", "ssl=null", "initrd=" + vm.path("initramfs"),
            "uml_dir=" + vm.directory + "/", "umid=uml", "ZKVM_PORTS=" + ",".join(ports), *append]
