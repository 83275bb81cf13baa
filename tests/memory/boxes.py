# SPDX-License-Identifier: GPL-2.0
"""What a KEK, its shares and all that is sealed under it would be told by."""

import os
import sys

import patterns as p

sys.path.insert(0, os.path.join(p.TOP, "tests/interop"))

import unseal  # noqa: E402
from p256 import be, number, sha256  # noqa: E402

BLOCK = 16
# H of GHASH times x^n: what drivers make tables of.
MULTIPLES = 8
SEALED_HEADER = unseal.v.MAGIC
SHARE, VERSION, THRESHOLD = 34, 1, 2


def add_kek(patterns, name, kek):
    """Returns its id and the key of the set digest."""
    patterns.add(name, kek)
    kek_id = unseal.kek_id(kek)
    patterns.publish(kek_id)
    patterns.add_hmac(f"{name}: id", kek, b"zkhsm kek id v1", secret=("key",))
    set_key = patterns.add_hmac(f"{name}: set key", kek, b"zkhsm set v1", secret=("key",))
    patterns.add(f"{name}: set key", set_key)
    return kek_id, set_key


def shares_of(values):
    """Of threshold two: the KEK of the first two shares, at 1 and at 2."""
    return be((2 * values[0] - values[1]) % p.N)


def share(kek_id, index, y):
    """What stands before and behind y in a share; and all of it."""
    before = SEALED_HEADER + bytes((SHARE,)) + be(VERSION, 2) + kek_id + bytes((THRESHOLD, index))
    after = sha256(before + y)[:4]
    return before + after, before + y + after


def add_share(patterns, name, index, y, kek_id):
    around, whole = share(kek_id, index, be(y))
    patterns.add_scalar(name, y)
    # With two of them the KEK is 2 * y1 - y2.
    term = (2 * y if index == 1 else -y) % p.N
    patterns.add(f"{name}: term", be(term))
    patterns.add(f"{name}: term*R", be(p.mont(term)))
    patterns.add(f"{name}: check", sha256(whole[:-4])[4:])
    return around.hex()


def add_one_time(patterns, name, key, body):
    """AES-256-GCM from the inside; @body is what is encrypted."""
    keys = [bytes(round_key) for round_key in unseal.expand(key)]
    patterns.add(f"{name}: one-time key", b"".join(keys))
    h = unseal.encrypt(keys, bytes(BLOCK))
    for i, multiple in enumerate(unseal.powers(h)[:MULTIPLES]):
        patterns.add(f"{name}: one-time H*x^{i}", be(multiple, BLOCK))
    for i in range((len(body) + BLOCK - 1) // BLOCK):
        patterns.add(f"{name}: one-time stream {i}",
                     unseal.encrypt(keys, bytes(12) + be(2 + i, 4)))


class Box:
    """One sealed head or record, opened; @keks has KEK and set key by their id."""

    def __init__(self, data, keks):
        head = data[5] == unseal.HEAD
        self.sealed = (unseal.decode_head if head else unseal.decode_record)(data)
        self.data = data
        self.kek, self.set_key = keks[self.sealed["kek_id"]]
        unseal.open_sealed(self.sealed, self.kek, None)
        self.body, self.salt = self.sealed["body"], self.sealed["salt"]
        self.of = "identity" if head else None
        self.secret = number(self.body[:32]) if head else None
        if not head and self.sealed["kind"] == unseal.KEY:
            self.of = self.sealed["name"].decode()
            # A key that is compromised has none.
            self.secret = number(self.body[-32:]) or None
        self.name = f"sealing {self.sealed['sequence']} of {self.of or 'votes'}"

    def hashed_for_salt(self):
        """The salt is hedged over the clear part, without salt and length, and the body."""
        return sha256(self.sealed["aad"][:-36] + bytes(36) + self.body)

    def add(self, patterns):
        patterns.publish(self.data)
        prk = patterns.add_hmac(f"{self.name}: extract", self.salt, self.kek, secret=("message",))
        patterns.add(f"{self.name}: PRK", prk)
        info = b"zkhsm seal v1" + bytes((self.sealed["type"], 1))
        okm = patterns.add_hmac(f"{self.name}: expand", prk, info, secret=("key",))
        add_one_time(patterns, self.name, okm[:32], self.body)
        patterns.add_hmac(f"{self.name}: set", self.set_key, sha256(self.data), secret=("key",))
