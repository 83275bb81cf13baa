# SPDX-License-Identifier: GPL-2.0
"""Start a machine of either kind, find out how it ended."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from . import TOP, Failure, control, initramfs, qemu, uml

# The kernels of tools/kernels, and what runs them.
KINDS = {"6.1": qemu, "6.12": qemu, "debug": qemu, "kcsan": qemu, "uml": uml}
# What QEMU or user-mode Linux itself says.
HOST_LOG = "host.log"
# How long a machine may take to judge itself and to end, once told to.
ENDING = 300
# And to boot, where several are emulated on few processors.
BOOT = 300
APPEND = ("loglevel=5 panic=-1 oops=panic panic_on_warn=1 log_buf_len=4M "
          "rcupdate.rcu_cpu_stall_timeout=150 random.trust_cpu=on "
          "printk.devkmsg=on printk.time=1")
# A race in the core kernel is no reason to panic, nor to wait for the console;
# tests/vm/init/kcsan.c judges.  An emulated processor needs a longer look.
APPEND_FOR = {"kcsan": "panic_on_warn=0 loglevel=2 log_buf_len=16M kcsan.udelay_task=300 "
                       "kcsan.skip_watch=500"}


def kind(kernel_name):
    return KINDS.get(kernel_name, qemu)


def refuse(options):
    """What that kind of machine cannot do, before anything is built for it."""
    kind(options.kernel).refuse(options)


class Kernel:
    """A kernel by name or by the path of its image."""

    def __init__(self, name):
        self.name, self.release, self.modules, self.kdir = name, name, "", ""
        self.image = name
        self.kind = kind(name)
        if name in KINDS:
            done = subprocess.run([os.path.join(TOP, "tools/kernels"), name],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            if done.returncode:
                raise Failure(f"tools/kernels {name} failed")
            # Values without blanks are quoted by printf %q as they are.
            found = dict(line.split("=", 1) for line in done.stdout.splitlines())
            self.release, self.image = found["RELEASE"], found["VMLINUZ"]
            self.modules, self.kdir = found["MODULES"].strip("'"), found["KDIR"]
        elif not os.path.exists(name):
            raise Failure(f"no kernel {name}: want {', '.join(KINDS)} or the file of an image")


def run_dir():
    """Where named machines are found again; short, for socket paths."""
    path = os.path.join(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir(),
                        f"zkhsm-vm-{os.getuid()}")
    os.makedirs(path, mode=0o700, exist_ok=True)
    if os.stat(path).st_uid != os.getuid():
        raise Failure(f"{path} belongs to somebody else")
    return path


def machine_dir(name):
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", name):
        raise Failure(f"{name!r} is not a name for a machine")
    return os.path.join(run_dir(), name)


class Machine:
    """A running machine; all there is to know about it is in its directory."""

    def __init__(self, directory):
        self.directory = directory

    def path(self, name):
        return os.path.join(self.directory, name)

    @classmethod
    def start(cls, directory, kernel, module, options):
        self = cls(directory)
        initramfs.build(self.path("initramfs"), kernel, module, options.programs,
                        options.share_in)
        argv = kernel.kind.command_line(self, kernel, options,
                                        self.kernel_arguments(kernel, module, options))
        with open(self.path(HOST_LOG), "wb") as log:
            # timeout(1): whatever happens to us, the machine ends.
            process = subprocess.Popen(
                ["timeout", "--kill-after=5", str(options.timeout + ENDING), *argv],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.process = process
        with open(self.path("info"), "w") as file:
            json.dump({"pid": process.pid, "start": start_time(process.pid),
                       "kernel": kernel.name, "release": kernel.release}, file)
        self.wait_sockets()
        return self

    @staticmethod
    def kernel_arguments(kernel, module, options):
        append = [APPEND, APPEND_FOR.get(kernel.name, ""), "console=" + kernel.kind.CONSOLE]
        if module and not options.no_module:
            append.append("ZKVM_MODULE=1")
        if options.module_args:
            append.append(f'ZKVM_MODULE_ARGS="{options.module_args}"')
        return append + options.append

    def wait_sockets(self):
        """They are there before the first instruction of the guest."""
        last = self.path(f"session.{control.SESSIONS - 1}")
        while not os.path.exists(last):
            if self.process.poll() is not None:
                with open(self.path(HOST_LOG)) as log:
                    raise Failure("the machine does not start: " + log.read().strip())
            time.sleep(0.02)

    def session(self, deadline):
        return control.Session(self.directory, deadline)

    def info(self):
        with open(self.path("info")) as file:
            return json.load(file)

    def running(self):
        info = self.info()
        if hasattr(self, "process"):
            self.process.poll()
        return start_time(info["pid"]) == info["start"]

    def kill(self):
        """By number and start time, so that it is never another process."""
        if self.running():
            os.kill(self.info()["pid"], signal.SIGTERM)
            self.wait(10)

    def cut_power(self):
        """The machine is gone at this instruction; False when it was before."""
        if not self.running():
            return False
        # timeout(1) leads a group of its own, with QEMU in it.
        os.killpg(self.info()["pid"], signal.SIGKILL)
        return self.wait(10)

    def wait(self, seconds):
        """Wait for the machine to end; False when it does not."""
        end = time.monotonic() + seconds
        while self.running():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def tail(self, name, lines):
        try:
            with open(self.path(name), errors="replace") as file:
                return file.read().replace("\r", "").splitlines()[-lines:]
        except FileNotFoundError:
            return []

    def console_tail(self, lines=30):
        return self.tail("console.log", lines)

    def verdict(self):
        try:
            with open(self.path("verdict"), errors="replace") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def came_up(self):
        """Whether the kernel got as far as our PID 1."""
        return self.verdict()[:1] == ["up"]

    def problems(self):
        """What the machine said against itself, or that it said nothing."""
        lines = self.verdict()
        found = [line[len("problem: "):] for line in lines if line.startswith("problem: ")]
        if not lines or lines[-1] != "end":
            panics = [line for line in self.console_tail(400) if "Kernel panic" in line]
            found.append(panics[0] if panics else "the machine ended without a verdict")
            found += self.tail(HOST_LOG, 5)
        return found

    def save_out(self, directory):
        """Bring back /out, and the console, which is there in any case."""
        os.makedirs(directory, exist_ok=True)
        if os.path.exists(self.path("console.log")):
            shutil.copy(self.path("console.log"), directory)
        if os.path.exists(self.path("out")) and os.path.getsize(self.path("out")):
            done = subprocess.run(["tar", "-xf", self.path("out"), "--no-same-owner",
                                   "-C", directory])
            if done.returncode:
                raise Failure("cannot unpack what the machine left in /out")


def start_time(pid):
    """Field 22 of stat: tells a process from a later one of the same number."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return None
    return None if fields[0] == "Z" else fields[19]
