# SPDX-License-Identifier: GPL-2.0
"""P-256, the proofs and ECDSA, as slowly and plainly as the standards put it.

Affine coordinates, Python's integers, one inversion per addition. Nothing
here is for secrets that matter.
"""

import functools
import hashlib
import hmac

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
     0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)
SUITE = 1

PROVE, ATTEST, ECDSA, ANNOUNCE, KEYGEN = 1, 2, 3, 4, 5


def be(value, size=32):
    return value.to_bytes(size, "big")


def number(data):
    return int.from_bytes(data, "big")


def sha256(data):
    return hashlib.sha256(data).digest()


def item(data):
    return be(len(data), 4) + data


def draw(label, below=N):
    """A number that looks random and is the same in each run."""
    return number(hashlib.sha512(b"zkhsm vectors " + label.encode()).digest()) % below


def draw_bytes(label, size=32):
    return hashlib.sha512(b"zkhsm vectors " + label.encode()).digest()[:size]


# --- the group; None is the point at infinity --------------------------------

def on_curve(x, y):
    return (y * y - x * x * x + 3 * x - B) % P == 0


def negate(a):
    return a and (a[0], -a[1] % P)


def add(a, b):
    if a is None:
        return b
    if b is None:
        return a
    if a == negate(b):
        return None
    if a == b:
        slope = 3 * (a[0] * a[0] - 1) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


@functools.lru_cache(maxsize=None)
def mul(k, a=G):
    k, acc = k % N, None
    while k:
        if k & 1:
            acc = add(acc, a)
        k, a = k >> 1, add(a, a)
    return acc


def encode(a):
    return b"\x04" + be(a[0]) + be(a[1])


def decode(data):
    """The point, or None when @data is no encoding of one."""
    x, y = number(data[1:33]), number(data[33:])
    if len(data) != 65 or data[0] != 4 or x >= P or y >= P or not on_curve(x, y):
        return None
    return x, y


def public(secret):
    return encode(mul(secret))


def element_name(point):
    return sha256(be(SUITE, 2) + point[1:33])


# --- proof 1 -----------------------------------------------------------------

def challenge(commitment, pub, user_id, other):
    data = item(encode(G)) + item(commitment) + item(pub) + item(user_id)
    return number(sha256(data + (b"" if other is None else item(other)))) % N


def prove(secret, v, user_id, other=None):
    commitment = public(v)
    c = challenge(commitment, public(secret), user_id, other)
    return commitment + be((v - secret * c) % N)


def split_proof(proof):
    v, r = decode(proof[:65]), number(proof[65:])
    return (v, r) if len(proof) == 97 and v and r < N else None


def verdict(pub, user_id, other, proof):
    a, vr = decode(pub), split_proof(proof)
    if not a or not vr:
        return "malformed"
    c = challenge(proof[:65], pub, user_id, other)
    return "ok" if add(mul(vr[1]), mul(c, a)) == vr[0] else "false"


# --- proof 2 -----------------------------------------------------------------

def coefficient(seed, i):
    return number(sha256(b"zkhsm batch coefficient" + seed + be(SUITE, 2) + be(i, 4))[:16])


def batch_seed(commitment, identity, hsm_id, statement):
    return sha256(item(b"zkhsm batch v1") + item(encode(G)) + item(commitment) +
                  item(identity) + item(hsm_id) + item(statement))


def batch_prove(identity, secrets, v, statement, hsm_id=None):
    d = public(identity)
    seed = batch_seed(public(v), d, hsm_id or sha256(d), statement)
    total = sum(coefficient(seed, i) * a for i, a in enumerate([identity] + secrets))
    return public(v) + be((v - total) % N)


def batch_verdict(elements, hsm_id, statement, proof):
    """@elements begin with the identity."""
    vr = split_proof(proof)
    points = [decode(e) for e in elements]
    if not vr or None in points:
        return "malformed"
    seed = batch_seed(proof[:65], elements[0], hsm_id, statement)
    acc = mul(vr[1])
    for i, a in enumerate(points):
        acc = add(acc, mul(coefficient(seed, i), a))
    return "ok" if acc == vr[0] else "false"


# --- ECDSA, FIPS 186-5 section 6.4 -------------------------------------------

def ecdsa_sign(secret, k, digest):
    r = mul(k)[0] % N
    s = pow(k, -1, N) * (number(digest) + r * secret) % N
    return be(r) + be(s)


def ecdsa_verdict(pub, digest, signature):
    q, r, s = decode(pub), number(signature[:32]), number(signature[32:])
    if not q or len(signature) != 64 or not 0 < r < N or not 0 < s < N:
        return "malformed"
    w = pow(s, -1, N)
    point = add(mul(number(digest) * w), mul(r * w, q))
    return "ok" if point and point[0] % N == r else "false"


# --- the nonce ---------------------------------------------------------------

def nonce(seed, secret, purpose, entropy, counter, context):
    message = be(purpose, 1) + be(SUITE, 2) + b"\x01" + entropy + be(counter, 4) + context
    out = hmac.new(seed + secret, message, hashlib.sha512).digest()
    return number(out[:48]) % N
