# SPDX-License-Identifier: GPL-2.0
"""evidence.json and lists.json: evidence, lists, configurations, announcements."""

import formats as f
from arithmetic import LOST_CARRY_X, LOST_CARRY_Y
from p256 import (G, N, batch_prove, batch_seed, batch_verdict, be, coefficient, decode, draw,
                  draw_bytes, encode, mul, negate, number, prove, public, sha256, verdict)

IDENTITY = draw("identity")
D = public(IDENTITY)
HSM_ID = sha256(D)
NONCE = draw("batch nonce")
MANAGERS = sorted(public(draw("manager %d" % i)) for i in range(3))
MANAGER_IDS = sorted(sha256(m) for m in MANAGERS)
CHALLENGE = draw_bytes("challenge")
OFF_CURVE = b"\x04" + be(LOST_CARRY_X) + be(LOST_CARRY_Y)

# id, secret, attributes; in the order of L
KEYS = (
    (b"0-first", draw("key 0"), {}),
    (b"alpha", draw("key 1"), {"origin": f.IMPORTED, "flags": 0, "usage": 1}),
    (b"alpha-2", draw("key 2"), {"state": f.COMPROMISED, "usage": 0}),
    (b"beta.example@2026", draw("key 3"), {"state": f.HELD}),
    (b"gamma_" + b"x" * 58, draw("key 4"), {"state": f.PRE_ACTIVE, "origin": f.SYNCHRONISED}),
    (b"zeta", draw("key 5"), {"state": f.DEACTIVATED, "created": 0}),
)


def entries_of(keys):
    return [f.entry(i, public(a), **attributes) for i, a, attributes in keys]


def proved(keys):
    return [a for _, a, attributes in keys if attributes.get("state") != f.COMPROMISED]


class Maker:
    """Evidence that is right, of which each case spoils one thing."""

    def __init__(self, keys=KEYS, managers=MANAGERS[:1], challenges=1):
        self.keys = keys
        self.secrets = proved(keys)
        self.list = f.key_list(entries_of(keys))
        self.configuration = f.configuration(managers)
        self.challenges = [f.challenge(m, CHALLENGE if m == MANAGER_IDS[0] else draw_bytes("other"),
                                       i, sha256(b"order") if i else bytes(32))
                           for i, m in enumerate(MANAGER_IDS[:challenges])]

    def statement(self, **change):
        return f.statement(D, self.challenges, self.list, len(self.keys), self.configuration,
                           **change)

    def evidence(self, secrets=None, nonce=NONCE, identity=IDENTITY, seed_id=None, proof=None,
                 **change):
        s = self.statement(**change)
        secrets = self.secrets if secrets is None else secrets
        return s + (proof or batch_prove(identity, secrets, nonce, s, seed_id))

    def case(self, name, expected, evidence, **fields):
        return {"name": name, "verdict": expected, "evidence": evidence.hex(),
                "list": fields.get("list", self.list).hex(),
                "configuration": fields.get("configuration", self.configuration).hex(),
                "manager_id": fields.get("manager_id", MANAGER_IDS[0]).hex(),
                "nonce": fields.get("nonce", CHALLENGE).hex()}


def check(case):
    """The reference's own opinion, where it is a matter of the proof alone."""
    data = bytes.fromhex(case["evidence"])
    elements = [D] + [public(a) for a in proved(KEYS)]
    return batch_verdict(elements, HSM_ID, data[:-97], data[-97:])


def good_cases():
    for name, keys in (("no-keys", ()), ("one-key", KEYS[:1]), ("six-keys", KEYS),
                       ("only-a-compromised-key", KEYS[2:3])):
        maker = Maker(keys)
        yield maker.case(name, "ok", maker.evidence())
    maker = Maker(KEYS, MANAGERS, 3)
    yield maker.case("three-managers", "ok", maker.evidence())
    maker = Maker(KEYS, [])
    yield maker.case("no-manager-pinned", "ok", maker.evidence())
    maker = Maker(KEYS[:2] + ((b"twin", KEYS[0][1], {}), (b"twin-negated", N - KEYS[0][1], {})))
    yield maker.case("element-twice-and-negated", "ok", maker.evidence())
    maker = Maker(((b"generator", 1, {}), (b"minus-generator", N - 1, {})))
    yield maker.case("elements-are-generator-and-its-negative", "ok", maker.evidence())
    maker = Maker(((b"identity-again", IDENTITY, {}),))
    yield maker.case("element-is-the-identity-key", "ok", maker.evidence())
    maker = Maker()
    yield maker.case("commitment-is-generator", "ok", maker.evidence(nonce=1))
    yield maker.case("commitment-is-identity-key", "ok", maker.evidence(nonce=IDENTITY))


def powers_proof(statement, secrets):
    """Powers of one challenge, as the paper has them, instead of c_i."""
    c = coefficient(batch_seed(public(NONCE), D, HSM_ID, statement), 0)
    total = sum(pow(c, i, N) * a for i, a in enumerate([IDENTITY] + secrets))
    return public(NONCE) + be((NONCE - total) % N)


def shifted_proof(statement, secrets, first):
    """Positions counted from another number."""
    seed = batch_seed(public(NONCE), D, HSM_ID, statement)
    total = sum(coefficient(seed, i) * a for i, a in enumerate([IDENTITY] + secrets, first))
    return public(NONCE) + be((NONCE - total) % N)


def false_proofs():
    """Well-formed; the sum is another one."""
    m = Maker()
    s, good = m.statement(), m.evidence()
    a = m.secrets
    point, r = good[-97:-32], number(good[-32:])
    for name, data in (
            ("r-changed", s + point + be((r + 1) % N)),
            ("r-negated", s + point + be(-r % N)),
            ("r-zero", s + point + be(0)),
            ("v-negated", s + encode(negate(decode(point))) + be(r)),
            ("v-is-generator", s + encode(G) + be(r)),
            ("a-key-is-not-known", m.evidence(a[:-1] + [a[-1] + 1])),
            ("a-key-is-left-out", m.evidence(a[:-1])),
            ("first-key-is-left-out", m.evidence(a[1:])),
            ("compromised-key-is-included", m.evidence([k[1] for k in KEYS])),
            ("keys-in-another-order", m.evidence([a[1], a[0]] + a[2:])),
            ("identity-is-not-known", m.evidence(identity=IDENTITY + 1)),
            ("identity-is-left-out", s + shifted_proof(s, a, 0)[:65] +
             be((NONCE - sum(coefficient(batch_seed(public(NONCE), D, HSM_ID, s), i + 1) * k
                             for i, k in enumerate(a))) % N)),
            ("positions-from-one", s + shifted_proof(s, a, 1)),
            ("powers-of-one-challenge", s + powers_proof(s, a)),
            ("another-hsm-id-in-the-seed", m.evidence(seed_id=sha256(b"another"))),
            ("proof-of-another-statement", s + m.evidence(n=be(18, 4))[-97:])):
        case = m.case(name, "false", data)
        assert check(case) == "false", name
        yield case


def malformed_proofs():
    m = Maker()
    s, good = m.statement(), m.evidence()
    point, r = good[-97:-32], good[-32:]
    for name, proof in (
            ("r-is-n", point + be(N)),
            ("r-all-ones", point + be(2**256 - 1)),
            ("v-off-curve", point[:64] + be(point[64] ^ 1, 1) + r),
            ("v-off-curve-lost-carry", OFF_CURVE + r),
            ("v-zeros", bytes(65) + r),
            ("v-compressed", be(2 + (point[64] & 1), 1) + point[1:33] + r),
            ("v-prefix", b"\x03" + point[1:] + r),
            ("proof-missing", b""),
            ("proof-short", point + r[:-1]),
            ("proof-long", point + r + b"\0"),
            ("proof-twice", 2 * (point + r))):
        yield m.case(name, "malformed", s + proof)


def spoilt_statements():
    """Each field of S changed after the proof was made: false; or not of its form."""
    m = Maker(challenges=2)
    good = m.evidence()[-97:]
    for field, value in (
            ("boot_count", be(4, 4)), ("fork_count", be(1, 4)), ("n", be(18, 4)),
            ("instance_id", bytes(16)), ("uptime", be(123456790, 8)), ("lease_nonce", bytes(32)),
            ("platform", b"\1" + bytes(31)), ("module_version", be(0x00010001, 4)),
            ("list_digest", bytes(32)), ("config_digest", bytes(32)),
            ("list_count", be(len(KEYS) + 1, 4)), ("hsm_id", sha256(b"another")),
            ("challenges", m.challenges[0] + f.challenge(MANAGER_IDS[1], bytes(32)))):
        yield m.case("statement-" + field.replace("_", "-"), "false",
                     m.evidence(proof=good, **{field: value}))
    for name, change in (
            ("magic", {"header": f.header(f.STATEMENT, magic=b"ZKHSN")}),
            ("type-list", {"header": f.header(f.LIST)}),
            ("type-zero", {"header": f.header(0)}),
            ("version", {"header": f.header(f.STATEMENT, version=2)}),
            ("identity-off-curve", {"D": OFF_CURVE, "hsm_id": sha256(OFF_CURVE)}),
            ("identity-zeros", {"D": bytes(65), "hsm_id": sha256(bytes(65))}),
            ("no-challenge", {"challenge_count": b"\0", "challenges": b""}),
            ("challenges-one-missing", {"challenges": m.challenges[0]}),
            ("challenges-unsorted", {"challenges": m.challenges[1] + m.challenges[0]}),
            ("challenges-same-manager", {"challenges": 2 * m.challenges[0]}),
            ("challenges-seventeen", {
                "challenge_count": b"\x11",
                "challenges": b"".join(f.challenge(be(i), CHALLENGE) for i in range(17))}),
            ("digest-without-number", {
                "challenge_count": b"\1",
                "challenges": f.challenge(MANAGER_IDS[0], CHALLENGE, 0, sha256(b"order"))}),
            ("too-many-keys", {"list_count": be(100001, 4)}),
            ("no-group", {"groups": b"\0", "suite": b""}),
            ("suite-unknown", {"suite": be(3, 2)}),
            ("suite-p384", {"suite": be(2, 2)}),
            ("two-groups", {"groups": b"\2", "suite": be(1, 2) + be(2, 2)}),
            ("group-twice", {"groups": b"\2", "suite": be(1, 2) + be(1, 2)})):
        yield m.case("statement-" + name, "malformed", m.evidence(**change))


def mismatches():
    """Everything is well-formed and the proof holds, but not for what was asked."""
    m = Maker()
    good = m.evidence()
    other = Maker(KEYS[:5])
    yield m.case("another-list", "false", good, list=other.list)
    yield m.case("another-configuration", "false", good, configuration=f.configuration(MANAGERS))
    yield m.case("list-and-configuration-swapped", "false", good, list=m.configuration,
                 configuration=m.list)
    yield m.case("another-managers-challenge", "false", good, manager_id=MANAGER_IDS[1])
    yield m.case("another-nonce", "false", good, nonce=sha256(b"another nonce"))
    yield m.case("count-is-not-of-the-list", "false", m.evidence(list_count=be(5, 4)))
    yield m.case("hsm-id-is-not-of-the-identity", "false",
                 m.evidence(hsm_id=sha256(b"x"), seed_id=sha256(b"x")))
    a = Maker(KEYS)
    a.list = f.key_list(entries_of(KEYS[1::-1] + KEYS[2:]))
    yield a.case("list-unsorted-and-proved-so", "malformed",
                 a.evidence([a.secrets[1], a.secrets[0]] + a.secrets[2:]))
    a.list = f.key_list([f.entry(b"off-curve", OFF_CURVE)] + entries_of(KEYS[4:]))
    yield a.case("list-with-a-point-off-the-curve", "malformed",
                 a.evidence(proved(KEYS[4:]), list_count=be(3, 4)))


def list_cases():
    e = entries_of(KEYS)
    point = public(KEYS[0][1])
    one = lambda **attributes: f.key_list([f.entry(attributes.pop("key_id", b"k"),
                                                   attributes.pop("element", point),
                                                   **attributes)])
    good = f.key_list(e)
    for name, expected, data in (
            ("empty", "ok", f.key_list([])),
            ("six", "ok", good),
            ("prefix-first", "ok", f.key_list([f.entry(b"a", point), f.entry(b"a-", point)])),
            ("id-longest", "ok", one(key_id=b"I" * 64)),
            ("usage-none", "ok", one(usage=0)),
            ("flags-all", "ok", one(flags=7)),
            ("unsorted", "malformed", f.key_list([e[1], e[0]])),
            ("id-twice", "malformed", f.key_list([e[0], e[0]])),
            ("prefix-last", "malformed", f.key_list([f.entry(b"a-", point),
                                                     f.entry(b"a", point)])),
            ("count-short", "malformed", f.key_list(e, count=5)),
            ("count-long", "malformed", f.key_list(e, count=7)),
            ("count-too-many", "malformed", f.key_list([], count=100001)),
            ("trailing", "malformed", good + b"\0"),
            ("truncated", "malformed", good[:-1]),
            ("no-header", "malformed", good[8:]),
            ("type", "malformed", f.key_list(e, head=f.header(f.CONFIGURATION))),
            ("version", "malformed", f.key_list(e, head=f.header(f.LIST, version=0))),
            ("id-empty", "malformed", one(key_id=b"")),
            ("id-too-long", "malformed", one(key_id=b"I" * 65)),
            ("id-first-dot", "malformed", one(key_id=b".a")),
            ("id-first-dash", "malformed", one(key_id=b"-a")),
            ("id-slash", "malformed", one(key_id=b"a/b")),
            ("id-space", "malformed", one(key_id=b"a b")),
            ("id-zero-byte", "malformed", one(key_id=b"a\0")),
            ("id-not-ascii", "malformed", one(key_id=b"\xc3\xa4")),
            ("kind-unknown", "malformed", one(kind=2)),
            ("kind-zero", "malformed", one(kind=0)),
            ("origin-zero", "malformed", one(origin=0)),
            ("origin-unknown", "malformed", one(origin=4)),
            ("usage-unknown", "malformed", one(usage=4)),
            ("flags-unknown", "malformed", one(flags=8)),
            ("state-zero", "malformed", one(state=0)),
            ("state-unknown", "malformed", one(state=6)),
            ("element-off-curve", "malformed", one(element=OFF_CURVE)),
            ("element-zeros", "malformed", one(element=bytes(65))),
            ("element-compressed", "malformed", one(element=b"\x02" + point[1:33])),
            ("element-empty", "malformed", one(element=b"")),
            ("element-long", "malformed", one(element=point + b"\0"))):
        yield {"name": name, "verdict": expected, "list": data.hex()}


def configuration_cases():
    many = sorted(public(draw("manager %d" % i)) for i in range(17))
    for name, expected, data in (
            ("no-manager", "ok", f.configuration([])),
            ("three-managers", "ok", f.configuration(MANAGERS)),
            ("sixteen-managers", "ok", f.configuration(many[:16])),
            ("locked", "ok", f.configuration(MANAGERS, flags=1)),
            ("votes-255", "ok", f.configuration([], quorum=255, stop=255, wipe=255)),
            ("seventeen-managers", "malformed", f.configuration(many)),
            ("unsorted", "malformed", f.configuration(MANAGERS[::-1])),
            ("manager-twice", "malformed", f.configuration(MANAGERS[:1] * 2)),
            ("manager-off-curve", "malformed", f.configuration([OFF_CURVE])),
            ("manager-zeros", "malformed", f.configuration([bytes(65)])),
            ("flags-unknown", "malformed", f.configuration([], flags=32)),
            ("sealed-under-a-keyring-key", "ok", f.configuration(MANAGERS, flags=2)),
            ("sealed-under-shares-and-locked", "ok", f.configuration(MANAGERS, flags=5)),
            ("sealed-by-a-tpm-with-counter", "ok", f.configuration(MANAGERS, flags=24)),
            ("two-classes-of-kek", "malformed", f.configuration([], flags=6)),
            ("counter-of-nothing", "malformed", f.configuration([], flags=16)),
            ("quorum-zero", "malformed", f.configuration([], quorum=0)),
            ("stop-zero", "malformed", f.configuration([], stop=0)),
            ("wipe-zero", "malformed", f.configuration([], wipe=0)),
            ("grace", "ok", f.configuration([], grace=1)),
            ("count-short", "malformed", f.configuration(MANAGERS, count=2)),
            ("count-long", "malformed", f.configuration(MANAGERS, count=4)),
            ("trailing", "malformed", f.configuration([]) + b"\0"),
            ("type", "malformed", f.configuration([], head=f.header(f.LIST)))):
        yield {"name": name, "verdict": expected, "configuration": data.hex()}


def announcement_cases():
    m = Maker()
    body = f.announcement(m.list, len(KEYS))
    made = lambda b, secret=IDENTITY, user_id=HSM_ID, other=None: \
        b + prove(secret, draw("announcement"), user_id, b if other is None else other)
    good = made(body)
    assert verdict(D, HSM_ID, body, good[48:]) == "ok"
    for name, expected, data in (
            ("six-keys", "ok", good),
            ("empty-list", "ok", made(f.announcement(f.key_list([]), 0))),
            ("by-another-key", "false", made(body, secret=KEYS[0][1])),
            ("another-user-id", "false", made(body, user_id=b"client")),
            ("another-body", "false", made(body, other=f.announcement(m.list, 5))),
            ("digest-changed", "false", body[:8] + bytes(32) + good[40:]),
            ("length-changed", "false", good[:43] + be(good[43] ^ 1, 1) + good[44:]),
            ("type", "malformed", made(f.header(f.STATEMENT) + body[8:])),
            ("version", "malformed", made(f.header(f.ANNOUNCEMENT, version=2) + body[8:])),
            ("count-too-many", "malformed", made(f.announcement(m.list, 100001))),
            ("r-is-n", "malformed", good[:-32] + be(N)),
            ("v-off-curve", "malformed", body + OFF_CURVE + good[-32:]),
            ("truncated", "malformed", good[:-1]),
            ("trailing", "malformed", good + b"\0"),
            ("without-proof", "malformed", body)):
        yield {"name": name, "verdict": expected, "identity": D.hex(), "announcement": data.hex()}


def delta_cases():
    base = f.key_list(entries_of(KEYS[:4]))
    held = f.entry(KEYS[1][0], public(KEYS[1][1]), state=f.HELD, **{
        k: v for k, v in KEYS[1][2].items() if k != "state"})
    old, rest = entries_of(KEYS[:4]), entries_of(KEYS[4:])
    new = f.key_list([held, old[2], old[3], rest[0]])
    first, changed = KEYS[0][0], [held, rest[0]]
    made = lambda removed, entries, b=base, n=new: f.delta(b, n, removed, entries)
    for name, expected, data, result in (
            ("removed-changed-new", "ok", made([first], changed), new),
            ("nothing", "ok", made([], [], n=base), base),
            ("all-removed", "ok", made([k[0] for k in KEYS[:4]], [], n=f.key_list([])),
             f.key_list([])),
            ("another-base", "false", made([first], changed, b=new), None),
            ("another-result", "false", made([first], changed, n=base), None),
            ("entry-left-out", "false", made([first], changed[:1]), None),
            ("changed-unsorted", "malformed", made([first], changed[::-1]), None),
            ("changed-twice", "malformed", made([first], [held] + changed), None),
            ("removed-unsorted", "malformed", made([KEYS[1][0], first], []), None),
            ("removed-twice", "malformed", made([first, first], changed), None),
            ("removed-not-there", "malformed", made([b"nobody"], changed), None),
            ("removed-and-changed", "malformed", made([first, KEYS[1][0]], changed), None),
            ("changed-to-the-same", "malformed", made([first], [old[1], rest[0]]), None),
            ("trailing", "malformed", made([first], changed) + b"\0", None),
            ("truncated", "malformed", made([first], changed)[:-1], None),
            ("type", "malformed", f.header(f.LIST) + made([first], changed)[8:], None)):
        yield {"name": name, "verdict": expected, "base": base.hex(), "delta": data.hex(),
               "list": result.hex() if result else None}


def files():
    maker = Maker(KEYS)
    assert check(maker.case("", "ok", maker.evidence())) == "ok"
    evidence = [*good_cases(), *false_proofs(), *malformed_proofs(), *spoilt_statements(),
                *mismatches()]
    return {
        "evidence.json": {
            "about": "Evidence as one manager gets it, with the list and the configuration that "
                     "it has, its manager_id and the nonce that it gave. prover: the secrets with "
                     "which the case \"six-keys\" can be made again; secrets in the order of the "
                     "list, null where there is none.",
            "prover": {"identity": be(IDENTITY).hex(), "nonce": be(NONCE).hex(),
                       "secrets": [None if a.get("state") == f.COMPROMISED else be(k).hex()
                                   for _, k, a in KEYS]},
            "cases": evidence,
        },
        "lists.json": {
            "about": "Lists L, configurations C, announcements (with their proof) and differences "
                     "of lists.",
            "lists": list(list_cases()),
            "configurations": list(configuration_cases()),
            "announcements": list(announcement_cases()),
            "deltas": list(delta_cases()),
        },
    }
