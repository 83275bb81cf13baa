# SPDX-License-Identifier: GPL-2.0
"""What the guest's story was made of, read from what it tells."""

import hashlib
import hmac
import os
import sys

import boxes
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
# Then 32 bytes that are no key: the KEK, shares of another, and the one of a rekey.
SHARES = ("share0", "share1")
KEK_INDEX = len(LIVE + REFUSED + FROM_FILE)
ALWAYS = ("identity", "nonce_seed")
FIRST_KEK, NEXT_KEK = ("KEK", "KEK: set key"), ("next KEK", "next KEK: set key")
SEALED = ("unl0", "unl1", "held0", "narrow0", "off0", "gen0")
# Who is gone at a checkpoint, besides those who were before; and who is there again.
GONE = {"alive": SHARES + NEXT_KEK,
        "destroyed": ("del0", "del1", "gen1", "cli0", "KEK of shares"), "revoked": ("rev0", "rev1"),
        "unloaded": SEALED + ALWAYS + FIRST_KEK, "unsealed": (), "rekeyed": FIRST_KEK + SHARES,
        "unloaded-again": SEALED + ALWAYS + NEXT_KEK + ("KEK of shares",)}
AGAIN = {"unsealed": SEALED + ALWAYS + FIRST_KEK + ("share0",),
         "rekeyed": NEXT_KEK + ("KEK of shares",)}
STATEMENT_TAIL = 97
DRAWS = 600
# kmod/nonce.h: what salts are drawn for.
SEAL, NO_SUITE = 6, 0


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
        self.take_keks(seed)
        if hook:
            self.seed = p.drawn_by_hook(0)
            self.entropy = [p.drawn_by_hook(i) for i in range(1, DRAWS)]
            self.patterns.add("nonce_seed", self.seed)
            self.whole["nonce_seed"] = [self.seed]

    def take_kek(self, name, kek):
        kek_id, set_key = boxes.add_kek(self.patterns, name, kek)
        self.keks[kek_id] = kek, set_key
        self.whole[name], self.whole[f"{name}: set key"] = [kek], [set_key]

    def take_keks(self, seed):
        kek, *shares, other = (p.made_by_guest(seed, KEK_INDEX + i)[:32] for i in range(4))
        self.keks = {}          # id: the KEK and the key of the set digest
        self.take_kek("KEK", kek)
        self.take_kek("next KEK", other)
        values = [number(y) for y in shares]
        if max(values) >= p.N:
            raise Mismatch("no shares: another seed")
        other = boxes.shares_of(values)
        other_id, _ = boxes.add_kek(self.patterns, "KEK of shares", other)
        self.whole["KEK of shares"] = [other]
        self.arguments = [f"{seed:x}"]
        for i, (name, y) in enumerate(zip(SHARES, values)):
            self.arguments.append(boxes.add_share(self.patterns, name, i + 1, y, other_id))
            self.whole[name] = [p.limbs(y)]

    def take(self, name, a):
        if not 2 <= a <= p.N - 4:
            raise Mismatch(f"{name} is no key: another seed")
        self.secrets[name] = a
        self.whole[name] = [p.limbs(a), p.limbs(p.mont(a))]
        self.points[name] = public(a)
        self.patterns.publish(self.points[name])
        self.patterns.add_scalar(name, a)

    def lines(self, lines):
        """Of one stretch; what is sealed tells the secrets that the rest is about."""
        for line in sorted(lines, key=lambda line: not line.startswith("sealed ")):
            what, key, *rest = line.split()
            getattr(self, what)(key, *rest)

    def checkpoint(self, name):
        self.gone.update(GONE[name])
        self.gone.difference_update(AGAIN.get(name, ()))
        if name == "unloaded":
            # The module that comes next begins anew with the hook's words.
            self.used = {i for i in self.used if not isinstance(i, int)}

    def expected(self):
        """What has to be in memory, in each form once."""
        return {name: forms for name, forms in self.whole.items() if name not in self.gone}

    # --- what the hook lets us compute from the front --------------------------

    def drawn(self, name, secret, purpose, context, right, suite=SUITE):
        """The bytes by their own formula: @right says which were used."""
        if not self.hook:
            return None
        for i, entropy in enumerate(self.entropy):
            if i in self.used:
                continue
            message = be(purpose, 1) + be(suite, 2) + b"\x01" + entropy + be(0, 4) + context
            out = hmac.digest(self.seed + secret, message, hashlib.sha512)
            if right(out):
                self.used.add(i)
                self.nonces += 1
                self.patterns.add(f"{name}: entropy", entropy)
                self.patterns.add_hmac(name, self.seed + secret, message, context)
                self.patterns.add(f"{name}: HMAC", out)
                return out
        raise Mismatch(f"{name}: no entropy of the hook gives its nonce")

    def drawn_nonce(self, name, secret, purpose, context, v):
        self.drawn(name, secret, purpose, context, lambda out: number(out[:48]) % p.N == v)

    def sealed(self, data):
        """A head or a record that was given out."""
        try:
            box = boxes.Box(bytes.fromhex(data), self.keks)
        except (boxes.unseal.v.Refused, KeyError) as error:
            raise Mismatch(f"sealed, and it does not open: {error}") from error
        box.add(self.patterns)
        if box.secret and self.secrets.setdefault(box.of, box.secret) != box.secret:
            raise Mismatch(f"{box.name}: another secret than it has")
        if box.secret and box.of not in self.whole:
            self.take(box.of, box.secret)
        self.drawn(f"{box.name}: salt", box.kek, SEAL, box.hashed_for_salt(),
                   lambda out: out[:32] == box.salt, NO_SUITE)

    def present(self, name):
        self.here.add(name)

    def identity(self, _, point):
        self.points["identity"] = bytes.fromhex(point)
        self.hsm_id = sha256(self.points["identity"])
        self.generated("identity", point)

    def generated(self, name, point):
        """What is never sealed stays unknown, unless the hook made it."""
        a = self.secrets.get(name)
        if a and self.points[name].hex() != point:
            raise Mismatch(f"{name}: its secret is of another point")

        def right(out):
            found = number(out[:48]) % p.N
            return found == a if a else encode(mul(found)).hex() == point

        out = self.drawn(name, bytes(32), KEYGEN, bytes(32), right)
        if out and not a:
            self.take(name, number(out[:48]) % p.N)
        if name in self.secrets:
            self.here.add(name)

    # --- uses; a secret that is not known tells nothing about its nonces --------

    def sign(self, name, signature, digest):
        if name not in self.secrets:
            return
        a, signature, digest = self.secrets[name], bytes.fromhex(signature), bytes.fromhex(digest)
        k = p.add_signature(self.patterns, f"signature by {name}", a, digest, signature)
        context = sha256(item(self.points[name]) + item(digest))
        self.drawn_nonce(f"signature by {name}", be(a), ECDSA, context, k)

    def prove_as(self, name, purpose, user_id, other, proof):
        a, point = self.secrets[name], self.points[name]
        v = p.add_proof(self.patterns, f"proof of {name}", a, point, user_id, other, proof)
        context = sha256(item(encode(G)) + item(point) + item(user_id) +
                         (b"" if other is None else item(other)))
        self.drawn_nonce(f"proof of {name}", be(a), purpose, context, v)

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
        self.drawn_nonce("evidence", be(a), ATTEST, context, v)
