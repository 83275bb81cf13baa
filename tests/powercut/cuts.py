# SPDX-License-Identifier: GPL-2.0
"""Cut the power at each write, and see what is in the store afterwards."""

import collections
import concurrent.futures
import hashlib
import os
import random
import subprocess
import tempfile
import threading

import writes

# @acked is the last step that had told its caller that it was done, @begun the
# last one that had begun; both of @phase. @tree names what was found.
Cut = collections.namedtuple("Cut", "at torn phase acked begun tree")

# More are thinned out evenly, but for those beside a flush or a mark.
MOST = 400
TORN_PER_FLUSH = 8
# By e2fsprogs: 0 sound, 1 mended.
MENDED = (0, 1)


class Unreadable(Exception):
    """The file system did not survive, which would be its own fault."""


class Trees:
    """Every store that was found, once."""

    def __init__(self, directory):
        self.directory = directory

    def path(self, tree):
        return os.path.join(self.directory, tree)

    @staticmethod
    def name(root):
        """By what loading a store may depend on: names and contents."""
        digest = hashlib.sha256()
        for path, directories, names in os.walk(root):
            directories.sort()
            for name in sorted(names):
                full = os.path.join(path, name)
                with open(full, "rb") as file:
                    data = file.read()
                digest.update(f"{os.path.relpath(full, root)}\0{len(data)}\0".encode() + data)
        return digest.hexdigest()[:16]

    def keep(self, root):
        """Take the directory @root away, give its name; None where there is no state."""
        if not any(os.path.exists(os.path.join(root, name)) for name in ("head", "journal")):
            return None
        tree = self.name(root)
        # Two threads may find the same; what is there is equal.
        try:
            os.rename(root, self.path(tree))
        except OSError:
            if not os.path.isdir(self.path(tree)):
                raise
        return tree


def extract(image, phase, trees):
    """The store of @phase in a file system whose power failed."""
    with tempfile.TemporaryDirectory(dir=trees.directory, prefix="cut.") as work:
        path, out = os.path.join(work, "image"), os.path.join(work, "out")
        os.mkdir(out)
        with open(path, "wb") as file:
            file.write(image)
        env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
        done = subprocess.run(["e2fsck", "-fy", path], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
        if done.returncode not in MENDED:
            raise Unreadable(f"e2fsck: {done.returncode}\n{done.stdout}")
        done = subprocess.run(["debugfs", "-R", f"rdump /{phase} {out}", path],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env)
        root = os.path.join(out, phase)
        if not os.path.isdir(root):
            if "File not found" not in done.stderr:
                raise Unreadable(f"debugfs: {done.stderr}")
            return None
        return trees.keep(root)


class Record:
    """The writes of a story, and how far it was at each."""

    def __init__(self, base, log, phase):
        with open(base, "rb") as file:
            self.base = file.read()
        self.writes, self.phase = writes.read_log(log), phase
        found = writes.marks(self.writes, len(self.base))
        self.marks = {number: (words[0], int(words[2]))
                      for number, words in found.items() if words[1] == phase}
        last = max(self.marks, default=-1)
        # The first cut is before anything, the last after all.
        self.first, self.end = min(self.marks, default=0), last + 1

    def steps(self, what):
        return [step for word, step in self.marks.values() if word == what]

    def progress(self, at):
        """The last step acknowledged and the last begun among the first @at writes."""
        seen = [mark for number, mark in self.marks.items() if number < at]
        return tuple(max((step for word, step in seen if word == what), default=0)
                     for what in ("ack", "begin"))

    def is_turn(self, at):
        """Just before or after it, something is decided."""
        return any(0 <= number < len(self.writes) and
                   (self.writes[number].flags or number in self.marks)
                   for number in (at - 1, at))

    def places(self, only_acked):
        """Where the power is cut: numbers of writes that had been made."""
        if only_acked:
            return [number + 1 for number, (what, _) in self.marks.items() if what == "ack"]
        found = range(self.first, self.end + 1)
        turns = [at for at in found if self.is_turn(at)]
        others = [at for at in found if not self.is_turn(at)]
        room = max(MOST - len(turns), 1)
        step = max(1, -(-len(others) // room))
        return sorted(turns + others[::step])

    def torn_places(self, rng):
        """Some at random between each two flushes."""
        flushes = [number for number in range(self.first, self.end)
                   if self.writes[number].flags & writes.FLUSH]
        return sorted(rng.randint(start + 1, end)
                      for start, end in zip([self.first, *flushes], [*flushes, self.end])
                      if end > start + 1 for _ in range(TORN_PER_FLUSH))

    def images(self, places, rng=None):
        """(place, what the disk has there), one after the other."""
        disk = writes.Disk(self.base, self.writes)
        for at in places:
            yield at, disk.torn(at, rng) if rng else disk.prefix(at)


def find(record, trees, seed=None, only_acked=False):
    """All cuts of a record; of a disk that tears what is not flushed, with a @seed."""
    rng = None if seed is None else random.Random(seed)
    places = record.places(only_acked) if rng is None else record.torn_places(rng)
    cuts, last = [], (None, None)
    # Images are large: no more than a few of them wait for their turn.
    turn = threading.Semaphore(6)
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for at, image in record.images(places, rng):
            # A mark changes what is promised, not what is there.
            if image != last[0]:
                turn.acquire()
                last = image, pool.submit(extract, image, record.phase, trees)
                last[1].add_done_callback(lambda _: turn.release())
            cuts.append((at, last[1]))
    return [Cut(at, rng is not None, record.phase, *record.progress(at), job.result())
            for at, job in cuts]
