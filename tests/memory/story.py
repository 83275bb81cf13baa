# SPDX-License-Identifier: GPL-2.0
"""What the guest's story was made of, read from what it tells."""

import os
import sys

import patterns as p

sys.path.insert(0, os.path.join(p.TOP, "tools/vectors"))

from p256 import (ANNOUNCE, ATTEST, ECDSA, G, KEYGEN, PROVE, SUITE, be, encode, item,  # noqa: E402
                  mul, number, public, sha256)

# As in masked.h.
LIVE = ("del0", "del1", "rev0", "rev1", "unl0", "unl1", "held0", "narrow0", "off0")
REFUSED = ("too-big", "short", "long", "revoked")
# This one was in a file: the secret's place in it, which is its place in the page.
FROM_FILE = ("cli0",)
FILE_OFFSET = 35
# Who is gone at a checkpoint, besides those who were before.
GONE = {"alive": (), "destroyed": ("del0", "del1", "gen1", "cli0"), "revoked": ("rev0", "rev1"),
        "unloaded": LIVE + FROM_FILE + ("gen0", "gen1", "identity", "nonce_seed")}
STATEMENT_TAIL = 97
DRAWS = 400


def file_page(address, name):
    """Whether this word of the page of that file is where the file had it."""
    return any(name == f"{key}[{i}]" and address % 4096 == FILE_OFFSET + i
               for key in FROM_FILE for i in (0, 8, 16, 24))


class Mismatch(Exception):
    """The story does not hold together: the test itself is wrong."""


class Story:
    """@hook: the module's entropy is known, and so are its own secrets."""

    def __init__(self, seed, hook):
        self.hook, self.here, self.gone = hook, set(), set()
        self.patterns = p.Patterns()
        self.patterns.publish(be(p.N), be(p.mont(1)), encode(G))
        self.secrets, self.points, self.used, self.nonces = {}, {}, set(), 0
        self.whole = {}         # name: the forms in which it must be found once, alive
        for index, name in enumerate(LIVE + REFUSED + FROM_FILE):
            data = p.made_by_guest(seed, index)
            if name not in REFUSED:
                self.take(name, number(data[:32]))
            else:
                length = {"short": 31, "long": 33}.get(name, 32)
                data = b"\xff" * 8 + data[8:] if name == "too-big" else data
                self.patterns.add(name, data[:length])
        if hook:
            self.seed = p.drawn_by_hook(0)
            self.entropy = [p.drawn_by_hook(i) for i in range(1, DRAWS)]
            self.patterns.add("nonce_seed", self.seed)
            self.whole["nonce_seed"] = [self.seed]

    def take(self, name, a):
        if not 2 <= a <= p.N - 4:
            raise Mismatch(f"{name} is no key: another seed")
        self.secrets[name] = a
        self.whole[name] = [p.limbs(a), p.limbs(p.mont(a))]
        self.points[name] = public(a)
        self.patterns.publish(self.points[name])
        self.patterns.add_scalar(name, a)

    def line(self, line):
        what, key, *rest = line.split()
        getattr(self, what)(key, *rest)

    def checkpoint(self, name):
        self.gone.update(GONE[name])

    def expected(self):
        """What has to be in memory, in each form once."""
        return {name: forms for name, forms in self.whole.items() if name not in self.gone}

    # --- what the hook lets us compute from the front --------------------------

    def drawn(self, name, secret, purpose, context, v=None, point=None):
        """The nonce by its own formula: it must be the one that was used."""
        if not self.hook:
            return None
        for i, entropy in enumerate(self.entropy):
            if i in self.used:
                continue
            message = be(purpose, 1) + be(SUITE, 2) + b"\x01" + entropy + be(0, 4) + context
            out = p.sha512.hmac(self.seed + secret, message)[0]
            found = number(out[:48]) % p.N
            if v == found or (point and encode(mul(found)) == point):
                self.used.add(i)
                self.nonces += 1
                self.patterns.add(f"{name}: entropy", entropy)
                self.patterns.add_hmac(name, self.seed + secret, message, context)
                self.patterns.add(f"{name}: HMAC", out)
                return found
        raise Mismatch(f"{name}: no entropy of the hook gives its nonce")

    def present(self, name):
        self.here.add(name)

    def identity(self, _, point):
        self.points["identity"] = bytes.fromhex(point)
        self.hsm_id = sha256(self.points["identity"])
        self.generated("identity", point)

    def generated(self, name, point):
        found = self.drawn(name, bytes(32), KEYGEN, bytes(32), point=bytes.fromhex(point))
        if found is not None:
            self.take(name, found)
            self.here.add(name)

    # --- uses; a secret that is not known tells nothing about its nonces --------

    def sign(self, name, signature, digest):
        if name not in self.secrets:
            return
        a, signature, digest = self.secrets[name], bytes.fromhex(signature), bytes.fromhex(digest)
        k = p.add_signature(self.patterns, f"signature by {name}", a, digest, signature)
        context = sha256(item(self.points[name]) + item(digest))
        self.drawn(f"signature by {name}", be(a), ECDSA, context, k)

    def prove_as(self, name, purpose, user_id, other, proof):
        a, point = self.secrets[name], self.points[name]
        v = p.add_proof(self.patterns, f"proof of {name}", a, point, user_id, other, proof)
        context = sha256(item(encode(G)) + item(point) + item(user_id) +
                         (b"" if other is None else item(other)))
        self.drawn(f"proof of {name}", be(a), purpose, context, v)

    def prove(self, name, proof, user_id, other):
        if name in self.secrets:
            self.prove_as(name, PROVE, user_id.encode(), None if other == "-" else other.encode(),
                          bytes.fromhex(proof))

    def evidence(self, _, announcement, evidence):
        if "identity" not in self.secrets:
            return
        announcement, evidence = bytes.fromhex(announcement), bytes.fromhex(evidence)
        if announcement not in self.used:
            self.used.add(announcement)
            self.prove_as("identity", ANNOUNCE, self.hsm_id, announcement[:48],
                          announcement[48:])
        statement, proof = evidence[:-STATEMENT_TAIL], evidence[-STATEMENT_TAIL:]
        point, a = self.points["identity"], self.secrets["identity"]
        names = sorted(self.here - self.gone - {"identity"})
        v = p.add_batch(self.patterns, "evidence", [a] + [self.secrets[n] for n in names], point,
                        self.hsm_id, statement, proof)
        context = sha256(item(b"zkhsm batch v1") + item(encode(G)) + item(point) +
                         item(self.hsm_id) + item(statement))
        self.drawn("evidence", be(a), ATTEST, context, v)
