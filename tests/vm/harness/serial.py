#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Run user-mode Linux and serve its serial lines, as QEMU serves its ports.

serial.py DIRECTORY LINE... -- LINUX ARGUMENT...

A LINE named session.* is a socket of that name in DIRECTORY, for one client
after the other; any other is a file that the line's output goes to.

A serial line tells neither end that the other is there, so:
- the first byte from a line but the console says that the guest has made it
  raw; nothing is sent to it before, and the byte goes nowhere;
- a zero byte to a line says that its client has gone.
"""

import os
import signal
import socket
import subprocess
import sys
import threading

SIZE = 65536


def to_file(line, path, skip):
    """All that comes, at once: the console of a hanging machine is read too."""
    with open(path, "wb", buffering=0) as file:
        if skip:
            line.recv(1)
        while data := line.recv(SIZE):
            file.write(data)


def listen(path):
    """A client that finds the name can connect."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path + ".new")
    listener.listen(1)
    os.rename(path + ".new", path)
    return listener


class Session:
    def __init__(self, line, path):
        self.line, self.client = line, None
        self.raw = threading.Event()
        self.listener = listen(path)
        threading.Thread(target=self.from_clients, daemon=True).start()
        threading.Thread(target=self.from_guest, daemon=True).start()

    def from_clients(self):
        while True:
            self.client, _ = self.listener.accept()
            self.raw.wait()
            try:
                while data := self.client.recv(SIZE):
                    self.line.sendall(data)
            except ConnectionError:
                pass
            client, self.client = self.client, None
            client.close()
            try:
                self.line.sendall(b"\0")
            except ConnectionError:
                return

    def from_guest(self):
        self.line.recv(1)
        self.raw.set()
        while data := self.line.recv(SIZE):
            client = self.client
            try:
                if client:
                    client.sendall(data)
            except OSError:
                # It went away without waiting for the end of its command.
                pass


def main(argv):
    directory, argv = argv[0], argv[1:]
    split = argv.index("--")
    names, linux = argv[:split], argv[split + 1:]
    pairs, files, sessions = [], [], []
    for number, name in enumerate(names):
        ours, theirs = socket.socketpair()
        pairs.append(theirs)
        linux.append(f"ssl{number}=fd:{theirs.fileno()}")
        path = os.path.join(directory, name)
        if name.startswith("session."):
            sessions.append((ours, path))
        else:
            files.append(threading.Thread(target=to_file, args=(ours, path, number > 0)))

    # Whatever happens to us, the kernel ends with us.
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *linux],
                               stdin=subprocess.DEVNULL,
                               pass_fds=[theirs.fileno() for theirs in pairs])
    signal.signal(signal.SIGTERM, lambda *_: process.kill())
    for theirs in pairs:
        theirs.close()
    for thread in files:
        thread.start()
    for line, path in sessions:
        Session(line, path)
    status = process.wait()
    for thread in files:
        thread.join()
    # The other threads wait for clients that will not come.
    sys.stdout.flush()
    os._exit(status & 127)


if __name__ == "__main__":
    main(sys.argv[1:])
