# SPDX-License-Identifier: GPL-2.0
"""A disk that outlives the machine: a file with an ext4 file system in it."""

import argparse
import collections
import os
import re
import shutil
import subprocess

from . import Failure

Disk = collections.namedtuple("Disk", "path size")

DEFAULT_SIZE = 64 << 20
UNITS = {"M": 1 << 20, "G": 1 << 30}


def argument(text):
    """FILE[:SIZE]; size 0 where none is named."""
    path, size = text, 0
    found = re.fullmatch(r"(.*):(\d{1,4})([MG])", text, re.S)
    if found:
        path, size = found[1], int(found[2]) * UNITS[found[3]]
    if not path or (found and size < 8 << 20):
        raise argparse.ArgumentTypeError(f"{text!r} is not FILE[:SIZE], from 8M to 9999G")
    return Disk(os.path.abspath(path), size)


def tool(name):
    """Those of e2fsprogs are not in everybody's PATH."""
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not path:
        raise Failure(f"no {name} on this machine: tools/install-deps check")
    return path


def make(path, size):
    """All of it is written now: a machine that has just booted leaves it alone."""
    with open(path, "wb") as file:
        file.truncate(size)
    done = subprocess.run([tool("mkfs.ext4"), "-q", "-F", "-m", "0",
                           "-E", "lazy_itable_init=0,lazy_journal_init=0", path],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"mkfs.ext4: {done.stderr.strip()}")


def provide(disk):
    """Make it unless it is there, whole or not at all."""
    if os.path.exists(disk.path):
        there = os.path.getsize(disk.path)
        if disk.size not in (0, there):
            raise Failure(f"{disk.path} is there and has {there} bytes, not {disk.size}")
        return
    new = f"{disk.path}.{os.getpid()}.new"
    try:
        make(new, disk.size or DEFAULT_SIZE)
        os.rename(new, disk.path)
    except OSError as error:
        raise Failure(f"{disk.path}: {error.strerror}") from error
    finally:
        if os.path.exists(new):
            os.unlink(new)
