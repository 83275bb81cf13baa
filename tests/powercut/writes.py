# SPDX-License-Identifier: GPL-2.0
"""What a machine wrote to its disk, in its order, and what a power cut leaves.

QEMU's driver blklogwrites keeps the log, in the format of the kernel's
dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst): a
superblock, then for each write an entry and its data, each padded to a sector.
"""

import collections
import struct

SECTOR = 512
# The file system's block, which it takes for granted that a disk writes whole.
BLOCK = 1024
MAGIC, VERSION = 0x6a736677736872, 1
FLUSH, FUA, DISCARD = 1, 2, 4
MARK = b"zkhsm-mark "

# @data is empty for a flush alone.
Write = collections.namedtuple("Write", "sector flags data")


class Malformed(Exception):
    """The log is not what QEMU writes."""


def read_log(path):
    """All writes, in the order in which the guest asked for them."""
    with open(path, "rb") as file:
        magic, version, count, size = struct.unpack("<QQQI", file.read(28))
        if magic != MAGIC or version != VERSION or size != SECTOR:
            raise Malformed(f"{path}: magic {magic:#x}, version {version}, sectors of {size}")
        file.seek(SECTOR)
        writes = []
        for number in range(count):
            header = file.read(SECTOR)
            if len(header) != SECTOR:
                raise Malformed(f"{path}: ends before entry {number} of {count}")
            sector, sectors, flags, _ = struct.unpack("<4Q", header[:32])
            if flags & DISCARD:
                raise Malformed(f"{path}: a discard, which the disk does not offer")
            data = file.read(sectors * SECTOR)
            if len(data) != sectors * SECTOR:
                raise Malformed(f"{path}: ends within entry {number} of {count}")
            writes.append(Write(sector, flags, data))
    return writes


def marks(writes, end):
    """What the guest noted beyond the file system, whose size is @end: {number: words}."""
    found = {}
    for number, write in enumerate(writes):
        if write.sector * SECTOR >= end and write.data.startswith(MARK):
            text = write.data[len(MARK):].split(b"\n")[0].decode()
            found[number] = text.split()
    return found


def apply(image, write, keep=None):
    """Write it to @image, a bytearray; only those blocks of it that @keep says."""
    start = write.sector * SECTOR
    if keep is None:
        image[start:start + len(write.data)] = write.data
        return
    for offset in range(0, len(write.data), BLOCK):
        if keep():
            part = write.data[offset:offset + BLOCK]
            image[start + offset:start + offset + len(part)] = part


def durable(writes, number):
    """How many of the first @number a disk must have kept: those before the last flush."""
    for index in range(number - 1, -1, -1):
        if writes[index].flags & FLUSH:
            return index
    return 0


class Disk:
    """The disk after any number of its writes; asked in ascending order."""

    def __init__(self, image, writes):
        self.image, self.writes, self.at = bytearray(image), writes, 0

    def advance(self, number):
        for write in self.writes[self.at:number]:
            apply(self.image, write)
        self.at = max(self.at, number)

    def prefix(self, number):
        """As if each write had gone to the disk at once."""
        self.advance(number)
        return bytes(self.image)

    def torn(self, number, random):
        """A disk with a cache: of what was not flushed, some blocks or none."""
        kept = durable(self.writes, number)
        self.advance(kept)
        image, part = bytearray(self.image), random.choice((0, 0.25, 0.5, 0.75))
        for write in self.writes[kept:number]:
            if write.flags & FUA:
                apply(image, write)
            elif random.random() < 0.5:
                apply(image, write, lambda: random.random() < part)
            elif random.random() < part:
                apply(image, write)
        return bytes(image)
