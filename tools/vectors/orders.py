# SPDX-License-Identifier: GPL-2.0
"""orders.json: signed orders, and wrong ones."""

import formats as f
from evidence import HSM_ID
from p256 import N, be, draw, ecdsa_sign, element_name, number, public, sha256

MANAGER = draw("order manager")
MANAGER_PUBLIC = public(MANAGER)
MANAGER_ID = sha256(MANAGER_PUBLIC)
K = draw("order k")
CLIENT = public(draw("grant client"))
ELEMENTS = sorted(element_name(public(draw("key %d" % i))) for i in range(3))


def sign(body, secret=MANAGER):
    return body + ecdsa_sign(secret, K, sha256(body))


def make(kind=f.REVOKE, elements=None, **change):
    return sign(f.order(kind, change.pop("manager_id", MANAGER_ID),
                        change.pop("hsm_id", HSM_ID),
                        ELEMENTS[:1] if elements is None else elements, **change))


def make_lease(exceptions=(), **change):
    return sign(f.lease(MANAGER_ID, HSM_ID, exceptions, **change))


def make_trust_change(managers=(), sequence=1, **change):
    return sign(f.trust_change(MANAGER_ID, HSM_ID, f.configuration(managers, **change),
                               sequence=sequence))


def make_grant(sequence=0, head=None, **change):
    return sign(f.grant(MANAGER_ID, HSM_ID, f.grant_body(ELEMENTS[0], **change),
                        sequence=sequence, head=head))


TO_PROVE = {"operation": be(f.PROVE, 1), "algorithm": be(2, 2)}


def good_grants():
    yield "grant", make_grant()
    yield "grant-prove", make_grant(**TO_PROVE)
    yield "grant-client", make_grant(client=CLIENT)
    yield "grant-largest", make_grant(instance_id=b"\xff" * 16, element=b"\xff" * 32,
                                      input=b"\xff" * 32, jti=b"\xff" * 16,
                                      not_after=be(2**64 - 1, 8))
    yield "grant-smallest", make_grant(instance_id=bytes(16), element=bytes(32),
                                       input=bytes(32), jti=bytes(15) + b"\1",
                                       not_after=be(1, 8))


def good_others():
    """Orders that are no votes."""
    yield from good_grants()
    yield "lease", make_lease()
    yield "lease-denies", make_lease(verdict=f.DENY)
    yield "lease-exceptions", make_lease(ELEMENTS, least=3)
    yield "lease-exceptions-1024", make_lease(sorted(sha256(be(i)) for i in range(1024)))
    yield "lease-largest", make_lease(least=2**64 - 1, ttl=2**64 - 1)
    yield "lease-shortest", make_lease(ttl=1)
    yield "trust-change", make_trust_change([MANAGER_PUBLIC])
    yield "trust-change-largest", make_trust_change(
        sorted(public(draw("manager %d" % i)) for i in range(16)), 2**64 - 1, flags=31 - 6,
        quorum=255, stop=255, wipe=255, grace=2**64 - 1, max_ttl=2**64 - 1)
    yield "trust-change-no-managers", make_trust_change()


def good_orders():
    yield "revoke", make()
    yield "hold", make(f.HOLD, sequence=2, reason=6)
    yield "release", make(f.RELEASE, sequence=3, reason=8)
    yield "three-elements", make(elements=ELEMENTS)
    yield "number-largest", make(sequence=2**64 - 1)
    yield "elements-1024", make(elements=sorted(sha256(be(i)) for i in range(1024)))
    for reason in (0, 1, 2, 3, 4, 5, 6, 8, 9, 10):
        yield "reason-%d" % reason, make(reason=reason)
    body = make()
    yield "other-s", body[:-32] + be(N - number(body[-32:]))
    yield from good_others()


def false_orders():
    good = make()
    body, signature = good[:-64], good[-64:]
    yield "for-another-hsm", make(hsm_id=sha256(b"another"))
    yield "of-another-manager", make(manager_id=sha256(b"another"))
    yield "signed-by-another-key", sign(body, MANAGER + 1)
    yield "signed-over-nothing", body + ecdsa_sign(MANAGER, K, sha256(b""))
    yield "signature-changed", good[:-1] + be(good[-1] ^ 1, 1)
    yield "signature-swapped", body + signature[32:] + signature[:32]
    for name, at in (("type", 5), ("number", 79), ("reason", 80), ("element", 83)):
        # type: revoke becomes hold; the number becomes 3
        flip = {"type": 3, "number": 2}.get(name, 3)
        yield name + "-changed", body[:at] + be(body[at] ^ flip, 1) + body[at + 1:] + signature
    for kind, order, fields in (
            ("lease", make_lease(ELEMENTS), (("statement", 80, 1), ("least", 119, 1), ("ttl", 127, 1),
                                             ("verdict", 128, 3), ("exception", 131, 1))),
            ("grant", make_grant(client=CLIENT), (
                ("instance", 80, 1), ("element", 96, 1), ("input", 135, 1), ("jti", 232, 1),
                ("not-after", 255, 1))),
            ("trust-change", make_trust_change([MANAGER_PUBLIC]), (
                ("number", 79, 2), ("previous", 80, 1), ("quorum", 126, 3), ("grace", 136, 1),
                ("manager", 210, 1)))):
        for name, at, flip in fields:
            yield "%s-%s-changed" % (kind, name), \
                order[:at] + be(order[at] ^ flip, 1) + order[at + 1:]


def malformed_orders():
    good = make()
    body, signature = good[:-64], good[-64:]
    r, s = signature[:32], signature[32:]
    yield "empty", b""
    yield "without-signature", body
    yield "truncated", good[:-1]
    yield "trailing", good + b"\0"
    yield "magic", make(head=f.header(f.REVOKE, magic=b"zkhsm"))
    yield "version", make(head=f.header(f.REVOKE, version=2))
    yield "type-15", make(15)
    yield "type-23", make(23)
    yield "type-statement", make(f.STATEMENT)
    yield "number-zero", make(sequence=0)
    yield "reason-7", make(reason=7)
    yield "reason-11", make(reason=11)
    yield "no-element", make(elements=[])
    yield "unsorted", make(elements=ELEMENTS[::-1])
    yield "element-twice", make(elements=ELEMENTS[:1] * 2)
    yield "count-short", make(elements=ELEMENTS, count=2)
    yield "count-long", make(elements=ELEMENTS, count=4)
    yield "elements-1025", make(elements=sorted(sha256(be(i)) for i in range(1025)))
    yield "r-zero", body + be(0) + s
    yield "s-zero", body + r + be(0)
    yield "r-is-n", body + be(N) + s
    yield "s-is-n", body + r + be(N)
    yield "signature-zeros", body + bytes(64)
    yield "signature-all-ones", body + b"\xff" * 64
    yield from malformed_others()


def malformed_grants():
    yield "grant-number", make_grant(1)
    for name, change in (
            ("operation-0", {"operation": be(0, 1)}), ("operation-3", {"operation": be(3, 1)}),
            ("algorithm-0", {"algorithm": be(0, 2)}), ("algorithm-3", {"algorithm": be(3, 2)}),
            ("sign-by-8235", {"algorithm": be(2, 2)}), ("prove-by-ecdsa", {"operation": be(2, 1)}),
            ("algorithm-257", {"algorithm": be(257, 2)}), ("parameter", {"parameter": be(1, 4)}),
            ("prove-parameter", dict(TO_PROVE, parameter=be(2**31, 4))),
            ("client-prefix", {"client": b"\2" + CLIENT[1:]}),
            ("client-off-curve", {"client": CLIENT[:-1] + be(CLIENT[-1] ^ 1, 1)}),
            ("client-almost-zero", {"client": bytes(64) + b"\1"}),
            ("client-zero-point", {"client": b"\4" + bytes(64)}),
            ("jti-zero", {"jti": bytes(16)}), ("jti-short", {"jti": bytes(range(1, 16))}),
            ("not-after-zero", {"not_after": be(0, 8)})):
        yield "grant-" + name, make_grant(**change)
    yield "grant-truncated", make_grant()[:-1]
    yield "grant-trailing", make_grant() + b"\0"
    yield "grant-version", make_grant(head=f.header(f.GRANT, version=2))
    yield "grant-as-a-vote", make(f.GRANT, sequence=0)


def malformed_others():
    yield from malformed_grants()
    yield "lease-number", make_lease(sequence=1)
    yield "lease-ttl-zero", make_lease(ttl=0)
    for verdict in (0, 3):
        yield "lease-verdict-%d" % verdict, make_lease(verdict=verdict)
    yield "lease-exceptions-1025", make_lease(sorted(sha256(be(i)) for i in range(1025)))
    yield "lease-unsorted", make_lease(ELEMENTS[::-1])
    yield "lease-exception-twice", make_lease(ELEMENTS[:1] * 2)
    yield "lease-count-long", make_lease(count=1)
    yield "lease-truncated", make_lease()[:-1]
    yield "lease-trailing", make_lease() + b"\0"
    yield "trust-change-number-zero", make_trust_change(sequence=0)
    yield "trust-change-manager-twice", make_trust_change([MANAGER_PUBLIC] * 2)
    yield "trust-change-quorum-zero", make_trust_change(quorum=0)
    yield "trust-change-two-classes", make_trust_change(flags=6)
    c = f.configuration([])
    for name, new, length in (("empty", b"", None), ("short", c, len(c) - 1),
                              ("long", c, len(c) + 1), ("trailing", c + b"\0", None)):
        yield "trust-change-" + name, sign(f.trust_change(MANAGER_ID, HSM_ID, new, length=length))


def unsupported_orders():
    """Types that are kept; their heads are well-formed."""
    yield "transfer", make(f.TRANSFER)


def files():
    cases = []
    for expected, source in (("ok", good_orders), ("false", false_orders),
                             ("malformed", malformed_orders),
                             ("unsupported", unsupported_orders)):
        for name, order in source():
            cases.append({"name": name, "verdict": expected, "order": order.hex()})
    return {
        "orders.json": {
            "about": "Orders as the HSM hsm_id gets them from the manager with the key public. "
                     "unsupported: a type whose body is not defined yet. What depends on the "
                     "counter of the manager is not in here.",
            "public": MANAGER_PUBLIC.hex(),
            "hsm_id": HSM_ID.hex(),
            "secret": be(MANAGER).hex(),
            "k": be(K).hex(),
            "cases": cases,
        },
    }
