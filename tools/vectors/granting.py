# SPDX-License-Identifier: GPL-2.0
"""Grants, and what is nearly one."""

import forms
import formats as f
from forms import BAD_POINTS, NAMES, POINT, cuts, headers, joined, signed, with_field
from leases import change_fields, false_ones, head_fields, lease_fields
from p256 import N, be, encode, mul, negate, number, sha256

JTI = sha256(b"some jti")[:16]


def grant_fields(sequence=0, kind=f.GRANT, instance=bytes(range(16)), element=NAMES[0],
                 operation=1, algorithm=1, parameter=0, asked=sha256(b"some input"),
                 client=POINT, jti=JTI, not_after=86400000):
    return head_fields(kind, sequence) + [
        ("instance", instance), ("element", element), ("operation", be(operation, 1)),
        ("algorithm", be(algorithm, 2)), ("parameter", be(parameter, 4)), ("input", asked),
        ("client", client), ("jti", jti), ("not-after", be(not_after, 8))]


def grant(**change):
    return signed(joined(grant_fields(**change)))


def good_grants():
    yield "signs", grant()
    yield "proves", grant(operation=2, algorithm=2)
    yield "anybody", grant(client=bytes(65))
    yield "client-negated", grant(client=encode(negate(mul(forms.A))))
    yield "client-is-generator", grant(client=encode(mul(1)))
    yield "client-is-the-manager", grant(client=forms.PUBLIC)
    for name, fill in (("zero", b"\0"), ("all-ones", b"\xff")):
        yield "instance-" + name, grant(instance=fill * 16)
        yield "element-" + name, grant(element=fill * 32)
        yield "input-" + name, grant(asked=fill * 32)
    yield "jti-first-bit", grant(jti=b"\x80" + bytes(15))
    yield "jti-last-bit", grant(jti=bytes(15) + b"\1")
    yield "jti-all-ones", grant(jti=b"\xff" * 16)
    yield "not-after-one", grant(not_after=1)
    yield "not-after-largest", grant(not_after=2**64 - 1)
    yield "not-after-low-bytes-zero", grant(not_after=2**32)
    yield "s-negated", grant()[:-32] + be(N - number(grant()[-32:]))


def malformed_grants():
    fields, good = grant_fields(), grant()
    for name, data in cuts(fields + [("signature", b"")]):
        yield name, data
        if name != "cut-before-signature":
            yield name + "-and-signed", signed(data)
    for n in (1, 32, 63):
        yield "signature-cut-to-%d" % n, good[:-64 + n]
    for n in (1, 32, 64):
        yield "longer-by-%d" % n, good + bytes(n)
    yield from ((n, signed(d)) for n, d in
                headers(f.GRANT, lambda h: h + joined(grant_fields())[8:]))
    for name, change in (
            ("number-one", {"sequence": 1}), ("number-largest", {"sequence": 2**64 - 1}),
            ("operation-0", {"operation": 0}), ("operation-3", {"operation": 3}),
            ("operation-255", {"operation": 255}), ("algorithm-0", {"algorithm": 0}),
            ("algorithm-3", {"algorithm": 3}), ("algorithm-256", {"algorithm": 256}),
            ("algorithm-257", {"algorithm": 257}), ("signs-by-8235", {"algorithm": 2}),
            ("proves-by-ecdsa", {"operation": 2}),
            ("nothing-by-nothing", {"operation": 0, "algorithm": 0}),
            ("third-by-third", {"operation": 3, "algorithm": 3}),
            ("parameter-1", {"parameter": 1}), ("parameter-highest-bit", {"parameter": 2**31}),
            ("proves-with-parameter", {"operation": 2, "algorithm": 2, "parameter": 1}),
            ("client-last-byte", {"client": bytes(64) + b"\1"}),
            ("client-prefix-alone", {"client": b"\4" + bytes(64)}),
            ("client-without-prefix", {"client": b"\0" + POINT[1:]}),
            ("jti-zero", {"jti": bytes(16)}), ("not-after-zero", {"not_after": 0})):
        yield name, grant(**change)
    for name, point in BAD_POINTS:
        if point != bytes(65):
            yield "client-" + name, grant(client=point)
    # One type's body under another one's name.
    for sequence in (0, 1):
        for kind in (f.REVOKE, f.LEASE, f.TRUST_CHANGE):
            yield "as-type-%d-number-%d" % (kind, sequence), grant(kind=kind, sequence=sequence)
        for name, data in (
                ("vote", joined(forms.order_fields(f.GRANT, sequence=sequence))),
                ("lease", joined(lease_fields(NAMES, kind=f.GRANT, sequence=sequence))),
                ("trust-change", joined(change_fields(kind=f.GRANT, sequence=sequence)))):
            yield "%s-as-grant-number-%d" % (name, sequence), signed(data)
    # What is malformed is so for anybody.
    yield "for-another-hsm-without-jti", \
        signed(with_field(grant_fields(jti=bytes(16)), "hsm", sha256(b"another")))


def false_grants():
    yield from false_ones(grant_fields(), (
        ("instance", bytes(16)), ("element", NAMES[1]), ("input", sha256(b"another input")),
        ("client", encode(mul(forms.C))), ("jti", b"\xff" * 16), ("not-after", be(86400001, 8))))


def orders():
    """name, verdict, reason, order"""
    one = grant()
    for name, data in good_grants():
        yield "grant-" + name, "ok", "", data
    for name, data in malformed_grants():
        yield "grant-" + name, "malformed", "order-form", data
    r, s = one[-64:-32], one[-32:]
    for name, halves in (("r-is-zero", bytes(32) + s), ("s-is-zero", r + bytes(32)),
                         ("r-is-n", be(N) + s), ("s-is-n", r + be(N))):
        yield "grant-" + name, "malformed", "signature-range", one[:-64] + halves
    for name, reason, data in false_grants():
        yield "grant-" + name, "false", reason, data
