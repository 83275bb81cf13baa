# SPDX-License-Identifier: GPL-2.0
"""Points and signatures at the edges, where a missing check would show."""

import functools

from p256 import B, G, N, P, add, be, draw, encode, mul, negate, number, on_curve, sha256

MORE_THAN_256 = 2**256


def root_of_square(value):
    """A square root modulo p, or None; p is 3 mod 4."""
    y = pow(value, (P + 1) // 4, P)
    return y if y * y % P == value % P else None


def from_x(x):
    """The point with this x and the even y, or None."""
    y = root_of_square(x * x * x - 3 * x + B)
    return None if y is None else (x, y if y % 2 == 0 else P - y)


def search(start, step):
    x = start
    while from_x(x) is None:
        x += step
    return from_x(x)


def unknown(label):
    """A point whose secret nobody knows: its x is a hash."""
    return search(number(sha256(b"nobody knows " + label.encode())) % P, 1)


def poly_mul(a, b, f):
    """a * b modulo the monic cubic f; coefficients from the constant on."""
    r = [0] * 5
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            r[i + j] = (r[i + j] + x * y) % P
    for i in (4, 3):
        for j in range(3):
            r[i - 3 + j] = (r[i - 3 + j] - r[i] * f[j]) % P
    return r[:3]


def poly_pow(a, k, f):
    r = [1, 0, 0]
    while k:
        if k & 1:
            r = poly_mul(r, a, f)
        a, k = poly_mul(a, a, f), k >> 1
    return r


def trim(a):
    while a and not a[-1]:
        a = a[:-1]
    return a


def poly_gcd(a, b):
    a, b = trim(a), trim(b)
    while b:
        inverse = pow(b[-1], -1, P)
        while len(a) >= len(b):
            q, shift = a[-1] * inverse % P, len(a) - len(b)
            a = trim([(x - q * b[i - shift]) % P if i >= shift else x for i, x in enumerate(a)])
        a, b = b, a
    return a


def cubic_root(f):
    """A root of the monic cubic f modulo p, if it has exactly one; or None."""
    power = poly_pow([0, 1, 0], P, f)
    power[1] = (power[1] - 1) % P
    common = poly_gcd(f + [1], power)
    return -common[0] * pow(common[1], -1, P) % P if len(common) == 2 else None


def small_y():
    """A point whose y + p still fits 32 bytes."""
    for y in range(1, 1000):
        x = cubic_root([(B - y * y) % P, P - 3, 0])
        if x is not None:
            return x, y
    raise ValueError("no such point")


def order_three():
    """Of order 3, on the curve with another b: what an invalid-curve attack sends."""
    a = P - 3
    for x in range(1, 100):
        b = (a * a - 3 * x**4 - 6 * a * x * x) * pow(12 * x, -1, P) % P
        y = root_of_square(x**3 + a * x + b)
        if y:
            return x, y
    raise ValueError("no such point")


def twist():
    """An x that no point of the curve has, with a y of the curve that has it."""
    x = next(x for x in range(2, 100) if from_x(x) is None)
    return x, pow(-(x * x * x - 3 * x + B), (P + 1) // 4, P)


SECP256K1_G = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
               0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)


def raw(x, y, prefix=4):
    return be(prefix, 1) + be(x) + be(y)


def make_points():
    """name, verdict, bytes"""
    x_small, y_small = search(1, 1), small_y()
    x, y = mul(draw("edge point"))
    good = encode((x, y))
    assert on_curve(*x_small) and on_curve(*y_small) and y_small[1] + P < MORE_THAN_256
    for name, point in (("generator", G), ("minus-generator", negate(G)), ("x-smallest", x_small),
                        ("y-small", y_small), ("x-largest", search(P - 1, -1)),
                        ("x-above-n", search(N, 1)), ("nobody-knows", unknown("point"))):
        yield name, "ok", encode(point)
    yield "x-plus-p", "malformed", raw(x_small[0] + P, x_small[1])
    yield "y-plus-p", "malformed", raw(y_small[0], y_small[1] + P)
    yield "x-is-p", "malformed", raw(P, root_of_square(B))
    yield "y-of-31-bytes", "malformed", b"\x04" + be(y_small[0]) + be(y_small[1], 31)
    yield "y-of-33-bytes", "malformed", b"\x04" + be(y_small[0]) + be(y_small[1], 33)
    yield "y-is-p", "malformed", raw(x, P)
    yield "both-all-ones", "malformed", b"\x04" + b"\xff" * 64
    yield "y-zero", "malformed", raw(x, 0)
    yield "x-zero-y-one", "malformed", raw(0, 1)
    yield "coordinates-swapped", "malformed", raw(y, x)
    yield "y-of-another", "malformed", raw(x, mul(2)[1])
    yield "little-endian", "malformed", b"\x04" + good[32:0:-1] + good[64:32:-1]
    yield "order-three-elsewhere", "malformed", raw(*order_three())
    yield "on-the-twist", "malformed", raw(*twist())
    yield "generator-of-secp256k1", "malformed", raw(*SECP256K1_G)
    yield "infinity-one-byte", "malformed", b"\0"
    yield "infinity-zeros", "malformed", bytes(65)
    yield "infinity-with-prefix", "malformed", b"\x04" + bytes(64)
    yield "infinity-prefix-and-one", "malformed", raw(0, 1, 0)
    yield "compressed", "malformed", be(2 + y % 2, 1) + be(x)
    yield "compressed-other-sign", "malformed", be(3 - y % 2, 1) + be(x)
    yield "compressed-filled-up", "malformed", be(2 + y % 2, 1) + be(x) + bytes(32)
    yield "hybrid", "malformed", raw(x, y, 6 + y % 2)
    yield "hybrid-other-sign", "malformed", raw(x, y, 7 - y % 2)
    yield "without-prefix", "malformed", good[1:]
    yield "twice", "malformed", good + good


@functools.lru_cache(maxsize=None)
def points():
    return tuple(make_points())


def signatures():
    """name, verdict, reason, public, digest, signature"""
    d, k = draw("edge key"), draw("edge k")
    q, r = encode(mul(d)), mul(k)[0] % N

    def solved(s, secret=d):
        """The digest for which (r, s) is right."""
        return be((s * k - r * secret) % N)

    for name, s in (("s-one", 1), ("s-largest", N - 1), ("s-small", 5)):
        yield name, "ok", "", q, solved(s), be(r) + be(s)
    yield "s-plus-n", "malformed", "signature-range", q, solved(5), be(r) + be(5 + N)
    yield "s-negated", "ok", "", q, solved(5), be(r) + be(N - 5)
    for name, s in (("s-is-n", N), ("s-above-n", N + 1), ("s-all-ones", MORE_THAN_256 - 1),
                    ("s-zero", 0)):
        yield name, "malformed", "signature-range", q, solved(5), be(r) + be(s)
    for name, value in (("r-is-n", N), ("r-above-n", N + 1), ("r-all-ones", MORE_THAN_256 - 1),
                        ("r-zero", 0)):
        yield name, "malformed", "signature-range", q, solved(5), be(value) + be(5)
    for name, value in (("r-one", 1), ("r-largest", N - 1), ("r-negated", N - r)):
        yield name, "false", "signature", q, solved(5), be(value) + be(5)
    yield "swapped", "false", "signature", q, solved(5), be(5) + be(r)
    yield "halves-little-endian", "false", "signature", q, solved(5), \
        be(r)[::-1] + be(5)[::-1]

    def recovered(commitment, x, s=7, e=11):
        """A key under which this commitment signs, as anybody can make one."""
        inverse = pow(x % N, -1, N)
        return encode(mul(inverse, add(mul(s, commitment), negate(mul(e))))), be(e), be(s)

    key, digest, s = recovered(search(2, 1), search(2, 1)[0])
    yield "r-small", "ok", "", key, digest, be(search(2, 1)[0]) + s
    yield "r-plus-n", "malformed", "signature-range", key, digest, be(search(2, 1)[0] + N) + s
    high = search(N + 1, 1)
    key, digest, s = recovered(high, high[0])
    yield "x-above-n-reduced", "ok", "", key, digest, be(high[0] - N) + s
    yield "x-above-n", "malformed", "signature-range", key, digest, be(high[0]) + s
    low = search(N - 1, -1)
    key, digest, s = recovered(low, low[0])
    yield "x-just-below-n", "ok", "", key, digest, be(low[0]) + s

    yield "sum-is-infinity", "false", "signature", q, be(-r * d % N), be(r) + be(5)
    yield "sum-is-infinity-r-zero", "malformed", "signature-range", q, be(0), be(0) + be(5)
    yield "digest-zero-forged", "ok", "", q, be(0), \
        be(mul(3, mul(d))[0] % N) + be(mul(3, mul(d))[0] * pow(3, -1, N) % N)
    yield "digest-plus-n", "ok", "", q, be(number(solved(s_for_small(d, k, r))) + N), \
        be(r) + be(s_for_small(d, k, r))
    yield "key-is-generator", "ok", "", encode(G), solved(9, 1), be(r) + be(9)
    yield "key-is-minus-generator", "ok", "", encode(negate(G)), solved(9, N - 1), be(r) + be(9)
    yield "key-is-negated", "false", "signature", encode(negate(mul(d))), solved(9), be(r) + be(9)
    for name, bad in (("infinity", bytes(65)), ("hybrid", be(6 + q[64] % 2, 1) + q[1:]),
                      ("on-the-twist", raw(*twist())), ("y-zero", q[:33] + bytes(32))):
        yield "key-" + name, "malformed", "key", bad, solved(9), be(r) + be(9)
    yield "empty", "malformed", "signature-form", q, solved(5), b""
    yield "short", "malformed", "signature-form", q, solved(5), (be(r) + be(5))[:-1]
    yield "long", "malformed", "signature-form", q, solved(5), be(r) + be(5) + b"\0"
    yield "as-der", "malformed", "signature-form", q, solved(5), \
        b"\x30\x25\x02\x20" + be(r) + b"\x02\x01\x05"


def s_for_small(d, k, r):
    """An s whose digest is below 2^256 - n, so that the same one plus n is a digest too."""
    return (3 + r * d) * pow(k, -1, N) % N
