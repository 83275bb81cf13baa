#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Run user-mode Linux and serve its serial lines, as QEMU serves its ports.

serial.py DIRECTORY LINE... -- LINUX ARGUMENT...

A LINE named session.* is a socket of that name in DIRECTORY, for one client
after the other, with another line of the name session.*.credit; any other is a
file that the line's output goes to.

A serial line tells neither end that the other is there, and user-mode Linux
never again reads one whose buffer in the kernel was once full, so:
- the first byte from a line but the console says that the guest has made it
  raw; nothing is sent to it before, and the byte goes nowhere;
- a zero byte to a line says that its client has gone;
- a byte from a line's credit says that the guest has read CREDIT bytes more,
  and WINDOW is what may be under way unread.
"""

import os
import signal
import socket
import subprocess
import sys
import threading

SIZE = 65536
CREDIT = 1024
WINDOW = 2 * CREDIT


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
    def __init__(self, line, credit, path):
        self.line, self.credit, self.client = line, credit, None
        self.room, self.more = 0, threading.Condition()
        self.listener = listen(path)
        for loop in (self.from_clients, self.from_guest, self.from_credit):
            threading.Thread(target=loop, daemon=True).start()

    def from_credit(self):
        """The first byte opens the window, the others move it."""
        gain = WINDOW
        while data := self.credit.recv(SIZE):
            with self.more:
                self.room += gain + (len(data) - 1) * CREDIT
                self.more.notify()
            gain = CREDIT

    def to_guest(self, data):
        while data:
            with self.more:
                self.more.wait_for(lambda: self.room)
                part, data = data[:self.room], data[self.room:]
                self.room -= len(part)
            self.line.sendall(part)

    def from_clients(self):
        while True:
            self.client, _ = self.listener.accept()
            try:
                while data := self.client.recv(SIZE):
                    self.to_guest(data)
            except ConnectionError:
                pass
            client, self.client = self.client, None
            client.close()
            try:
                self.to_guest(b"\0")
            except ConnectionError:
                return

    def from_guest(self):
        self.line.recv(1)
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
    ours, theirs = {}, []
    for number, name in enumerate(names):
        ours[name], end = socket.socketpair()
        theirs.append(end)
        linux.append(f"ssl{number}=fd:{end.fileno()}")
    files = [threading.Thread(target=to_file, args=(
        ours[name], os.path.join(directory, name), name != names[0]))
        for name in names if not name.startswith("session.")]

    # Whatever happens to us, the kernel ends with us.
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *linux],
                               stdin=subprocess.DEVNULL,
                               pass_fds=[end.fileno() for end in theirs])
    signal.signal(signal.SIGTERM, lambda *_: process.kill())
    for end in theirs:
        end.close()
    for thread in files:
        thread.start()
    for name in names:
        if name.startswith("session.") and not name.endswith(".credit"):
            Session(ours[name], ours[name + ".credit"], os.path.join(directory, name))
    status = process.wait()
    for thread in files:
        thread.join()
    if status:
        print(f"user-mode Linux ended with {status}", flush=True)
    # The other threads wait for clients that will not come.
    os._exit(status & 127)


if __name__ == "__main__":
    main(sys.argv[1:])
