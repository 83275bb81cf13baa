# SPDX-License-Identifier: GPL-2.0
"""One run in a virtual machine, its output, log and races."""

import os
import shutil
import subprocess
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BROKEN = 125
TAIL = 30


class Run:
    def __init__(self, kernel, command, smp, timeout, module=None):
        self.out = tempfile.mkdtemp(prefix="zkhsm-stress.")
        argv = [os.path.join(TOP, "tools/vm"), "--kernel", kernel, "--smp", str(smp),
                "--timeout", str(timeout), "--out", self.out]
        if module:
            argv += ["--module", module]
        try:
            done = subprocess.run([*argv, "--", *command], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, errors="replace")
            self.output, self.said, self.status = done.stdout, done.stderr, done.returncode
            self.dmesg = self.read("dmesg.txt") or self.read("console.log")
            self.races = [line.split(" ", 1) for line in self.read("kcsan.txt").splitlines()]
        finally:
            shutil.rmtree(self.out, ignore_errors=True)
        # 1 is the program's own; 124 a hang, which harms as much as a panic.
        self.unharmed = self.status in (0, 1)

    def read(self, name):
        try:
            with open(os.path.join(self.out, name), errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def everything(self):
        return "\n".join((self.output, self.said, self.dmesg))

    def tail(self):
        lines = self.output.splitlines()[-TAIL:] + self.said.splitlines()[-TAIL:]
        return "\n".join([*lines, f"exit status {self.status}"])
