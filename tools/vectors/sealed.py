# SPDX-License-Identifier: GPL-2.0
"""sealed.json: sealed heads and records, what is refused of them, and whole states.

AES-GCM is the cryptography package's; the rest is Python's own.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import formats as f
from evidence import D, HSM_ID, IDENTITY, MANAGERS, OFF_CURVE
from p256 import N, be, draw, draw_bytes, element_name, number, public, sha256

HEAD, RECORD = 32, 33
KEYRING, SHARES, TPM = 1, 2, 3
KEY, VOTES = 1, 2
CLASS_FLAG = {KEYRING: 2, SHARES: 4, TPM: 8}
RELEASE, HOLD, REVOKE, CLEARED = 1, 2, 3, 4

KEK = draw_bytes("kek")
OTHER_KEK = draw_bytes("another kek")
SECRETS = [draw("sealed key %d" % i) for i in range(4)]
ELEMENTS = [public(a) for a in SECRETS]
NAMES = [element_name(e) for e in ELEMENTS]
# So long that a record of votes could have it for a name; a changed bit at its ends
# leaves it an id.
LONG_ID = b"0-key-with-an-id-of-32-bytes-ini"


def mac(key, data):
    return hmac.new(key, data, hashlib.sha512).digest()


def kek_id(kek):
    return mac(kek, b"zkhsm kek id v1")[:16]


def one_time_key(kek, salt, kind):
    """HKDF of RFC 5869: extract, and the first block of expand."""
    return mac(mac(salt, kek), b"zkhsm seal v1" + be(kind, 1) + be(1, 1))[:32]


def joined(fields):
    return b"".join(value for _, value in fields)


def seal(clear, body, kek=KEK, key_kek=None, kind=None, iv=bytes(12)):
    """@clear without its length: fields by name. Returns all fields, sealed."""
    salt = dict(clear)["salt"]
    clear = clear + [("length", be(len(body), 4))]
    key = one_time_key(key_kek or kek, salt, clear[1][1][0] if kind is None else kind)
    sealed = AESGCM(key).encrypt(iv, body, joined(clear))
    return clear + [("body", sealed[:-16]), ("tag", sealed[-16:])]


def header_fields(kind, version=1):
    head = f.header(kind, version)
    return [("magic", head[:5]), ("type", head[5:6]), ("version", head[6:])]


def record_clear(kind, name, sequence=7, kek=KEK, hsm_id=HSM_ID, version=1, length=None):
    return header_fields(RECORD, version) + [
        ("kek-id", kek_id(kek)), ("hsm-id", hsm_id), ("sequence", be(sequence, 8)),
        ("kind", be(kind, 1)), ("name-length", be(len(name) if length is None else length, 1)),
        ("name", name), ("salt", draw_bytes("salt %s %d" % (name.hex(), sequence)))]


def head_clear(records=0, sequence=9, boot_count=4, kek_class=KEYRING, kek=KEK, hsm_id=HSM_ID,
               version=1):
    return header_fields(HEAD, version) + [
        ("kek-id", kek_id(kek)), ("hsm-id", hsm_id), ("sequence", be(sequence, 8)),
        ("kek-class", be(kek_class, 1)), ("boot-count", be(boot_count, 4)),
        ("records", be(records, 4)), ("salt", draw_bytes("head salt %d %d" % (sequence, records)))]


def key_body(i=0, kind=1, origin=1, usage=3, flags=0, state=f.ACTIVE, resume=None, reason=0,
             element=None, secret=None):
    if secret is None:
        secret = 0 if state == f.COMPROMISED else SECRETS[i]
    resume = (f.ACTIVE if state == f.HELD else state) if resume is None else resume
    return (be(kind, 2) + be(origin, 1) + be(usage, 4) + be(flags, 4) + be(f.CREATED, 8) +
            be(state, 1) + be(resume, 1) + be(reason, 1) + be(1000, 4) +
            (element or ELEMENTS[i]) + be(secret))


def vote(manager=0, sequence=3, kind=HOLD, reason=6):
    return sha256(MANAGERS[manager]) + be(sequence, 8) + be(kind, 1) + be(reason, 1)


def votes_body(votes=None, stopped=1, count=None):
    votes = [vote()] if votes is None else votes
    return be(stopped, 1) + be(len(votes) if count is None else count, 2) + b"".join(votes)


def manager(i=0, label=b"manager", pinned=1, last=3, digest=None, length=None):
    digest = (sha256(b"order") if last else bytes(32)) if digest is None else digest
    return (MANAGERS[i] + be(len(label) if length is None else length, 1) + label +
            be(pinned, 1) + be(last, 8) + digest)


def by_id(*indices):
    return sorted(indices, key=lambda i: sha256(MANAGERS[i]))


def head_body(set_digest=bytes(64), managers=None, kek_class=KEYRING, index=0, counter=0,
              configuration=None, identity=None, count=None, secret=IDENTITY):
    managers = [manager(i) for i in by_id(0, 1)] if managers is None else managers
    if configuration is None:
        configuration = f.configuration(MANAGERS[:2], CLASS_FLAG[kek_class] + (16 if index else 0))
    return (be(secret) + (identity or D) + be(1001, 4) + be(index, 4) + be(counter, 8) +
            set_digest + be(len(configuration), 2) + configuration +
            be(len(managers) if count is None else count, 2) + b"".join(managers))


def key_record(i=0, name=b"key", sequence=7, **change):
    return joined(seal(record_clear(KEY, name, sequence), key_body(i, **change)))


def votes_record(i=0, sequence=7, **change):
    return joined(seal(record_clear(VOTES, NAMES[i], sequence), votes_body(**change)))


def set_digest(records, kek=KEK):
    key = mac(kek, b"zkhsm set v1")
    return be(sum(number(mac(key, sha256(r))) for r in records) % 2**512, 64)


# --- what is done to the clear part: name, verdict, reason, bytes ----------------

def swapped(fields, name, value):
    return joined([(n, value if n == name else v) for n, v in fields])


# What a changed field is taken for; of the others the tag says that they are changed.
NOTICED = {"magic": ("malformed", "form"), "type": ("malformed", "form"),
           "version": ("unsupported", "version"), "kek-id": ("refused", "other-kek"),
           "hsm-id": ("refused", "other-hsm"), "name-length": ("malformed", "form"),
           "length": ("malformed", "form")}


def flips(fields, others):
    for name, value in fields:
        verdict = others.get(name) or NOTICED.get(name, ("false", "authentication"))
        for what, at, bit in (("first", 0, 64), ("last", len(value) - 1, 1)):
            if name in ("type", "version", "kind", "kek-class") and what == "first":
                continue
            if name == "version":       # 1 has no bit that makes a version there was
                bit = 2
            changed = bytearray(value)
            changed[at] ^= bit
            yield ("%s-bit-of-%s" % (what, name), *verdict, swapped(fields, name, bytes(changed)))


def cuts(fields):
    data = b""
    for name, value in fields:
        yield "cut-before-" + name, "malformed", "form", data
        data += value
        yield "cut-in-" + name, "malformed", "form", data[:-1]
    yield "longer-by-a-byte", "malformed", "form", data + b"\0"


def not_ours(clear, body):
    """@clear makes the clear part, given what is different."""
    yield "of-another-kek", "refused", "other-kek", joined(seal(clear(kek=OTHER_KEK), body,
                                                                 OTHER_KEK))
    yield "under-another-kek", "false", "authentication", joined(seal(clear(), body,
                                                                       key_kek=OTHER_KEK))
    yield "of-another-hsm", "refused", "other-hsm", joined(seal(clear(hsm_id=sha256(b"other")),
                                                                body))
    yield "of-version-2", "unsupported", "version", joined(seal(clear(version=2), body))
    yield "of-version-65535", "unsupported", "version", joined(seal(clear(version=65535), body))
    yield "of-version-2-and-nothing-else", "unsupported", "version", joined(clear(version=2)[:3])
    yield "of-version-0", "malformed", "form", joined(seal(clear(version=0), body))
    yield "of-sequence-zero", "malformed", "form", joined(seal(clear(sequence=0), body))
    yield "under-the-other-type", "false", "authentication", \
        joined(seal(clear(), body, kind=HEAD + RECORD - clear()[1][1][0]))
    yield "under-another-iv", "false", "authentication", joined(seal(clear(), body,
                                                                      iv=be(1, 12)))
    yield "body-empty", "malformed", "body", joined(seal(clear(), b""))
    yield "body-shorter", "malformed", "body", joined(seal(clear(), body[:-1]))
    yield "body-longer", "malformed", "body", joined(seal(clear(), body + b"\0"))
    yield "in-the-clear", "false", "authentication", \
        joined(clear() + [("length", be(len(body), 4))]) + body + bytes(16)


# --- records --------------------------------------------------------------------

def good_records():
    for name, body in (
            ("key", key_body()), ("key-imported", key_body(origin=2)),
            ("key-without-usage", key_body(usage=0)), ("key-never-extractable", key_body(flags=1)),
            ("key-pre-active", key_body(state=f.PRE_ACTIVE)),
            ("key-deactivated", key_body(state=f.DEACTIVATED, reason=5)),
            ("key-held", key_body(state=f.HELD, reason=6)),
            ("key-held-before-it-was-active", key_body(state=f.HELD, resume=f.PRE_ACTIVE)),
            ("key-held-after-it-was", key_body(state=f.HELD, resume=f.DEACTIVATED)),
            ("key-compromised", key_body(state=f.COMPROMISED, reason=1))):
        yield name, seal(record_clear(KEY, b"key"), body), body
    for name, key_id in (("id-of-1-byte", b"k"), ("id-of-64-bytes", b"i" * 64)):
        yield name, seal(record_clear(KEY, key_id), key_body()), key_body()
    yield "sequence-largest", seal(record_clear(KEY, b"key", 2**64 - 1), key_body()), key_body()
    several = [vote(1), vote(0, 2**64 - 1, REVOKE, 1), vote(2, 1, CLEARED, 0)]
    for name, body in (("votes", votes_body()), ("votes-that-do-not-stop", votes_body(stopped=0)),
                       ("votes-of-three-as-they-came", votes_body(several)),
                       ("vote-to-release", votes_body([vote(kind=RELEASE, reason=8)], 0))):
        yield name, seal(record_clear(VOTES, NAMES[0]), body), body


def bad_bodies():
    """Authentic, and nothing that a kernel writes."""
    held = {"state": f.HELD}
    for name, change in (
            ("type", {"kind": 2}), ("origin-0", {"origin": 0}), ("origin-4", {"origin": 4}),
            ("usage", {"usage": 4}), ("flags", {"flags": 8}), ("state-0", {"state": 0}),
            ("state-6", {"state": 6}), ("resume-another", {"resume": f.PRE_ACTIVE}),
            ("resume-held", dict(held, resume=f.HELD)), ("resume-0", dict(held, resume=0)),
            ("resume-compromised", dict(held, resume=f.COMPROMISED)), ("reason-7", {"reason": 7}),
            ("reason-11", {"reason": 11}), ("element-off-curve", {"element": OFF_CURVE}),
            ("element-compressed", {"element": be(2, 1) + ELEMENTS[0][1:]}),
            ("secret-zero", {"secret": 0}), ("secret-n", {"secret": N}),
            ("secret-of-another-key", {"secret": SECRETS[1]}),
            ("secret-of-a-compromised-key", {"state": f.COMPROMISED, "secret": SECRETS[0]})):
        yield "key-" + name, seal(record_clear(KEY, b"key"), key_body(**change))
    for name, body in (
            ("stopped-2", votes_body(stopped=2)), ("none", votes_body([])),
            ("count-more", votes_body(count=2)), ("count-less", votes_body([vote(), vote(1)],
                                                                             count=1)),
            ("number-zero", votes_body([vote(sequence=0)])), ("kind-0", votes_body([vote(kind=0)])),
            ("kind-5", votes_body([vote(kind=5)])), ("reason-7", votes_body([vote(reason=7)])),
            ("manager-twice", votes_body([vote(), vote(1), vote(0, 4)]))):
        yield "votes-" + name, seal(record_clear(VOTES, NAMES[0]), body)


def records():
    for name, fields, body in good_records():
        yield name, "ok", "", joined(fields), body
    good = seal(record_clear(KEY, LONG_ID), key_body())
    clear = lambda **change: record_clear(KEY, b"key", **change)
    for case in (*flips(good, {"kind": ("malformed", "form")}), *cuts(good),
                 *not_ours(clear, key_body())):
        yield case + (None,)
    for name, fields in bad_bodies():
        yield name, "malformed", "body", joined(fields), None
    votes_as_key = seal(record_clear(KEY, LONG_ID), votes_body())
    yield "votes-under-a-keys-name", "malformed", "body", joined(votes_as_key), None
    yield "votes-made-a-key", "false", "authentication", \
        swapped(seal(record_clear(VOTES, LONG_ID), key_body()), "kind", be(KEY, 1)), None
    for name, fields in (
            ("kind-0", record_clear(0, NAMES[0])), ("kind-3", record_clear(3, NAMES[0])),
            ("name-empty", record_clear(KEY, b"")), ("name-of-65-bytes", record_clear(KEY, b"i" * 65)),
            ("name-with-a-slash", record_clear(KEY, b"a/b")),
            ("name-that-begins-with-a-dot", record_clear(KEY, b".key")),
            ("element-name-of-31-bytes", record_clear(VOTES, NAMES[0][:31])),
            ("element-name-of-33-bytes", record_clear(VOTES, NAMES[0] + b"\0"))):
        yield name, "malformed", "form", joined(seal(fields, key_body())), None
    yield "a-head", "malformed", "form", joined(seal(head_clear(), head_body())), None


# --- heads ----------------------------------------------------------------------

def good_heads():
    for name, clear, change in (
            ("keyring", {}, {}), ("shares", {"kek_class": SHARES}, {"kek_class": SHARES}),
            ("tpm", {"kek_class": TPM}, {"kek_class": TPM}),
            ("counter", {}, {"index": 0x1500016, "counter": 41}),
            ("counter-not-used-yet", {}, {"index": 0x1500016}),
            ("no-managers", {}, {"managers": [],
                                 "configuration": f.configuration([], CLASS_FLAG[KEYRING])}),
            ("locked", {}, {"configuration": f.configuration(MANAGERS[:2], 3)}),
            ("one-unpinned", {}, {"managers": [manager(i, pinned=int(i < 2))
                                               for i in by_id(0, 1, 2)]}),
            ("labels", {}, {"managers": [manager(i, label) for i, label in
                                         zip(by_id(0, 1), (b"", b"l" * 64))]}),
            ("no-order-yet", {}, {"managers": [manager(i, last=0) for i in by_id(0, 1)]})):
        body = head_body(**change)
        yield name, seal(head_clear(**clear), body), body


def bad_heads():
    pair = by_id(0, 1)
    for name, change in (
            ("identity-off-curve", {"identity": OFF_CURVE}), ("secret-zero", {"secret": 0}),
            ("secret-n", {"secret": N}), ("counter-without-index", {"counter": 1}),
            ("configuration-cut", {"configuration": f.configuration(MANAGERS[:2], 2)[:-1]}),
            ("configuration-of-another-class", {"kek_class": SHARES}),
            ("configuration-of-no-class", {"configuration": f.configuration(MANAGERS[:2])}),
            ("configuration-without-the-counter", {"index": 0x1500016, "configuration":
                                                   f.configuration(MANAGERS[:2], 2)}),
            ("configuration-with-a-counter", {"configuration": f.configuration(MANAGERS[:2], 18)}),
            ("configuration-of-fewer-managers", {"configuration": f.configuration(MANAGERS[:1],
                                                                                  2)}),
            ("configuration-of-another-manager",
             {"configuration": f.configuration(MANAGERS[1:], 2)}),
            ("a-manager-not-pinned", {"managers": [manager(pair[0]), manager(pair[1], pinned=0)]}),
            ("secret-of-another-identity", {"secret": IDENTITY + 1}),
            ("managers-unsorted", {"managers": [manager(i) for i in pair[::-1]]}),
            ("manager-twice", {"managers": [manager(pair[0]), manager(pair[0])]}),
            ("managers-fewer-than-counted", {"count": 3}), ("managers-more", {"count": 1}),
            ("label-of-65-bytes", {"managers": [manager(pair[0], b"l" * 65), manager(pair[1])]}),
            ("label-with-a-zero", {"managers": [manager(pair[0], b"a\0b"), manager(pair[1])]}),
            ("pinned-2", {"managers": [manager(pair[0], pinned=2), manager(pair[1])]}),
            ("digest-of-no-order", {"managers": [manager(pair[0], last=0, digest=sha256(b"")),
                                                 manager(pair[1])]})):
        yield name, "malformed", "body", joined(seal(head_clear(), head_body(**change)))
    yield "identity-of-another-hsm", "malformed", "body", \
        joined(seal(head_clear(), head_body(secret=SECRETS[3], identity=ELEMENTS[3])))
    yield "boot-count-largest", "malformed", "body", \
        joined(seal(head_clear(boot_count=2**32 - 1), head_body()))
    for name, clear in (("class-0", {"kek_class": 0}), ("class-4", {"kek_class": 4}),
                        ("boot-count-zero", {"boot_count": 0})):
        yield name, "malformed", "form", joined(seal(head_clear(**clear), head_body()))


def heads():
    for name, fields, body in good_heads():
        yield name, "ok", "", joined(fields), body
    good = seal(head_clear(), head_body())
    for case in (*flips(good, {"kek-class": ("malformed", "form")}), *cuts(good), *not_ours(head_clear, head_body()),
                 *bad_heads()):
        yield case + (None,)
    yield "a-record", "malformed", "form", key_record(), None


# --- a head with its records -----------------------------------------------------

def state(name, reason, there, counted=None, sequence=9, **change):
    """@there are the records that are found, @counted those that the head counts."""
    counted = there if counted is None else counted
    body = head_body(set_digest(counted), **change)
    head = joined(seal(head_clear(len(counted), sequence), body))
    return {"name": name, "verdict": "refused" if reason else "ok", "reason": reason,
            "kek": KEK.hex(), "head": head.hex(), "records": [r.hex() for r in there]}


def states():
    key, other = key_record(), key_record(1, b"other")
    older = key_record(sequence=6, usage=1)
    votes = votes_record(2)
    yield state("empty", "", [])
    yield state("one-key", "", [key])
    yield state("keys-and-votes", "", [key, other, votes])
    yield state("in-another-order", "", [votes, other, key], [key, other, votes])
    yield state("of-the-heads-sequence", "", [key_record(sequence=9)])
    yield state("stopped-and-held", "", [key_record(2, state=f.HELD), votes])
    yield state("stopped-and-compromised", "", [key_record(2, state=f.COMPROMISED), votes])
    yield state("votes-that-do-not-stop", "", [key_record(2), votes_record(2, stopped=0)])
    yield state("stopped-and-active", "stopped", [key_record(2), votes])
    yield state("newer-than-the-head", "record-newer", [key_record(sequence=10)])
    yield state("one-is-missing", "records-missing", [key], [key, other])
    yield state("all-are-missing", "records-missing", [], [key, other])
    yield state("one-too-many", "records-missing", [key, other], [key])
    yield state("one-is-older", "record-older", [older, other], [key, other])
    yield state("one-is-another", "record-older", [key, key_record(3, b"third")], [key, other])
    yield state("one-twice", "repeated", [key, key, other], [key, other, votes])
    yield state("two-of-one-name", "repeated", [key, older], [key, older])
    yield state("two-of-one-element", "element-twice", [key, key_record(0, b"twin")])
    yield state("two-of-one-x-coordinate", "element-twice",
                [key, key_record(0, b"twin", secret=N - SECRETS[0],
                                 element=public(N - SECRETS[0]))])
    yield state("the-identity-as-a-key", "element-twice",
                [key_record(0, b"twin", secret=IDENTITY, element=D)])
    pinned = next(a for a in (draw("manager %d" % i) for i in range(3)) if public(a) == MANAGERS[0])
    yield state("a-pinned-manager-as-a-key", "element-twice",
                [key_record(0, b"twin", secret=pinned, element=MANAGERS[0])])


def derivations():
    for name, kek in (("kek", KEK), ("another-kek", OTHER_KEK), ("zeros", bytes(32))):
        for kind in (HEAD, RECORD):
            salt = draw_bytes("derivation salt " + name)
            yield {"name": "%s-type-%d" % (name, kind), "kek": kek.hex(),
                   "kek_id": kek_id(kek).hex(), "type": kind, "salt": salt.hex(),
                   "key": one_time_key(kek, salt, kind).hex(),
                   "set_key": mac(kek, b"zkhsm set v1").hex()}


def table(field, cases):
    for name, verdict, reason, data, body in cases:
        case = {"name": name, "verdict": verdict, "reason": reason, "kek": KEK.hex(),
                "hsm_id": HSM_ID.hex(), field: data.hex()}
        if body is not None:
            case["body"] = body.hex()
        yield case


def files():
    return {"sealed.json": {
        "about": "Sealed heads and records, opened with a KEK by the HSM of this id; body is the "
                 "plaintext. states: a head with the records that are found beside it. keys: what "
                 "is derived from a KEK.",
        "keys": list(derivations()),
        "records": list(table("record", records())),
        "heads": list(table("head", heads())),
        "states": list(states()),
    }}
