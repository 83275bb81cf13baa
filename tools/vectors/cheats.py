# SPDX-License-Identifier: GPL-2.0
"""Provers that lie to verifiers which compute too little.

Each proof here is accepted by some verifier that leaves out one thing, which
is asserted, and has to be refused by every verifier that does not. Where the
thing left out lets somebody prove without the secrets, that is what is done.
"""

from p256 import (G, N, add, batch_seed, be, challenge, coefficient, draw, encode, item, mul,
                  negate, number, public, sha256)

ENCODED_G = encode(G)


def total(pairs):
    acc = None
    for k, point in pairs:
        acc = add(acc, mul(k, point))
    return acc


def holds(v, r, coefficients, points):
    """The equation that all verifiers share, whatever their coefficients."""
    return add(mul(r), total(zip(coefficients, points))) == v


def compress(encoded):
    return be(2 + encoded[64] % 2, 1) + encoded[1:33]


# --- proof 1 -------------------------------------------------------------------

def c_of(*parts):
    return number(sha256(b"".join(parts))) % N


def weak_challenges():
    """name, c(V, A, UserID, OtherInfo) with encodings of V and A."""
    g = item(ENCODED_G)
    some = lambda o: b"" if o is None else item(o)
    yield "without-the-generator", lambda v, a, u, o: c_of(item(v), item(a), item(u), some(o))
    yield "without-the-user-id", lambda v, a, u, o: c_of(g, item(v), item(a), some(o))
    yield "without-the-other-info", lambda v, a, u, o: c_of(g, item(v), item(a), item(u))
    yield "without-lengths", lambda v, a, u, o: c_of(ENCODED_G, v, a, u, o or b"")
    yield "without-length-of-the-last", lambda v, a, u, o: \
        c_of(g, item(v), item(a), item(u), o or b"")
    yield "lengths-of-two-bytes", lambda v, a, u, o: \
        c_of(*(be(len(x), 2) + x for x in (ENCODED_G, v, a, u) + (() if o is None else (o,))))
    yield "key-before-commitment", lambda v, a, u, o: c_of(g, item(a), item(v), item(u), some(o))
    yield "points-compressed", lambda v, a, u, o: \
        c_of(item(compress(ENCODED_G)), item(compress(v)), item(compress(a)), item(u), some(o))
    yield "points-by-x", lambda v, a, u, o: \
        c_of(item(ENCODED_G[1:33]), item(v[1:33]), item(a[1:33]), item(u), some(o))
    yield "hashed-twice", lambda v, a, u, o: \
        c_of(sha256(g + item(v) + item(a) + item(u) + some(o)))
    yield "of-128-bits", lambda v, a, u, o: \
        number(sha256(g + item(v) + item(a) + item(u) + some(o))[:16])
    yield "little-endian", lambda v, a, u, o: \
        number(sha256(g + item(v) + item(a) + item(u) + some(o))[::-1]) % N
    yield "one-byte-too-few", lambda v, a, u, o: \
        c_of((g + item(v) + item(a) + item(u) + some(o))[:-1])
    yield "always-other-info", lambda v, a, u, o: \
        c_of(g, item(v), item(a), item(u), item(o or b""))
    yield "always-one", lambda v, a, u, o: 1
    yield "always-zero", lambda v, a, u, o: 0


def weak_proofs(secret, user_id, other):
    """name, public, proof: each of the prover that the weak verifier believes."""
    v, a = draw("weak nonce"), public(secret)
    for name, c in weak_challenges():
        for label, o in (("", other), ("-other-absent", None)):
            if c(public(v), a, user_id, o) == challenge(public(v), a, user_id, o):
                continue
            value = c(public(v), a, user_id, o)
            r = (v - value * secret) % N
            assert holds(mul(v), r, [value], [mul(secret)])
            yield name + label, a, public(v) + be(r)


def forged_proofs(user_id, other, nobody):
    """name, public, proof: nobody knows the secret of that key."""
    g, tail = item(ENCODED_G), item(user_id) + item(other)
    # c before V: choose r, and V is what makes it true.
    c, r = c_of(g, item(encode(nobody)), tail), draw("forged r")
    v = add(mul(r), mul(c, nobody))
    yield "without-the-commitment", encode(nobody), encode(v) + be(r)
    # c before A: a key for a proof.
    v = mul(draw("forged v"))
    c = c_of(g, item(encode(v)), tail)
    key = mul(pow(c, -1, N), add(v, negate(mul(r))))
    assert holds(v, r, [c], [key])
    yield "without-the-key", encode(key), encode(v) + be(r)
    # V == r * G + c * A with a sign, a term or G forgotten.
    c = challenge(encode(v), encode(nobody), user_id, other)
    yield "without-the-term-of-the-key", encode(nobody), public(r) + be(r)
    yield "response-zero", encode(nobody), encode(mul(c, nobody)) + be(0)
    yield "response-is-commitment", encode(nobody), encode(v) + encode(v)[1:33]


# --- proof 2 -------------------------------------------------------------------

LABEL = b"zkhsm batch v1"
C_LABEL = b"zkhsm batch coefficient"


def seed_of(v, s, parts):
    return sha256(b"".join(item(p) for p in parts(v, s)))


def seed_parts(v, s):
    """@s is the statement; hsm_id and D stand in it."""
    return [LABEL, ENCODED_G, v, s[40:105], s[8:40], s]


def weak_seeds():
    """name, parts of the seed, whether (V, list) are in it"""
    def drop(i):
        return lambda v, s: [p for n, p in enumerate(seed_parts(v, s)) if n != i]

    def change(i, f):
        return lambda v, s: [f(p) if n == i else p for n, p in enumerate(seed_parts(v, s))]

    for i, what in enumerate(("label", "generator", "commitment", "identity", "hsm-id",
                              "statement")):
        yield "seed-without-" + what, drop(i), (i != 2, i != 5)
    # list_digest, list_count and config_digest stand before groups and suite.
    yield "seed-without-list-digest", \
        change(5, lambda s: s[:-71] + s[-39:]), (True, False)
    yield "seed-without-list-count", change(5, lambda s: s[:-39] + s[-35:]), (True, True)
    yield "seed-without-configuration", change(5, lambda s: s[:-35] + s[-3:]), (True, True)
    yield "seed-without-challenges", change(5, lambda s: s[:173] + s[-107:]), (True, True)
    yield "seed-without-last-byte", change(5, lambda s: s[:-1]), (True, True)
    yield "seed-without-header", change(5, lambda s: s[8:]), (True, True)
    yield "seed-with-hashed-statement", change(5, sha256), (True, True)
    yield "seed-with-commitment-by-x", change(2, lambda v: v[1:33]), (True, True)
    yield "seed-with-compressed-points", lambda v, s: \
        [compress(p) if n in (1, 2, 3) else p for n, p in enumerate(seed_parts(v, s))], (True, True)
    yield "seed-in-another-order", lambda v, s: seed_parts(v, s)[::-1], (True, True)
    yield "seed-of-one-item", lambda v, s: [b"".join(seed_parts(v, s))], (True, True)


def right_seed(v, s):
    return batch_seed(v, s[40:105], s[8:40], s)


def raw_seed(v, s):
    return sha256(b"".join(seed_parts(v, s)))


def weak_coefficients():
    """name, coefficients(seed, encoded elements)"""
    h = lambda *parts: sha256(b"".join(parts))
    each = lambda f: lambda seed, points: [f(seed, i) for i in range(len(points))]
    std = lambda seed, i: h(C_LABEL, seed, be(1, 2), be(i, 4))
    yield "c-all-one", each(lambda seed, i: 1)
    yield "c-all-the-same", each(lambda seed, i: coefficient(seed, 0))
    yield "c-first-is-one", each(lambda seed, i: coefficient(seed, i) if i else 1)
    yield "c-powers", each(lambda seed, i: pow(coefficient(seed, 0), i, N))
    yield "c-powers-from-one", each(lambda seed, i: pow(coefficient(seed, 0), i + 1, N))
    yield "c-of-64-bits", each(lambda seed, i: number(std(seed, i)[:8]))
    yield "c-of-256-bits", each(lambda seed, i: number(std(seed, i)) % N)
    yield "c-rightmost", each(lambda seed, i: number(std(seed, i)[16:]))
    yield "c-little-endian", each(lambda seed, i: number(std(seed, i)[15::-1]))
    yield "c-position-from-one", each(lambda seed, i: coefficient(seed, i + 1))
    yield "c-position-little-endian", each(
        lambda seed, i: number(h(C_LABEL, seed, be(1, 2), be(i, 4)[::-1])[:16]))
    yield "c-position-of-two-bytes", each(
        lambda seed, i: number(h(C_LABEL, seed, be(1, 2), be(i, 2))[:16]))
    yield "c-without-suite", each(lambda seed, i: number(h(C_LABEL, seed, be(i, 4))[:16]))
    yield "c-of-another-suite", each(
        lambda seed, i: number(h(C_LABEL, seed, be(2, 2), be(i, 4))[:16]))
    yield "c-without-label", each(lambda seed, i: number(h(seed, be(1, 2), be(i, 4))[:16]))
    yield "c-without-seed", each(lambda seed, i: number(h(C_LABEL, be(1, 2), be(i, 4))[:16]))
    yield "c-with-half-the-seed", each(
        lambda seed, i: number(h(C_LABEL, seed[:16], be(1, 2), be(i, 4))[:16]))
    yield "c-with-items", each(lambda seed, i: number(
        h(item(C_LABEL), item(seed), item(be(1, 2)), item(be(i, 4)))[:16]))
    yield "c-by-element", lambda seed, points: \
        [number(h(C_LABEL, seed, be(1, 2), p)[:16]) for p in points]
    yield "c-backwards", lambda seed, points: \
        [coefficient(seed, len(points) - 1 - i) for i in range(len(points))]
    yield "c-by-sorted-elements", lambda seed, points: \
        [coefficient(seed, sorted(points).index(p)) for p in points]


def standard(seed, points):
    return [coefficient(seed, i) for i in range(len(points))]


def known(v, secrets, coefficients):
    """The proof of who knows all secrets, the identity's first."""
    r = (v - sum(c * a for c, a in zip(coefficients, secrets))) % N
    assert holds(mul(v), r, coefficients, [mul(a) for a in secrets])
    return public(v) + be(r)


def blind(points, coefficients_of, label="blind"):
    """Where no coefficient depends on V: without any secret."""
    r = draw(label + " r")
    coefficients = coefficients_of(ENCODED_G)
    v = add(mul(r), total(zip(coefficients, points)))
    assert coefficients_of(encode(v)) == coefficients and holds(v, r, coefficients, points)
    return encode(v) + be(r)


def cancelling(points, j, coefficients, label="rogue"):
    """A key for position j that makes the sum a known multiple of G; and that multiple."""
    t = draw(label + " t")
    rest = total((c, p) for i, (c, p) in enumerate(zip(coefficients, points)) if i != j)
    return mul(pow(coefficients[j], -1, N), add(mul(t), negate(rest))), t
