# SPDX-License-Identifier: GPL-2.0
"""A machine whose memory is a file of ours, and looking into it."""

import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

import patterns

TOP = patterns.TOP
sys.path.insert(0, os.path.join(TOP, "tests/vm"))

from harness import machine  # noqa: E402

SEARCH = os.path.join(TOP, "build/userspace/tests/memory/search")
MEMORY = 1024
# /proc/kpageflags, Documentation/admin-guide/mm/pagemap.rst
PAGE_FLAGS = {7: "slab", 10: "buddy", 11: "mmap", 12: "anon", 17: "huge", 20: "nopage",
              24: "zero page", 26: "page table", 32: "reserved"}


class Broken(Exception):
    """The machine, not what is in its memory."""


class Qmp:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rw")
        self.stream.readline()
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        self.stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.stream.flush()
        for line in self.stream:
            answer = json.loads(line)
            if "error" in answer:
                raise Broken(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise Broken("QEMU is gone")


class Guest:
    """One boot of one kernel with one module, and the story that runs in it."""

    def __init__(self, setting, module, arguments, log):
        self.name = f"memory-{os.getpid()}"
        shm = "/dev/shm" if os.path.isdir("/dev/shm") else None
        self.directory = tempfile.mkdtemp(prefix="zkhsm-memory.", dir=shm)
        self.ram = os.path.join(self.directory, "ram")
        self.log, self.story = log, None
        backend = f"memory-backend-file,id=ram,size={MEMORY}M,share=on,mem-path={self.ram}"
        done = subprocess.run(
            ["nice", os.path.join(TOP, "tools/vm"), "--keep", "--name", self.name, "--no-build",
             "--kernel", setting.kernel, "--module", module, "--no-module", "--smp", "2",
             "--mem", str(MEMORY), "--append", setting.append(), "--qemu=-object",
             f"--qemu={backend}", "--qemu=-machine", "--qemu=memory-backend=ram"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if done.returncode:
            self.remove()
            raise Broken("no machine")
        try:
            self.load(setting)
            self.qmp = Qmp(os.path.join(machine.machine_dir(self.name), "qmp"))
            self.story = subprocess.Popen(
                [os.path.join(TOP, "tools/vm-exec"), "--timeout", "900", self.name, "--",
                 "/zkhsm/tests/memory/guest", *arguments],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
        except BaseException:
            self.end()
            raise

    def load(self, setting):
        """The hash drivers that a processor's features would bring, then the module."""
        before = "modprobe sha512-ssse3 && grep -q sha512-avx2 /proc/crypto && " \
            if setting.simd else ""
        done = self.run("sh", "-c", before + "insmod /zkhsm/zkhsm.ko && echo loaded; "
                        "grep -A1 '^name.*hmac(sha512)' /proc/crypto")
        self.log.write(done)
        if "loaded" not in done or ("avx2" in done) != setting.simd:
            raise Broken("the module is not loaded as it should be: " + done)

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(self, *argv):
        return subprocess.run([os.path.join(TOP, "tools/vm-exec"), "--timeout", "60", self.name,
                               "--", *argv], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True).stdout

    def lines(self):
        """What the story tells up to its next checkpoint, and that one's name or None."""
        told = []
        for line in self.story.stdout:
            self.log.write(line)
            if line.startswith("R checkpoint "):
                return told, line.split()[2]
            told.append(line.rstrip("\n"))
        return told, None

    def go_on(self):
        self.run("sh", "-c", "echo > /tmp/go")

    def look(self, names):
        """Every word of @names that is there: {address: word}, and those in registers."""
        words = os.path.join(self.directory, "words")
        with open(words, "wb") as file:
            file.write(struct.pack(f"<{len(names)}Q", *names))
        self.qmp.ask("stop")
        try:
            registers = self.qmp.ask("human-monitor-command",
                                     **{"command-line": "info registers -a"})
            done = subprocess.run(["nice", SEARCH, self.ram, words], capture_output=True,
                                  text=True)
            self.keep_for_a_look()
        finally:
            self.qmp.ask("cont")
        if done.returncode or "pages" not in done.stdout:
            raise Broken(f"search: {done.stderr or 'too many hits'}")
        self.log.write(done.stdout.splitlines()[-1] + "\n")
        found = {}
        for line in done.stdout.splitlines()[:-1]:
            address, word = line.split()
            found[int(address, 16)] = int(word, 16)
        return found, self.in_registers(registers, names)

    def keep_for_a_look(self):
        """By hand: the memory of the last checkpoint, and where the kernel was."""
        if os.environ.get("ZKHSM_KEEP_RAM"):
            shutil.copy(self.ram, os.environ["ZKHSM_KEEP_RAM"])

    @staticmethod
    def in_registers(text, names):
        found = []
        for digits in re.findall(r"\b[0-9a-f]{16,}\b", text):
            for i in range(0, len(digits) - 15, 16):
                word = int(digits[i:i + 16], 16)
                if word in names:
                    found.append(word)
        return found

    def page(self, address):
        """What the kernel says a page is, now."""
        text = self.run("sh", "-c", "dd if=/proc/kpageflags bs=8 count=1 "
                        f"skip={address >> 12} 2>/dev/null | od -An -tx8")
        flags = int(text.strip() or "0", 16)
        return " ".join(name for bit, name in PAGE_FLAGS.items() if flags >> bit & 1) or \
            "kernel (stack, vmalloc, ...)"

    def end(self):
        """The machine's verdict about its kernel: an empty list is a good one."""
        if self.story:
            self.story.stdout.close()
            if self.story.poll() is None:
                self.story.kill()
            self.story.wait()
        done = subprocess.run([os.path.join(TOP, "tools/vm-stop"), self.name],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.remove()
        return (done.stdout + done.stderr).splitlines() if done.returncode else []
