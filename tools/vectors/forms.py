# SPDX-License-Identifier: GPL-2.0
"""Byte strings that are nearly of their form, or of another one."""

import edges
import formats as f
from attacks import Box
from evidence import D, HSM_ID, IDENTITY, MANAGER_IDS, MANAGERS
from p256 import (G, N, be, draw, ecdsa_sign, element_name, encode, mul, negate, number,
                  prove, public, sha256)

MANAGER = draw("order manager")
PUBLIC = public(MANAGER)
MANAGER_ID = sha256(PUBLIC)
K = draw("adversarial order k")
A, C = draw("attack key a"), draw("attack key c")
POINT = encode(mul(A))
NAMES = sorted(element_name(encode(mul(draw("form key %d" % i)))) for i in range(3))
BAD_POINTS = [(name, data) for name, verdict, data in edges.points()
              if verdict == "malformed" and len(data) == 65]


def cuts(fields):
    """What is left of @fields when it ends at the end of each of them but the last."""
    data = b""
    for i, (name, value) in enumerate(fields):
        if i:
            yield "cut-before-" + name, data
        data += value


def joined(fields):
    return b"".join(value for _, value in fields)


def with_field(fields, name, value):
    assert any(name == n for n, _ in fields)
    return joined([(n, value if n == name else v) for n, v in fields])


def headers(kind, body):
    """Wrong headers; @body gives the rest for a header."""
    for name, head in (("magic-lower-case", b"zkhsm" + be(kind, 1) + be(1, 2)),
                       ("magic-last-letter", f.header(kind, magic=b"ZKHSN")),
                       ("version-0", f.header(kind, version=0)),
                       ("version-2", f.header(kind, version=2)),
                       ("version-256", f.header(kind, version=256)),
                       ("version-257", f.header(kind, version=257))):
        yield name, body(head)
    for other in (0, 1, 2, 3, 4, 5, 6, 15, 23, 32, 33, 34, 35, 255):
        if other != kind:
            yield "type-%d" % other, body(f.header(other))


# --- orders --------------------------------------------------------------------

def order_fields(kind=f.REVOKE, names=None, manager_id=MANAGER_ID, hsm_id=HSM_ID, sequence=1,
                 reason=1, count=None):
    names = NAMES[:1] if names is None else names
    head = f.header(kind)
    return [("magic", head[:5]), ("type", head[5:6]), ("version", head[6:]),
            ("manager", manager_id), ("hsm", hsm_id), ("number", be(sequence, 8)),
            ("reason", be(reason, 1)), ("count", be(len(names) if count is None else count, 2)),
            *(("element-%d" % i, name) for i, name in enumerate(names))]


def signed(body, secret=MANAGER, digest=None):
    return body + ecdsa_sign(secret, K, sha256(body) if digest is None else digest)


def order(**change):
    return signed(joined(order_fields(**change)))


def good_orders():
    yield "revoke", order()
    yield "elements-adjacent", order(names=[be(1), be(2), be(3)])
    yield "element-zero", order(names=[bytes(32)])
    yield "element-all-ones", order(names=[b"\xff" * 32])
    yield "elements-that-look-like-an-order", order(names=[b"ZKHSM" + bytes(27)])
    yield "number-largest", order(sequence=2**64 - 1)
    for reason in (0, 2, 3, 4, 5, 6, 8, 9, 10):
        yield "reason-%d" % reason, order(reason=reason)
    r, s = order()[-64:-32], order()[-32:]
    yield "s-negated", order()[:-64] + r + be(N - number(s))
    yield "name-of-a-key-and-its-negative", \
        order(names=[element_name(encode(negate(mul(A))))])
    assert element_name(POINT) == element_name(encode(negate(mul(A))))


def false_orders():
    """name, reason, order: signed, but not by this manager for this HSM, or not this."""
    fields, good = order_fields(), order()
    body, signature = good[:-64], good[-64:]
    other = sha256(b"another")
    yield "for-another-hsm", "order-hsm", order(hsm_id=other)
    yield "for-no-hsm", "order-hsm", order(hsm_id=bytes(32))
    yield "for-the-manager", "order-hsm", order(hsm_id=MANAGER_ID)
    yield "replayed-to-another-hsm", "order-hsm", with_field(fields, "hsm", other) + signature
    yield "of-another-manager", "order-manager", order(manager_id=other)
    yield "of-the-hsm", "order-manager", order(manager_id=HSM_ID)
    for name, changed in (("type", order_fields(f.RELEASE)), ("number", order_fields(sequence=2)),
                          ("reason", order_fields(reason=2)),
                          ("elements", order_fields(names=NAMES[1:2])),
                          ("more-elements", order_fields(names=NAMES[:2]))):
        yield "signed-with-another-" + name, "signature", joined(changed) + signature
    version_2 = with_field(fields, "version", be(2, 2))
    for name, data in (
            ("signed-as-version-2", body + signed(version_2)[-64:]),
            ("signed-without-header", body + signed(body[8:])[-64:]),
            ("signed-without-last-byte", body + signed(body[:-1])[-64:]),
            ("signed-with-signature", body + signed(good)[-64:]),
            ("signed-twice-hashed", signed(body, digest=sha256(sha256(body)))),
            ("signed-by-the-identity", signed(body, IDENTITY)),
            ("signed-by-the-negative-key", signed(body, N - MANAGER)),
            ("signed-by-secret-one", signed(body, 1)),
            ("proof-for-signature", body + prove(MANAGER, K, HSM_ID, body)[1:33] +
             prove(MANAGER, K, HSM_ID, body)[65:]),
            ("r-and-s-swapped", body + signature[32:] + signature[:32]),
            ("r-negated", body + be(N - number(signature[:32])) + signature[32:]),
            ("r-and-s-one", body + be(1) + be(1)),
            ("s-plus-one", body + signature[:32] + be((number(signature[32:]) + 1) % N))):
        yield name, "signature", data


def malformed_orders():
    good, fields = order(), order_fields(names=NAMES)
    body, r, s = good[:-64], good[-64:-32], good[-32:]
    for name, data in cuts(fields + [("signature", b"")]):
        yield name, data
        if name != "cut-before-signature":
            yield name + "-and-signed", signed(data)
    for n in (1, 32, 63):
        yield "signature-cut-to-%d" % n, good[:-64 + n]
    for n in (1, 32, 64):
        yield "longer-by-%d" % n, good + bytes(n)
    yield from ((n, signed(d)) for n, d in
                headers(f.REVOKE, lambda head: head + joined(order_fields())[8:]))
    for name, change in (("number-zero", {"sequence": 0}), ("reason-7", {"reason": 7}),
                         ("reason-11", {"reason": 11}), ("reason-255", {"reason": 255}),
                         ("no-element", {"names": []}), ("count-zero", {"count": 0}),
                         ("count-one-more", {"count": 2}), ("count-1024", {"count": 1024}),
                         ("count-1025", {"count": 1025}), ("count-65535", {"count": 65535}),
                         ("count-one-less", {"names": NAMES[:2], "count": 1}),
                         ("unsorted", {"names": NAMES[::-1]}),
                         ("last-two-unsorted", {"names": [NAMES[0], NAMES[2], NAMES[1]]}),
                         ("element-twice", {"names": [NAMES[0], NAMES[0]]}),
                         ("last-element-twice", {"names": NAMES[:2] + NAMES[1:2]}),
                         ("unsorted-in-last-byte", {"names": [be(2), be(1)]}),
                         ("unsorted-as-signed-bytes", {"names": [b"\x80" * 32, b"\x7f" * 32]})):
        yield name, order(**change)
    # Of a type that is kept, the head has to be there all the same.
    for kind in (f.TRANSFER,):
        head = joined(order_fields(kind)[:6])
        for cut in (6, 8, 40, 72, len(head) - 1):
            yield "type-%d-cut-to-%d" % (kind, cut), head[:cut]
        yield "type-%d-version-2" % kind, f.header(kind, version=2) + head[8:]
        yield "type-%d-magic" % kind, f.header(kind, magic=b"ZKHSN") + head[8:]
    # The signature's 64 bytes would make two elements.
    yield "signature-as-elements", order(count=3)
    yield "1025-elements", order(names=[be(i) for i in range(1025)])


def unsupported_orders():
    for kind in (f.TRANSFER,):
        yield "type-%d" % kind, order(kind=kind)
        yield "type-%d-number-zero" % kind, order(kind=kind, sequence=0)
        yield "type-%d-without-body" % kind, joined(order_fields(kind)[:6])


def orders():
    """name, verdict, reason, order"""
    for name, data in good_orders():
        yield name, "ok", "", data
    for name, reason, data in false_orders():
        yield name, "false", reason, data
    for name, data in malformed_orders():
        yield name, "malformed", "order-form", data
    for name, data in unsupported_orders():
        yield name, "unsupported", "order-type", data
    body, good = joined(order_fields()), order()
    r, s = good[-64:-32], good[-32:]
    for name, half in (("zero", bytes(32)), ("n", be(N)), ("above-n", be(N + 1)),
                       ("all-ones", b"\xff" * 32)):
        yield "r-is-" + name, "malformed", "signature-range", body + half + s
        yield "s-is-" + name, "malformed", "signature-range", body + r + half
    yield "signature-zeros", "malformed", "signature-range", body + bytes(64)


# --- lists, configurations, announcements, differences -------------------------

def entry_fields(key_id=b"key", element=POINT, kind=1, origin=1, usage=3, flags=1, state=2,
                 id_len=None, element_len=None):
    return [("id-length", be(len(key_id) if id_len is None else id_len, 1)), ("id", key_id),
            ("kind", be(kind, 2)), ("origin", be(origin, 1)), ("usage", be(usage, 4)),
            ("flags", be(flags, 4)), ("created", be(f.CREATED, 8)), ("state", be(state, 1)),
            ("element-length", be(len(element) if element_len is None else element_len, 2)),
            ("element", element)]


def one(**change):
    return f.key_list([joined(entry_fields(**change))])


def malformed_lists():
    head = f.header(f.LIST)
    fields = [("magic", head[:5]), ("type", head[5:6]), ("version", head[6:]),
              ("count", be(1, 4))] + entry_fields()
    good = joined(fields)
    yield from cuts(fields)
    yield from headers(f.LIST, lambda h: h + good[8:])
    yield "longer-by-a-byte", good + b"\0"
    yield "longer-by-an-entry", good + joined(entry_fields(b"l"))
    for count in (0, 2, 100000, 100001, 2**31, 2**32 - 1):
        yield "count-%d" % count, with_field(fields, "count", be(count, 4))
    for name, values in (("kind", (0, 2, 256)), ("origin", (0, 4, 255)), ("state", (0, 6, 255)),
                         ("usage", (4, 7, 2**31, 2**32 - 1)),
                         ("flags", (8, 15, 2**31, 2**32 - 1)),
                         ("id_len", (0, 2, 4, 64, 65, 255)),
                         ("element_len", (0, 33, 64, 66, 97, 65535))):
        for value in values:
            yield "%s-%d" % (name.replace("_", "-"), value), one(**{name: value})
    for name, key_id in (("empty", b""), ("65", b"i" * 65), ("first-dot", b".a"),
                         ("first-underscore", b"_a"), ("first-at", b"@a"), ("space", b"a b"),
                         ("slash", b"a/b"), ("zero", b"a\0"), ("newline", b"a\n"),
                         ("percent", b"a%2e"), ("colon", b"a:b"), ("backtick", b"a`b"),
                         ("bracket", b"a[b"), ("brace", b"a{b"), ("utf-8", b"a\xc3\xa4"),
                         ("all-ones", b"\xff")):
        yield "id-" + name, one(key_id=key_id)
    pair = lambda *ids: f.key_list([joined(entry_fields(i)) for i in ids])
    for name, ids in (("ids-repeated", (b"a", b"a")), ("ids-descending", (b"b", b"a")),
                      ("prefix-behind", (b"ab", b"a")), ("lower-before-upper", (b"a", b"A")),
                      ("last-two-descending", (b"a", b"c", b"b")),
                      ("length-before-bytes", (b"b", b"aa")),
                      ("repeated-at-the-end", (b"a", b"b", b"b"))):
        yield name, pair(*ids)
    for name, element in (("compressed", be(2 + POINT[64] % 2, 1) + POINT[1:33]),
                          ("one-zero", b"\0"), ("without-prefix", POINT[1:]),
                          ("of-p384", b"\4" + bytes(96)), ("and-a-byte", POINT + b"\0")):
        yield "element-" + name, one(element=element)


def lists():
    """name, verdict, reason, list"""
    pair = lambda *entries: f.key_list([joined(entry_fields(**e)) for e in entries])
    for name, data in (
            ("empty", f.key_list([])), ("all-flags", one(usage=3, flags=7)),
            ("no-flags", one(usage=0, flags=0)),
            ("one-element-under-two-ids", pair({"key_id": b"a"}, {"key_id": b"b"})),
            ("element-and-its-negative", pair({"key_id": b"a"}, {
                "key_id": b"b", "element": encode(negate(mul(A)))})),
            ("element-is-generator", one(element=encode(G))),
            ("prefix-first", pair({"key_id": b"a"}, {"key_id": b"a."}, {"key_id": b"aa"})),
            ("upper-before-lower", pair({"key_id": b"0"}, {"key_id": b"A"}, {"key_id": b"_".join(
                (b"A", b"A"))}, {"key_id": b"a"})),
            ("id-of-64", one(key_id=b"Az09._@-" * 8))):
        yield name, "ok", "", data
    for name, data in malformed_lists():
        yield name, "malformed", "list-form", data
    for state in (f.ACTIVE, f.COMPROMISED):
        for name, data in BAD_POINTS:
            reason = "element" if data[0] == 4 else "list-form"
            if state == f.ACTIVE or name in ("y-plus-p", "infinity-with-prefix", "hybrid"):
                yield "element-%s-state-%d" % (name, state), "malformed", reason, \
                    one(element=data, state=state)


def configuration_fields(managers, flags=0, quorum=1, stop=1, wipe=1, count=None):
    head = f.header(f.CONFIGURATION)
    return [("magic", head[:5]), ("type", head[5:6]), ("version", head[6:]),
            ("flags", be(flags, 4)), ("quorum", be(quorum, 1)), ("stop", be(stop, 1)),
            ("wipe", be(wipe, 1)), ("grace", be(0, 8)), ("ttl", be(86400000, 8)),
            ("count", be(len(managers) if count is None else count, 1)),
            *(("manager-%d" % i, m) for i, m in enumerate(managers))]


def configurations():
    """name, verdict, reason, configuration"""
    fields = configuration_fields(MANAGERS[:2])
    good = joined(fields)
    made = lambda managers, **change: joined(configuration_fields(managers, **change))
    minus = encode(negate(G))
    for flags in range(32):
        kek, counter = flags & 14, flags & 16
        if kek in (2, 4, 8) or not kek and not counter:
            yield "flags-%d" % flags, "ok", "", made([], flags=flags)
        else:
            yield "flags-%d" % flags, "malformed", "configuration-form", made([], flags=flags)
    for name, data in (("two", good), ("sealed", made(MANAGERS[:2], flags=25)),
                       ("quorum-above-managers", made([], quorum=255, stop=255, wipe=255)),
                       ("manager-and-its-negative", made(sorted((minus, encode(G)))))):
        yield name, "ok", "", data
    many = sorted(public(draw("many managers %d" % i)) for i in range(17))
    for name, data in (
            *cuts(fields), *headers(f.CONFIGURATION, lambda h: h + good[8:]),
            ("longer-by-a-byte", good + b"\0"), ("longer-by-a-manager", good + MANAGERS[2]),
            ("flags-32", made([], flags=32)), ("flags-34", made([], flags=34)),
            ("flags-high", made([], flags=2**31)),
            ("flags-all", made([], flags=2**32 - 1)), ("quorum-zero", made([], quorum=0)),
            ("stop-zero", made([], stop=0)), ("wipe-zero", made([], wipe=0)),
            ("unsorted", made(MANAGERS[1::-1])), ("twice", made(MANAGERS[:1] * 2)),
            ("last-twice", made(MANAGERS[:2] + MANAGERS[1:2])), ("seventeen", made(many)),
            ("count-255", made(MANAGERS[:2], count=255)),
            ("count-one-more", made(MANAGERS[:2], count=3)),
            ("count-one-less", made(MANAGERS[:2], count=1))):
        yield name, "malformed", "configuration-form", data
    for name, data in BAD_POINTS:
        yield "manager-" + name, "malformed", \
            "manager-key" if data[0] == 4 else "configuration-form", made([data])


def announcements():
    """name, verdict, reason, identity, announcement"""
    a_list = f.key_list([joined(entry_fields())])
    v = draw("adversarial announcement")

    def made(body, secret=IDENTITY, user_id=HSM_ID, other=0):
        return body + prove(secret, v, user_id, body if other == 0 else other)

    body = f.announcement(a_list, 1)
    good = made(body)
    yield "one-key", "ok", "", D, good
    yield "count-largest", "ok", "", D, made(f.header(f.ANNOUNCEMENT) + bytes(36) + be(100000, 4))
    # Whoever has one secret can announce, in the name of that secret alone.
    own = sha256(public(A))
    yield "of-another-identity", "ok", "", public(A), made(body, A, own)
    statement = Box([]).statement()
    for name, data in (
            ("by-a-users-key", made(body, A)), ("by-a-users-key-for-itself", made(body, A, own)),
            ("other-info-absent", made(body, other=None)), ("other-info-empty", made(body, other=b"")),
            ("over-a-digest", made(body, other=sha256(body))),
            ("over-another", made(body, other=f.announcement(a_list, 2))),
            ("over-the-statement", made(body, other=statement)),
            ("user-id-hex", made(body, user_id=HSM_ID.hex().encode())),
            ("user-id-of-the-manager", made(body, user_id=MANAGER_IDS[0])),
            ("user-id-is-the-identity", made(body, user_id=D)),
            ("of-the-evidence", body + Box([]).proof([], v, statement))):
        yield name, "false", "equation", D, data
    head = f.header(f.ANNOUNCEMENT)
    fields = [("magic", head[:5]), ("type", head[5:6]), ("version", head[6:]),
              ("digest", sha256(a_list)), ("length", be(len(a_list), 4)), ("count", be(1, 4)),
              ("commitment", good[48:113]), ("response", good[113:])]
    for name, data in (*cuts(fields), *headers(f.ANNOUNCEMENT, lambda h: made(h + body[8:])),
                       ("longer-by-a-byte", good + b"\0"), ("proof-twice", good + good[48:]),
                       ("count-100001", made(body[:-4] + be(100001, 4))),
                       ("count-all-ones", made(body[:-4] + b"\xff" * 4))):
        yield name, "malformed", "announcement-form", D, data
    yield "response-is-n", "malformed", "response", D, good[:-32] + be(N)
    for name, data in BAD_POINTS:
        yield "commitment-" + name, "malformed", "commitment", D, body + data + good[-32:]
        yield "identity-" + name, "malformed", "key", data, good


def deltas():
    """name, verdict, reason, base, delta, the list that results"""
    entries = {i: joined(entry_fields(i)) for i in (b"a", b"b", b"c")}
    base = f.key_list(list(entries.values()))
    held = joined(entry_fields(b"b", state=f.HELD))
    new = f.key_list([held, entries[b"c"], joined(entry_fields(b"d"))])
    fields = [("magic", b"ZKHSM"), ("type", be(f.DELTA, 1)), ("version", be(1, 2)),
              ("base", sha256(base)), ("new", sha256(new)), ("removed", be(1, 4)),
              ("id-length", b"\1"), ("id", b"a"), ("changed", be(2, 4)), ("entry", held),
              ("second-entry", joined(entry_fields(b"d")))]
    good = joined(fields)
    yield "good", "ok", "", base, good, new
    # Elements are looked at where the list is; the digest says that it is the one.
    odd = f.key_list([joined(entry_fields(element=b"\x04" + bytes(64)))])
    yield "element-off-curve", "ok", "", f.key_list([]), \
        f.delta(f.key_list([]), odd, [], [odd[12:]]), odd
    for name, data in (*cuts(fields), *headers(f.DELTA, lambda h: h + good[8:]),
                       ("longer-by-a-byte", good + b"\0"),
                       *(("removed-count-%d" % n, with_field(fields, "removed", be(n, 4)))
                         for n in (2, 3, 2**32 - 1)),
                       *(("changed-count-%d" % n, with_field(fields, "changed", be(n, 4)))
                         for n in (0, 1, 3, 2**32 - 1)),
                       ("removed-id-empty", f.delta(base, new, [b""], [held])),
                       ("removed-id-of-65", f.delta(base, new, [b"i" * 65], [held])),
                       ("removed-id-slash", f.delta(base, new, [b"a/"], [held])),
                       ("removed-repeated", f.delta(base, new, [b"a", b"a"], [held])),
                       ("removed-descending", f.delta(base, new, [b"c", b"a"], [])),
                       ("changed-repeated", f.delta(base, new, [b"a"], [held, held])),
                       ("changed-descending", f.delta(base, new, [], [held, entries[b"a"]])),
                       ("changed-state-6", f.delta(base, new, [], [
                           joined(entry_fields(b"b", state=6))]))):
        yield name, "malformed", "delta-form", base, data, None
    for name, removed, changed in (("removed-is-not-there", [b"nobody"], [held]),
                                   ("removed-and-changed", [b"b"], [held]),
                                   ("changed-to-the-same", [], [entries[b"b"]]),
                                   ("removed-behind-the-last", [b"z"], [])):
        yield name, "malformed", "delta-fit", base, f.delta(base, new, removed, changed), None
    yield "to-another-base", "false", "delta-base", base, f.delta(new, new, [], []), None
    yield "to-another-list", "false", "delta-result", base, f.delta(base, new, [], []), None
    yield "one-change-left-out", "false", "delta-result", base, \
        f.delta(base, new, [b"a"], [held]), None
