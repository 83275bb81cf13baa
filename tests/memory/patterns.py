# SPDX-License-Identifier: GPL-2.0
"""What must not be in memory: secrets, and all that would tell one.

A pattern is cut into 64-bit words, each looked for in four byte orders: one
limb of a nonce is enough for a lattice attack, and so a piece is as bad as the
whole. A word is found by accident once in 2^60 bytes or so.
"""

import os
import struct
import sys

import sha512

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tools/vectors"))

from p256 import N, batch_seed, be, challenge, coefficient, number  # noqa: E402

R = 2**256
MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15


def mont(a):
    return a * R % N


def mix(z):
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def words_from(state, first, count):
    return b"".join(mix((state + i * GOLDEN) & MASK).to_bytes(8, "big")
                    for i in range(first, first + count))


def made_by_guest(seed, index):
    """masked_derive(): 40 bytes, of which it uses 31 to 33."""
    a = words_from(seed, index * 5 + 1, 5)
    b = words_from(seed ^ MASK, index * 5 + 1, 5)
    return bytes(x ^ y for x, y in zip(a, b))


def drawn_by_hook(index):
    """The @index-th 64 bytes of kmod/entropy.h; the first are the seed of nonces."""
    return words_from(0, index * 8 + 1, 8)


def random_looking(word):
    return len(set(word)) >= 5


def orders(word):
    """As it is, all reversed, and halves and bytes of halves swapped."""
    return (word, word[::-1], word[4:] + word[:4], word[3::-1] + word[:3:-1])


class Patterns:
    """Words, each with the first name that it was given."""

    def __init__(self):
        self.names = {}
        self.public = set()

    def publish(self, *values):
        """What everybody may see is nowhere looked for."""
        for value in values:
            for i in range(0, len(value) - 7):
                self.public.add(value[i:i + 8])

    def add(self, name, value):
        places = list(range(0, len(value) - 7, 8))
        if len(value) % 8:
            places.append(len(value) - 8)
        for place in places:
            word = value[place:place + 8]
            if not random_looking(word) or word in self.public:
                continue
            for order in orders(word):
                self.names.setdefault(struct.unpack("<Q", order)[0], f"{name}[{place}]")

    def add_scalar(self, name, k):
        """A secret scalar, in the forms that the module and the driver compute."""
        for form, value in (("", k), ("*R", mont(k)), ("+1", k + 1), ("+n", k + N),
                            ("+2n", k + 2 * N), ("+1+n", k + 1 + N), ("+1+2n", k + 1 + 2 * N),
                            ("negated", N - k)):
            self.add(f"{name}{form}", be(value % R))

    def add_hmac(self, name, key, message, context=b"", secret=("key", "message")):
        """What is public of the two is not looked for. Returns the output."""
        self.publish(context)
        out, states, blocks = sha512.hmac(key, message)
        known = {int.from_bytes(context[j:j + 8], "big") for j in range(len(context) - 7)}
        for i, (state, block) in enumerate(zip(states, blocks)):
            if i in (0, 2) and "key" not in secret:
                continue
            self.add(f"{name}: state {i} of HMAC", sha512.be(state))
            if i == 1 and "message" not in secret:
                continue
            # The words that are a message, and what is left of its expansion.
            words = [word for word in block if word not in known]
            self.add(f"{name}: block {i} of HMAC", sha512.be(words))
        return out

    def file(self, path):
        with open(path, "wb") as file:
            file.write(struct.pack(f"<{len(self.names)}Q", *self.names))


def limbs(value):
    """As struct zkhsm_scalar has it."""
    return be(value)[::-1]


def ecdsa_nonce(a, digest, signature):
    r, s = number(signature[:32]), number(signature[32:])
    return pow(s, -1, N) * (number(digest) + r * a) % N


def add_signature(patterns, name, a, digest, signature):
    """The nonce, which signature and secret tell, and all on the way to s."""
    r, k = number(signature[:32]), ecdsa_nonce(a, digest, signature)
    patterns.publish(signature[:32], signature[32:])
    patterns.add_scalar(f"{name}: k", k)
    patterns.add(f"{name}: 1/k", be(pow(k, -1, N)))
    patterns.add(f"{name}: 1/k*R", be(mont(pow(k, -1, N))))
    patterns.add(f"{name}: r*a", be(r * a % N))
    patterns.add(f"{name}: e+r*a", be((number(digest) + r * a) % N))
    return k


def add_proof(patterns, name, a, public, user_id, other, proof):
    c = challenge(proof[:65], public, user_id, other)
    v = (number(proof[65:]) + a * c) % N
    patterns.publish(proof[65:])
    patterns.add_scalar(f"{name}: v", v)
    patterns.add(f"{name}: c*a", be(c * a % N))
    return v


def add_batch(patterns, name, secrets, identity, hsm_id, statement, proof):
    """@secrets in the order of the batch, the identity's first."""
    seed = batch_seed(proof[:65], identity, hsm_id, statement)
    total = 0
    for i, a in enumerate(secrets):
        term = coefficient(seed, i) * a % N
        total = (total + term) % N
        patterns.add(f"{name}: c_{i}*a_{i}", be(term))
        patterns.add(f"{name}: sum to {i}", be(total))
    v = (number(proof[65:]) + total) % N
    patterns.publish(proof[65:])
    patterns.add_scalar(f"{name}: v", v)
    return v
