# SPDX-License-Identifier: GPL-2.0
"""Leases and changes of C, and what is nearly one."""

import forms
import formats as f
from evidence import HSM_ID, MANAGERS
from forms import MANAGER, MANAGER_ID, NAMES, cuts, headers, joined, signed, with_field
from p256 import N, be, number, sha256

STATEMENT = sha256(b"some statement")
PREVIOUS = sha256(b"some configuration")
NEW = f.configuration(MANAGERS[:2], quorum=2, stop=1, wipe=2, grace=60000)


def head_fields(kind, sequence):
    head = f.header(kind)
    return [("magic", head[:5]), ("type", head[5:6]), ("version", head[6:]),
            ("manager", MANAGER_ID), ("hsm", HSM_ID), ("number", be(sequence, 8))]


def lease_fields(names=(), sequence=0, statement=STATEMENT, least=7, ttl=86400000,
                 verdict=f.ALLOW, count=None, kind=f.LEASE):
    return head_fields(kind, sequence) + [
        ("statement", statement), ("least", be(least, 8)), ("ttl", be(ttl, 8)),
        ("verdict", be(verdict, 1)), ("count", be(len(names) if count is None else count, 2)),
        *(("exception-%d" % i, name) for i, name in enumerate(names))]


def change_fields(new=NEW, sequence=1, previous=PREVIOUS, length=None, kind=f.TRUST_CHANGE):
    return head_fields(kind, sequence) + [
        ("previous", previous), ("length", be(len(new) if length is None else length, 2)),
        ("configuration", new)]


def lease(*names, **change):
    return signed(joined(lease_fields(names, **change)))


def trust_change(*new, **change):
    return signed(joined(change_fields(*new, **change)))


def good_leases():
    yield "grants-all", lease()
    yield "denies-all", lease(verdict=f.DENY)
    yield "grants-all-but-three", lease(*NAMES)
    yield "grants-three", lease(*NAMES, verdict=f.DENY)
    yield "least-zero", lease(least=0)
    yield "least-largest", lease(least=2**64 - 1)
    yield "ttl-one", lease(ttl=1)
    yield "ttl-largest", lease(ttl=2**64 - 1)
    yield "statement-zero", lease(statement=bytes(32))
    yield "exception-zero", lease(bytes(32))
    yield "exceptions-adjacent", lease(be(1), be(2), be(3))
    yield "exceptions-1024", lease(*(be(i) for i in range(1024)))
    yield "s-negated", lease()[:-32] + be(N - number(lease()[-32:]))


def good_changes():
    yield "two-managers", trust_change()
    yield "no-managers", trust_change(f.configuration([]))
    yield "number-largest", trust_change(sequence=2**64 - 1)
    yield "previous-zero", trust_change(previous=bytes(32))
    yield "to-itself", trust_change(previous=sha256(NEW))
    for name, verdict, reason, new in forms.configurations():
        # Whether a key is a point is for the HSM, which says what it makes of the order.
        if verdict == "ok" or reason == "manager-key":
            yield "to-" + name, trust_change(new)


def malformed_leases():
    fields, good = lease_fields(NAMES), lease()
    for name, data in cuts(fields + [("signature", b"")]):
        yield name, data
        if name != "cut-before-signature":
            yield name + "-and-signed", signed(data)
    for n in (1, 32, 63):
        yield "signature-cut-to-%d" % n, good[:-64 + n]
    for n in (1, 32, 64):
        yield "longer-by-%d" % n, good + bytes(n)
    yield from ((n, signed(d)) for n, d in
                headers(f.LEASE, lambda h: h + joined(lease_fields())[8:]))
    for name, names, change in (
            ("number-one", (), {"sequence": 1}), ("number-largest", (), {"sequence": 2**64 - 1}),
            ("ttl-zero", (), {"ttl": 0}), ("verdict-0", (), {"verdict": 0}),
            ("verdict-3", (), {"verdict": 3}), ("verdict-255", (), {"verdict": 255}),
            ("count-zero", NAMES[:1], {"count": 0}), ("count-one", (), {"count": 1}),
            ("count-two", (), {"count": 2}), ("count-one-less", NAMES, {"count": 2}),
            ("count-1024", (), {"count": 1024}), ("count-1025", (), {"count": 1025}),
            ("count-65535", (), {"count": 65535}),
            ("1025-exceptions", [be(i) for i in range(1025)], {}),
            ("unsorted", NAMES[::-1], {}), ("last-two-unsorted", [NAMES[i] for i in (0, 2, 1)], {}),
            ("exception-twice", NAMES[:1] * 2, {}),
            ("last-exception-twice", NAMES[:2] + NAMES[1:2], {}),
            ("unsorted-in-last-byte", [be(2), be(1)], {}),
            ("unsorted-as-signed-bytes", [b"\x80" * 32, b"\x7f" * 32], {})):
        yield name, lease(*names, **change)
    # One type's body under another one's name.
    for kind in (f.REVOKE, f.RELEASE, f.TRUST_CHANGE):
        for sequence in (0, 1):
            yield "as-type-%d-number-%d" % (kind, sequence), lease(kind=kind, sequence=sequence)
    for sequence in (0, 1):
        yield "vote-as-lease-number-%d" % sequence, forms.order(kind=f.LEASE, sequence=sequence)


def malformed_changes():
    fields, good = change_fields(), trust_change()
    for name, data in cuts(fields + [("signature", b"")]):
        yield name, data
        if name != "cut-before-signature":
            yield name + "-and-signed", signed(data)
    for n in (1, 32, 63):
        yield "signature-cut-to-%d" % n, good[:-64 + n]
    for n in (1, 32, 64):
        yield "longer-by-%d" % n, good + bytes(n)
    yield from ((n, signed(d)) for n, d in
                headers(f.TRUST_CHANGE, lambda h: h + joined(change_fields())[8:]))
    empty = f.configuration([])
    for name, new, change in (
            ("number-zero", NEW, {"sequence": 0}), ("length-zero", NEW, {"length": 0}),
            ("nothing", b"", {}), ("length-one-less", NEW, {"length": len(NEW) - 1}),
            ("length-one-more", NEW, {"length": len(NEW) + 1}),
            ("length-of-the-rest", NEW, {"length": len(NEW) + 64}),
            ("length-65535", NEW, {"length": 65535}),
            ("length-1073", empty + bytes(1073 - len(empty)), {}),
            ("twice", NEW + NEW, {}), ("a-digest", sha256(NEW), {})):
        yield name, trust_change(new, **change)
    for name, verdict, reason, new in forms.configurations():
        if verdict != "ok" and reason != "manager-key":
            yield "to-" + name, trust_change(new)
    # What is malformed is so for anybody.
    yield "for-another-hsm-to-no-configuration", \
        signed(with_field(change_fields(b"C"), "hsm", sha256(b"another")))
    for kind in (f.REVOKE, f.RELEASE, f.LEASE):
        for sequence in (0, 1):
            yield "as-type-%d-number-%d" % (kind, sequence), \
                trust_change(kind=kind, sequence=sequence)
    yield "vote-as-trust-change", forms.order(kind=f.TRUST_CHANGE)


def false_ones(fields, others):
    """name, reason, order: signed for another HSM, by another, or over something else."""
    body, other = joined(fields), sha256(b"another")
    signature = signed(body)[-64:]
    yield "for-another-hsm", "order-hsm", signed(with_field(fields, "hsm", other))
    yield "of-another-manager", "order-manager", signed(with_field(fields, "manager", other))
    yield "signed-by-another-key", "signature", signed(body, MANAGER + 1)
    yield "signature-of-a-vote", "signature", body + forms.order()[-64:]
    yield "signed-without-its-head", "signature", body + signed(body[80:])[-64:]
    for name, value in others:
        yield "signed-with-another-" + name, "signature", \
            with_field(fields, name, value) + signature


def false_orders():
    for name, reason, data in false_ones(lease_fields(NAMES), (
            ("statement", sha256(b"later")), ("least", be(6, 8)), ("ttl", be(86400001, 8)),
            ("verdict", be(f.DENY, 1)), ("exception-0", bytes(32)),
            ("exception-2", b"\xff" * 32))):
        yield "lease-" + name, reason, data
    without = joined(lease_fields(NAMES[:2])) + lease(*NAMES)[-64:]
    yield "lease-signed-with-an-exception-more", "signature", without
    for name, reason, data in false_ones(change_fields(), (
            ("number", be(2, 8)), ("previous", sha256(NEW)),
            ("configuration", f.configuration(MANAGERS[:2], quorum=1, wipe=2, grace=60000)))):
        yield "trust-change-" + name, reason, data


def orders():
    """name, verdict, reason, order"""
    for kind, good, bad, one in (("lease", good_leases, malformed_leases, lease()),
                                 ("trust-change", good_changes, malformed_changes, trust_change())):
        for name, data in good():
            yield "%s-%s" % (kind, name), "ok", "", data
        for name, data in bad():
            yield "%s-%s" % (kind, name), "malformed", "order-form", data
        r, s = one[-64:-32], one[-32:]
        for name, halves in (("r-is-zero", bytes(32) + s), ("s-is-zero", r + bytes(32)),
                             ("r-is-n", be(N) + s), ("s-is-n", r + be(N))):
            yield "%s-%s" % (kind, name), "malformed", "signature-range", one[:-64] + halves
    for name, reason, data in false_orders():
        yield name, "false", reason, data
