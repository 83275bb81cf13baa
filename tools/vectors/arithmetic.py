# SPDX-License-Identifier: GPL-2.0
"""scalar.json and points.json: integers modulo n and p, points, nonces."""

from p256 import (ANNOUNCE, ATTEST, B, ECDSA, G, KEYGEN, N, P, PROVE, add, be, draw, draw_bytes,
                  encode, mul, negate, nonce, number, on_curve)

MODULI = {"n": N, "p": P}

# The product of these two loses a carry in vli_mult() of some kernels.
CARRY = (2**192 - 2**64 + 1, 2**192 - 2**64 + 2)

# Off the curve, and accepted by a kernel that loses the carry.
LOST_CARRY_X = 0x4EC16074E0FE7372BE0E636AE94B6F73AC1EDF6BF2098A8DAC69831034092394
LOST_CARRY_Y = 0x1F2506D1D650F32D307018F2539952D88D90AC5D7D5F3294294564BD96699A63


def scalar_case(modulus, op, a, b=None):
    m = MODULI[modulus]
    ops = {
        "add": lambda: (a + b) % m,
        "sub": lambda: (a - b) % m,
        "mul": lambda: a * b % m,
        "neg": lambda: -a % m,
        "inv": lambda: pow(a, m - 2, m),
        "wide": lambda: a % m,
        "hash": lambda: a % m,
    }
    case = {"modulus": modulus, "op": op, "a": be(a, 48 if op == "wide" else 32).hex()}
    if b is not None:
        case["b"] = be(b).hex()
    case["r"] = be(ops[op]()).hex()
    return case


def scalar_cases():
    for modulus, m in MODULI.items():
        edges = [0, 1, 2, m - 1, m - 2, m // 2, 2**128 - 1, 2**64, *CARRY,
                 2**256 % m, draw("a " + modulus, m), draw("b " + modulus, m)]
        for i, a in enumerate(edges):
            for b in edges[i:]:
                yield scalar_case(modulus, "mul", a, b)
            for b in edges[::3]:
                yield scalar_case(modulus, "add", a, b)
                yield scalar_case(modulus, "sub", a, b)
            yield scalar_case(modulus, "neg", a)
            yield scalar_case(modulus, "inv", a)
        for a in (0, m - 1, m, m + 1, 2**256 - 1, draw("hash", 2**256)):
            yield scalar_case(modulus, "hash", a)
        for a in (0, m - 1, m, m * 2**128 - 1, m * (2**128 - 1), 2**384 - 1, 2**256,
                  draw("wide", 2**384)):
            yield scalar_case(modulus, "wide", a)


def range_cases():
    """from_be() takes what is below the modulus; nonces and keys are in [2, n - 4]."""
    for modulus, m in MODULI.items():
        for a in (0, 1, 2, 3, m - 5, m - 4, m - 3, m - 1, m, m + 1, 2**255, 2**256 - 1):
            yield {"modulus": modulus, "a": be(a).hex(), "below": a < m,
                   "in_range": 2 <= a <= m - 4}


def base_cases():
    """Secrets that the driver of 6.1 refuses are here: see mul_g_x() in group.c."""
    refused = (draw("refused") & ~0xFFFFFFFF) | 0xFFFFFFFF
    for k in (2, 3, 4, N - 4, N // 2, 2**248, refused, refused - 1, draw("base 1"),
              draw("base 2"), draw("base 3") >> 100):
        yield {"k": be(k).hex(), "point": encode(mul(k)).hex()}


def mul2_cases():
    """u1 * G + u2 * A; null is the identity. A is the multiple a of G."""
    a, u = draw("mul2 a"), draw("mul2 u")
    for u1, u2, k in ((0, 0, 1), (0, 0, a), (0, 1, a), (1, 0, a), (1, 1, 1), (3, 5, 1),
                      (5, 3, N - 1), (1, 1, N - 1), (N - 1, 1, 1), (2, 1, 2), (2, N - 1, 2),
                      (N - 1, N - 1, 1), (N - 1, N - 1, N - 1), (4, 2, N - 2), (3, 1, 3),
                      (2**255, 2**255, 1), (2**128 - 1, 2**255 + 1, 3), (u, 0, a), (0, u, a),
                      (u, u, a), (u, N - u, 1), (-u * a % N, u, a), ((1 - u * a) % N, u, a),
                      (u, draw("mul2 w"), a), (draw("mul2 v"), draw("mul2 w") >> 128, a)):
        r = add(mul(u1), mul(u2, mul(k)))
        yield {"u1": be(u1).hex(), "u2": be(u2).hex(), "a": encode(mul(k)).hex(),
               "r": encode(r).hex() if r else None}


def root(x):
    """y of the curve's equation, or None."""
    y = pow(x * x * x - 3 * x + B, (P + 1) // 4, P)
    return y if on_curve(x, y) else None


def decode_cases():
    small = next(x for x in range(1, 100) if root(x) is not None)
    good = encode(mul(draw("decode")))
    odd = encode(negate(mul(draw("decode"))))
    yield "generator", "ok", encode(G)
    yield "minus-generator", "ok", encode(negate(G))
    yield "random", "ok", good
    yield "random-negated", "ok", odd
    yield "x-is-zero", "ok", b"\x04" + be(0) + be(root(0))
    yield "x-small", "ok", b"\x04" + be(small) + be(root(small))
    yield "x-plus-p", "malformed", b"\x04" + be(small + P) + be(root(small))
    yield "x-is-p", "malformed", b"\x04" + be(P) + be(root(0))
    yield "y-not-below-p", "malformed", good[:33] + be(2**256 - 1)
    yield "off-curve", "malformed", good[:64] + be(good[64] ^ 1, 1)
    yield "off-curve-accepted-by-lost-carry", "malformed", \
        b"\x04" + be(LOST_CARRY_X) + be(LOST_CARRY_Y)
    yield "on-another-curve", "malformed", b"\x04" + be(1) + be(1)
    yield "zeros", "malformed", bytes(65)
    yield "identity-with-prefix", "malformed", b"\x04" + bytes(64)
    for prefix in (0, 2, 3, 5, 6, 7, 0x84):
        yield "prefix-%02x" % prefix, "malformed", be(prefix, 1) + good[1:]
    yield "compressed", "malformed", be(2 + (good[64] & 1), 1) + good[1:33]
    yield "identity-one-byte", "malformed", b"\0"
    yield "empty", "malformed", b""
    yield "short", "malformed", good[:-1]
    yield "long", "malformed", good + b"\0"


def nonce_cases():
    for i, purpose in enumerate((PROVE, ATTEST, ECDSA, ANNOUNCE, KEYGEN)):
        secret = bytes(32) if purpose == KEYGEN else be(draw("nonce secret %d" % i))
        case = {"purpose": purpose, "suite": 1, "counter": i * i,
                "seed": draw_bytes("nonce seed %d" % i, 64).hex(), "secret": secret.hex(),
                "entropy": draw_bytes("nonce entropy %d" % i, 64).hex(),
                "context": draw_bytes("nonce context %d" % i).hex()}
        case["v"] = be(nonce(bytes.fromhex(case["seed"]), secret, purpose,
                             bytes.fromhex(case["entropy"]), case["counter"],
                             bytes.fromhex(case["context"]))).hex()
        yield case


def files():
    assert number(be(LOST_CARRY_X)) and not on_curve(LOST_CARRY_X, LOST_CARRY_Y)
    return {
        "scalar.json": {
            "about": "Integers modulo the order n and the field prime p. op: add, sub, mul, neg, "
                     "inv (a^(m-2)), wide (48 bytes reduced), hash (32 bytes reduced).",
            "cases": list(scalar_cases()),
            "range": list(range_cases()),
        },
        "points.json": {
            "about": "decode: encodings and their verdicts. base: k * G. mul2: u1 * G + u2 * A, "
                     "null for the identity.",
            "decode": [{"name": n, "verdict": v, "point": p.hex()} for n, v, p in decode_cases()],
            "base": list(base_cases()),
            "mul2": list(mul2_cases()),
        },
        "nonce.json": {
            "about": "Hedged nonces: inputs and v. Only for who has the secret.",
            "cases": list(nonce_cases()),
        },
    }
