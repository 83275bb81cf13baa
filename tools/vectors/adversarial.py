# SPDX-License-Identifier: GPL-2.0
"""adversarial.json: what somebody would send who wants a wrong answer.

Each case says what has to come out of it, and why, by how it was made. Then
tests/interop/verify.py, which was written from the protocol's page alone and
shares nothing with what makes the cases, is asked. Nothing is written unless it
agrees about all of them.
"""

import os
import sys

import attacks
import cheats
import confusion
import edges
import forms
import formats as f
import granting
import leases
from evidence import D, HSM_ID
from p256 import G, N, P, add, be, draw, element_name, encode, mul, negate, prove, public

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/interop"))
import judge        # noqa: E402
import verify       # noqa: E402

SECRET = draw("adversarial key")
USER_ID, OTHER = b"client", b"other info"


def scalars():
    """Whether it is r of a proof, a half of a signature, and a secret that may be imported."""
    for name, value in (("zero", 0), ("one", 1), ("two", 2), ("three", 3), ("half-n", N // 2),
                        ("2-to-128", 2**128), ("n-minus-5", N - 5), ("n-minus-4", N - 4),
                        ("n-minus-3", N - 3), ("n-minus-2", N - 2), ("n-minus-1", N - 1),
                        ("n", N), ("n-plus-1", N + 1), ("n-in-the-upper-half", N >> 128 << 128),
                        ("p-minus-1", P - 1), ("p", P), ("2-to-255", 2**255),
                        ("all-ones", 2**256 - 1), ("n-bytes-reversed", 0)):
        data = be(N)[::-1] if name == "n-bytes-reversed" else be(value)
        value = int.from_bytes(data, "big")
        below = value < N
        yield {"name": name, "verdict": "ok" if below else "malformed",
               "reason": "" if below else "scalar", "scalar": data.hex(),
               "half": below and value > 0, "secret": 2 <= value <= N - 4}
    for size in (0, 1, 31, 33):
        yield {"name": "of-%d-bytes" % size, "verdict": "malformed", "reason": "scalar",
               "scalar": be(0, size).hex(), "half": False, "secret": False}


def sums():
    """sum(k * A), null for infinity."""
    a, c = draw("sum a"), draw("sum c")
    x = edges.unknown("sum")
    k = draw("sum k")
    d = mul(a)
    for name, terms in (
            ("zero-times", [(0, x)]), ("n-minus-1-times", [(N - 1, x)]), ("one-times", [(1, x)]),
            ("cancel", [(k, x), (N - k, x)]), ("cancel-by-sign", [(k, x), (k, negate(x))]),
            ("cancel-generator", [(k, G), (N - k, G)]),
            ("cancel-three", [(k, x), (c, x), (-k - c, x)]),
            ("cancel-known", [(c, d), (-c * a, G)]),
            ("cancel-rogue", [(1, x), (1, d), (1, add(negate(x), negate(d)))]),
            ("cancel-and-one-more", [(k, x), (N - k, x), (c, d)]),
            ("double", [(k, x), (k, x)]), ("same-sixteen", [(c, x)] * 16),
            ("partial-sum-is-next", [(1, G), (1, mul(2)), (1, mul(3))]),
            ("partial-sum-is-minus-next", [(1, G), (1, mul(2)), (1, mul(N - 3))]),
            ("all-zero", [(0, G), (0, x), (0, d)]),
            ("short-coefficients", [(2**128 - 1, x), (2**127, negate(x)), (1, d)]),
            ("minus-one-each", [(N - 1, G), (N - 1, x), (N - 1, d)]),
            ("of-64-ones", [(2**64 - 1, x), (2**64, G)])):
        terms = [(k % N, point) for k, point in terms]
        r = cheats.total(terms)
        yield {"name": name, "terms": [[be(k).hex(), encode(p).hex()] for k, p in terms],
               "r": encode(r).hex() if r else None}


def names():
    """The names of elements in orders; a key and its negative share one."""
    for name, point in (("generator", G), ("minus-generator", negate(G)),
                        ("x-smallest", edges.search(1, 1)), ("x-largest", edges.search(P - 1, -1)),
                        ("key", mul(SECRET)), ("key-negated", negate(mul(SECRET)))):
        yield {"name": name, "public": encode(point).hex(),
               "element": element_name(encode(point)).hex()}


def proofs():
    """name, verdict, reason, public, UserID, OtherInfo, proof"""
    made_by = lambda a, v, u=USER_ID, o=OTHER: (public(a), u, o, prove(a, v, u, o))
    v = draw("adversarial nonce")
    for name, made in (
            ("a-is-generator", made_by(1, v)), ("a-is-minus-generator", made_by(N - 1, v)),
            ("v-is-generator", made_by(SECRET, 1)), ("v-is-a", made_by(SECRET, SECRET)),
            ("v-is-minus-a", made_by(SECRET, N - SECRET)), ("both-are-generator", made_by(1, 1)),
            ("v-is-minus-generator-and-a", made_by(1, N - 1)),
            ("user-id-of-32-bytes", made_by(SECRET, v, bytes(32))),
            ("user-id-is-an-hsm", made_by(SECRET, v, HSM_ID)),
            ("other-info-of-the-protocol", made_by(SECRET, v, HSM_ID, f.header(f.ANNOUNCEMENT))),
            ("user-id-of-a-byte", made_by(SECRET, v, b"\xff")),
            ("user-id-of-255-bytes", made_by(SECRET, v, b"u" * 255)),
            ("other-info-empty", made_by(SECRET, v, USER_ID, b""))):
        yield (name, "ok", "") + made
    a = public(SECRET)
    for name, key, proof in cheats.weak_proofs(SECRET, USER_ID, OTHER):
        other = None if name.endswith("-other-absent") else OTHER
        yield "challenge-" + name, "false", "equation", key, USER_ID, other, proof
    for name, key, proof in cheats.forged_proofs(USER_ID, OTHER, edges.unknown("key")):
        yield "forged-" + name, "false", "equation", key, USER_ID, OTHER, proof
    for name, user_id in (("empty", b""), ("of-256-bytes", bytes(256))):
        yield ("user-id-" + name, "malformed", "user-id") + made_by(SECRET, v, user_id)
    good = prove(SECRET, v, USER_ID, OTHER)
    for name, user, other in (("moved-right", USER_ID + OTHER[:1], OTHER[1:]),
                              ("moved-left", USER_ID[:-1], USER_ID[-1:] + OTHER),
                              ("all-in-user-id", USER_ID + OTHER, b""),
                              ("item-in-user-id", USER_ID + be(len(OTHER), 4) + OTHER, None),
                              ("swapped", OTHER, USER_ID), ("zero-appended", USER_ID, OTHER + b"\0"),
                              ("zero-in-front", b"\0" + USER_ID, OTHER)):
        yield "boundary-" + name, "false", "equation", a, user, other, good
    for name, value in (("zero", 0), ("one", 1), ("n-minus-1", N - 1)):
        yield "r-" + name, "false", "equation", a, USER_ID, OTHER, good[:65] + be(value)
    for name, value in (("n", N), ("n-plus-1", N + 1), ("all-ones", 2**256 - 1)):
        yield "r-" + name, "malformed", "response", a, USER_ID, OTHER, good[:65] + be(value)
    for name, point in forms.BAD_POINTS:
        yield "v-" + name, "malformed", "commitment", a, USER_ID, OTHER, point + good[65:]
        yield "a-" + name, "malformed", "key", point, USER_ID, OTHER, good
    for name, data in (("empty", b""), ("v-alone", good[:65]), ("r-alone", good[65:]),
                       ("short", good[:-1]), ("long", good + b"\0"),
                       ("v-compressed", cheats.compress(good[:65]) + good[65:]),
                       ("v-infinity", b"\0" + good[65:]), ("with-key", a + good)):
        yield "proof-" + name, "malformed", "proof-form", a, USER_ID, OTHER, data


def table(names, rows, **same):
    """Rows as cases; bytes in hex, None for what is absent."""
    out = []
    for row in rows:
        case = dict(zip(("name", "verdict", "reason") + names, row), **same)
        out.append({k: x.hex() if isinstance(x, bytes) else x for k, x in case.items()})
    return out


def evidence_cases():
    return [*attacks.cases(), *confusion.evidence()]


def sections():
    other = lambda kind, own, reason: [*confusion.others(kind, (own,), reason)]
    points = [(n, v, "" if v == "ok" else "point", p) for n, v, p in edges.points()]
    announced = [(n, v, r, D, data) for n, v, r, data in
                 other(f.ANNOUNCEMENT, "announcement", "announcement-form")]
    empty = f.key_list([])
    differences = [(n, v, r, empty, data, None) for n, v, r, data in
                   other(f.DELTA, "delta", "delta-form")]
    return {
        "scalars": list(scalars()),
        "points": table(("point",), points),
        "sums": list(sums()),
        "names": list(names()),
        "proofs": table(("public", "user_id", "other_info", "proof"), proofs()),
        "signatures": table(("public", "digest", "signature"), edges.signatures()),
        "evidence": evidence_cases(),
        "lists": table(("list",), [*forms.lists(), *other(f.LIST, "list", "list-form")]),
        "configurations": table(("configuration",), [
            *forms.configurations(), *other(f.CONFIGURATION, "configuration",
                                            "configuration-form")]),
        "announcements": table(("identity", "announcement"),
                               [*forms.announcements(), *announced]),
        "deltas": table(("base", "delta", "list"), [*forms.deltas(), *differences]),
        "orders": table(("order",), [*forms.orders(), *leases.orders(), *granting.orders(), *other(f.REVOKE, "order", "order-form")],
                        public=forms.PUBLIC, hsm_id=HSM_ID),
    }


def judge_all(content):
    """Stops everything where construction and reference differ."""
    wrong = []
    for section in judge.SECTIONS:
        seen = set()
        for c in content[section]:
            expected, got = judge.expected(c), judge.verdict(verify, section, c)
            if got != expected or c["name"] in seen:
                wrong.append("%s: %s: made as %s, judged as %s" % (section, c["name"],
                                                                   expected, got))
            seen.add(c["name"])
    if wrong:
        raise SystemExit("gen-vectors.py: the reference disagrees:\n" + "\n".join(wrong))


def files():
    content = sections()
    judge_all(content)
    return {"adversarial.json": {
        "about": "What somebody would send who wants a wrong answer. reason: see README.rst. "
                 "scalars: half, whether it may be r or s of a signature; secret, whether it may "
                 "be imported as a key. sums: sum of k * A, null for infinity. evidence, where it "
                 "is ok: the ids that are proved. Orders as the HSM hsm_id gets them from the "
                 "manager with the key public.", **content}}
