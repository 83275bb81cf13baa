# SPDX-License-Identifier: GPL-2.0
"""Run commands in a virtual machine, over one of its session ports.

The other end, with a description of the bytes, is tests/vm/init/session.c.
"""

import fcntl
import os
import secrets
import socket
import struct
import time

from . import Failure

SESSIONS = 4
RUN, STOP = ord("r"), ord("s")
STDOUT, STDERR, EXIT = ord("o"), ord("e"), ord("x")


class Gone(Failure):
    """The machine ended while a command ran, or before."""


class Expired(Failure):
    """The deadline passed."""


class Session:
    """One of the ports; at most one command runs on each at a time."""

    def __init__(self, directory, deadline):
        self.deadline = deadline
        self.id = secrets.randbits(32)
        self.lock = self.socket = None
        while not self.socket:
            self.find_free(directory)
            if not self.socket:
                if time.monotonic() > deadline:
                    raise Expired(f"{SESSIONS} commands are running already")
                # flock has no "any one of these", so ask again.
                time.sleep(0.1)

    def find_free(self, directory):
        for index in range(SESSIONS):
            path = os.path.join(directory, f"session.{index}")
            lock = os.open(path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            self.lock = lock
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.socket.connect(path)
            except OSError as error:
                raise Gone(f"the virtual machine does not answer: {error.strerror}") from error
            return

    def close(self):
        self.socket.close()
        os.close(self.lock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def remaining(self):
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Expired("timeout")
        return left

    def send(self, data):
        try:
            self.socket.settimeout(self.remaining())
            self.socket.sendall(data)
        except TimeoutError as error:
            raise Expired("timeout") from error
        except OSError as error:
            raise Gone("the virtual machine ended") from error

    def receive(self, size):
        data = b""
        while len(data) < size:
            self.socket.settimeout(self.remaining())
            try:
                part = self.socket.recv(size - len(data))
            except TimeoutError as error:
                raise Expired("timeout") from error
            except OSError as error:
                raise Gone("the virtual machine ended") from error
            if not part:
                raise Gone("the virtual machine ended")
            data += part
        return data

    def request(self, kind, argv, stdin, sinks):
        args = b"".join(os.fsencode(arg) + b"\0" for arg in argv)
        self.send(b"ZKVM" + struct.pack("<5I", self.id, kind, len(argv), len(args), len(stdin)) +
                  args + stdin)
        while True:
            frame, session, size = struct.unpack("<3I", self.receive(12))
            data = self.receive(size)
            # What an earlier, abandoned command still had to say.
            if session != self.id:
                continue
            if frame == EXIT:
                return struct.unpack("<i", data)[0]
            sinks[frame].write(data)
            sinks[frame].flush()

    def run(self, argv, stdout, stderr, stdin=b""):
        """Run a command, pass on its output as it comes, give its exit code."""
        return self.request(RUN, argv, stdin, {STDOUT: stdout, STDERR: stderr})

    def stop(self):
        """Ask the machine to end; it then judges itself and reports."""
        return self.request(STOP, [], b"", {})
