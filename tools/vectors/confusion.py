# SPDX-License-Identifier: GPL-2.0
"""Evidence whose parts are not of their form, and messages taken for others."""

import forms
import formats as f
import granting
import leases
from attacks import A, C, NONCE, Box, keys, two
from evidence import HSM_ID, IDENTITY
from p256 import be, draw, encode, mul, prove, sha256

# What the statement's fields are called, and how long they are with one challenge.
FIELDS = (("magic", 5), ("type", 1), ("version", 2), ("hsm-id", 32), ("identity", 65),
          ("boot-count", 4), ("fork-count", 4), ("n", 4), ("instance-id", 16), ("uptime", 8),
          ("lease-nonce", 32), ("challenge-count", 1), ("manager-id", 32), ("nonce", 32),
          ("last-number", 8), ("last-digest", 32), ("platform", 32), ("module-version", 4),
          ("list-digest", 32), ("list-count", 4), ("config-digest", 32), ("groups", 1),
          ("suite", 2), ("commitment", 65), ("response", 32))


def split(data):
    out, at = [], 0
    for name, size in FIELDS:
        out.append((name, data[at:at + size]))
        at += size
    assert at == len(data)
    return out


def proved(box, secrets, s):
    return s + box.proof(secrets, NONCE, s)


def evidence_forms():
    box = two()
    good = proved(box, [A, C], box.statement())
    form = lambda name, data: box.bad(name, "malformed", "evidence-form", data)
    for name, data in forms.cuts(split(good)):
        yield form("evidence-" + name, data)
    for name, s in forms.headers(f.STATEMENT, lambda h: box.statement(header=h)):
        yield form("evidence-" + name, proved(box, [A, C], s))
    for name, data in (("longer-by-a-byte", good + b"\0"), ("proof-twice", good + good[-97:]),
                       ("statement-twice", good[:-97] + good),
                       ("proof-before-statement", good[-97:] + good[:-97])):
        yield form("evidence-" + name, data)
    for name, groups, suite in (
            ("none", 0, b""), ("suite-0", 1, be(0, 2)), ("suite-p384", 1, be(2, 2)),
            ("suite-3", 1, be(3, 2)), ("suite-256", 1, be(256, 2)), ("suite-257", 1, be(257, 2)),
            ("suite-65535", 1, b"\xff\xff"), ("both", 2, be(1, 2) + be(2, 2)),
            ("unsorted", 2, be(2, 2) + be(1, 2)), ("twice", 2, be(1, 2) * 2),
            ("p384-twice", 2, be(2, 2) * 2), ("three", 3, be(1, 2) + be(2, 2) + be(3, 2)),
            ("255", 255, be(1, 2)), ("fewer-than-said", 2, be(1, 2)),
            ("more-than-said", 1, be(1, 2) + be(2, 2))):
        s = box.statement(groups=be(groups, 1), suite=suite)
        yield form("groups-" + name, proved(box, [A, C], s))
        if groups == 2 and len(suite) == 4:
            data = proved(box, [A, C], s)
            yield form("groups-%s-two-proofs" % name, data + data[-97:])
    # A proof of the length that P-384 would have
    yield form("proof-of-p384", box.statement(suite=be(2, 2)) + b"\4" + bytes(96 + 48))
    for count in (100001, 2**31, 2**32 - 1):
        yield form("list-count-%d" % count,
                   proved(box, [A, C], box.statement(list_count=be(count, 4))))
    for name, point in forms.BAD_POINTS:
        yield box.bad("commitment-" + name, "malformed", "commitment",
                      good[:-97] + point + good[-32:])
        s = box.statement(D=point, hsm_id=sha256(point))
        yield box.bad("identity-" + name, "malformed", "identity", s + good[-97:])


def lists_and_configurations():
    """Well-formed evidence over what is none, or over something else."""
    box = two()
    good = proved(box, [A, C], box.statement())
    for count in (0, 1, 3, 100000):
        s = box.statement(list_count=be(count, 4))
        yield box.bad("list-count-%d" % count, "false", "list-count", proved(box, [A, C], s))
    for name, the_list in (
            ("unsorted", f.key_list([f.entry(b"b", encode(mul(A))), f.entry(b"a", encode(mul(C)))])),
            ("repeated", f.key_list([f.entry(b"a", encode(mul(A))), f.entry(b"a", encode(mul(C)))])),
            ("trailing", box.list + b"\0"), ("cut", box.list[:-1]),
            ("empty", b""), ("flags-8", f.key_list([f.entry(b"a", encode(mul(A)), flags=8),
                                                    f.entry(b"b", encode(mul(C)))]))):
        b = two()
        b.list = the_list
        yield b.bad("list-" + name, "malformed", "list-form", proved(b, [A, C], b.statement()))
    for name, element in forms.BAD_POINTS:
        b = Box([(b"bad", element, {"state": f.COMPROMISED}), (b"good", mul(A), {})])
        if element[0] == 4 and name in ("y-plus-p", "infinity-with-prefix", "on-the-twist"):
            yield b.bad("list-element-" + name, "malformed", "element",
                        proved(b, [A], b.statement()))
    for name, bytes_ in (("trailing", box.configuration + b"\0"), ("empty", b""),
                         ("quorum-zero", f.configuration([], quorum=0))):
        b = two()
        b.configuration = bytes_
        yield b.bad("configuration-" + name, "malformed", "configuration-form",
                    proved(b, [A, C], b.statement()))
    b = two()
    b.configuration = f.configuration([b"\x04" + bytes(64)])
    yield b.bad("configuration-manager-infinity", "malformed", "manager-key",
                proved(b, [A, C], b.statement()))
    swapped = Box([(b"first", mul(C), {}), (b"second", mul(A), {})])
    renamed = Box([(b"first", mul(A), {}), (b"secone", mul(C), {})])
    for name, other in (("swapped", swapped), ("renamed", renamed), ("shorter", Box(keys(mul(A)))),
                        ("empty", Box([]))):
        yield box.bad("list-of-keys-" + name, "false", "list-digest", good, list=other.list)
    yield box.bad("configuration-with-another-quorum", "false", "configuration-digest", good,
                  configuration=f.configuration([], quorum=2))
    # The digest of the one where that of the other belongs
    s = box.statement(list_digest=sha256(box.configuration))
    yield box.bad("configuration-as-list", "malformed", "list-form", proved(box, [A, C], s),
                  list=box.configuration)
    s = box.statement(config_digest=sha256(box.list))
    yield box.bad("list-as-configuration", "malformed", "configuration-form",
                  proved(box, [A, C], s), configuration=box.list)


def messages():
    """type, bytes: one good message of each kind."""
    box = two()
    a_list = box.list
    body = f.announcement(a_list, 2)
    yield f.STATEMENT, "statement", box.statement()
    yield f.STATEMENT, "evidence", proved(box, [A, C], box.statement())
    yield f.ANNOUNCEMENT, "announcement", body + prove(IDENTITY, draw("confused"), HSM_ID, body)
    yield f.LIST, "list", a_list
    yield f.CONFIGURATION, "configuration", box.configuration
    yield f.DELTA, "delta", f.delta(f.key_list([]), a_list, [], [a_list[12:103], a_list[103:]])
    yield f.REVOKE, "order", forms.order()
    yield f.LEASE, "lease", leases.lease()
    yield f.GRANT, "grant", granting.grant()
    yield f.TRUST_CHANGE, "trust-change", leases.trust_change()
    receipt = f.receipt(sha256(b"some grant"), b"some answer")
    yield f.RECEIPT, "receipt", receipt + prove(IDENTITY, draw("confused"), HSM_ID, receipt)


def taken_for(kind, own):
    """name, bytes: other messages, as they are, with our type, and signed as an order is."""
    for type_, name, data in messages():
        # Orders have one reader; one type under another one's name is in leases.
        if name in own or kind == f.REVOKE and type_ >= f.LEASE:
            continue
        yield name, data
        yield name + "-with-our-type", data[:5] + be(kind, 1) + data[6:]
        if kind == f.REVOKE:
            yield name + "-signed", forms.signed(data)
            yield name + "-with-our-type-and-signed", \
                forms.signed(data[:5] + be(kind, 1) + data[6:])


def evidence():
    yield from evidence_forms()
    yield from lists_and_configurations()
    box = two()
    for name, data in taken_for(f.STATEMENT, ("evidence",)):
        if name != "statement-with-our-type":
            yield box.bad(name + "-as-evidence", "malformed", "evidence-form", data)
        if not name.startswith("statement"):
            yield box.bad(name + "-as-statement", "malformed", "evidence-form",
                          data + box.proof([A, C], NONCE, box.statement()))


def others(kind, own, reason):
    """name, verdict, reason, bytes for one of the other readers"""
    for name, data in taken_for(kind, own):
        yield name + "-taken-for-it", "malformed", reason, data
