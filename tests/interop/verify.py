#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""An independent verifier of evidence, announcements, proofs and orders.

Written from Documentation/protocol.rst alone: plain integers, no library but
Python's own, nothing shared with the kernel or libzkhsm. It is slow, leaks the
time it takes (all it handles is public) and is meant to disagree loudly.
"""

import argparse
import hashlib
import json
import sys

# NIST P-256, SP 800-186 section 3.2.1.3.
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
A = P - 3
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
     0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)

MAGIC = b"ZKHSM"
SUITE_P256 = 1
STATEMENT, ANNOUNCEMENT, LIST, CONFIGURATION, DELTA = 1, 2, 3, 4, 5
LEASE, GRANT, TRUST_CHANGE = 16, 20, 21
ORDERS = {LEASE: "lease", 17: "revoke", 18: "hold", 19: "release", GRANT: "grant",
          TRUST_CHANGE: "trust-change"}
KEPT_ORDERS = (22,)
# What each operation is done by.
OPERATIONS = {1: ("sign", 1), 2: ("prove", 2)}
VERDICTS = {1: "deny", 2: "grant"}
STATES = {1: "pre-active", 2: "active", 3: "held", 4: "deactivated", 5: "compromised"}
ORIGINS = {1: "generated", 2: "imported", 3: "synchronised"}
COMPROMISED = 5
MAX_KEYS, MAX_MANAGERS, MAX_ELEMENTS = 100000, 16, 1024
PROOF_LEN, ANNOUNCEMENT_LEN = 97, 48
ID_FIRST = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
ID_REST = ID_FIRST + b"._@-"


class Refused(Exception):
    """@reason is one of the words of tests/vectors/README.rst."""

    def __init__(self, text, reason):
        super().__init__(text)
        self.reason = reason


class Malformed(Refused):
    """Not the canonical encoding of anything."""


class Unsupported(Refused):
    """An order of a type that is kept, whose body is not defined yet."""


class Untrue(Refused):
    """Well-formed, and does not verify."""


# --- the group: Jacobian coordinates, None is the point at infinity ---------

def double(p):
    if p is None:
        return None
    x, y, z = p
    if not y:
        return None
    yy = y * y % P
    s = 4 * x * yy % P
    zz = z * z
    m = 3 * (x - zz) * (x + zz) % P         # a = -3
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * yy * yy) % P, 2 * y * z % P


def add(p, q):
    if p is None:
        return q
    if q is None:
        return p
    (x1, y1, z1), (x2, y2, z2) = p, q
    z1z1, z2z2 = z1 * z1 % P, z2 * z2 % P
    u1, u2 = x1 * z2z2 % P, x2 * z1z1 % P
    s1, s2 = y1 * z2 * z2z2 % P, y2 * z1 * z1z1 % P
    if u1 == u2:
        return double(p) if s1 == s2 else None
    h, r = (u2 - u1) % P, (s2 - s1) % P
    hh = h * h % P
    hhh, v = h * hh % P, u1 * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    return x3, (r * (v - x3) - s1 * hhh) % P, h * z1 * z2 % P


def multi_mul(pairs):
    """The sum of scalar * point, affine, or None for infinity."""
    terms = [(k % N, (x, y, 1)) for k, (x, y) in pairs]
    acc = None
    for bit in range(255, -1, -1):
        acc = double(acc)
        for k, p in terms:
            if k >> bit & 1:
                acc = add(acc, p)
    if acc is None:
        return None
    inv = pow(acc[2], -1, P)
    return acc[0] * inv * inv % P, acc[1] * pow(inv, 3, P) % P


def encode_point(p):
    return b"\x04" + p[0].to_bytes(32, "big") + p[1].to_bytes(32, "big")


def decode_point(data, reason="point"):
    if len(data) != 65 or data[0] != 4:
        raise Malformed("a point is 04 | x | y, 65 bytes", reason)
    x, y = int.from_bytes(data[1:33], "big"), int.from_bytes(data[33:], "big")
    if x >= P or y >= P:
        raise Malformed("a coordinate is not below p", reason)
    if (y * y - x * x * x - A * x - B) % P:
        raise Malformed("the point is not on the curve", reason)
    return x, y


def decode_scalar(data, reason="scalar"):
    k = int.from_bytes(data, "big")
    if len(data) != 32 or k >= N:
        raise Malformed("a scalar is 32 bytes and below n", reason)
    return k


def h(data):
    return hashlib.sha256(data).digest()


def item(data):
    return len(data).to_bytes(4, "big") + data


def element_name(point, suite=SUITE_P256):
    return h(suite.to_bytes(2, "big") + encode_point(point)[1:33])


# --- reading ---------------------------------------------------------------

class Reader:
    """Reads to the end, or it is not @what: the reason is what-form."""

    def __init__(self, data, what):
        self.data, self.at, self.what = bytes(data), 0, what

    def bad(self, text):
        return Malformed(text, self.what + "-form")

    def take(self, size):
        if self.at + size > len(self.data):
            raise self.bad("too short")
        self.at += size
        return self.data[self.at - size:self.at]

    def u(self, size):
        return int.from_bytes(self.take(size), "big")

    def at_most(self, size, most, what):
        value = self.u(size)
        if value > most:
            raise self.bad("more than %d %s" % (most, what))
        return value

    def flags(self, size, known):
        value = self.u(size)
        if value & ~known:
            raise self.bad("a flag that is not defined")
        return value

    def one_of(self, size, values, what):
        value = self.u(size)
        if value not in values:
            raise self.bad("%s %d is not defined" % (what, value))
        return value

    def header(self, *types):
        if self.take(5) != MAGIC:
            raise self.bad("no ZKHSM at the start")
        kind = self.one_of(1, types, "type")
        self.one_of(2, (1,), "version")
        return kind

    def key_id(self):
        name = self.take(self.u(1))
        if not 1 <= len(name) <= 64 or name[0] not in ID_FIRST or \
           any(c not in ID_REST for c in name):
            raise self.bad("not a key id")
        return name

    def uncompressed(self):
        """An encoding that has the prefix of a point; decode_point() looks further."""
        data = self.take(65)
        if data[0] != 4:
            raise self.bad("not an uncompressed point")
        return data

    def ascending(self, values, what):
        if any(a >= b for a, b in zip(values, values[1:])):
            raise self.bad("%s out of order or repeated" % what)

    def end(self):
        if self.at != len(self.data):
            raise self.bad("trailing bytes")


def read_entry(r):
    start = r.at
    entry = {"id": r.key_id(), "type": r.one_of(2, (1,), "key type"),
             "origin": r.one_of(1, ORIGINS, "origin"), "usage": r.flags(4, 3),
             "flags": r.flags(4, 7), "created": r.u(8),
             "state": r.one_of(1, STATES, "state")}
    if r.u(2) != 65:
        raise r.bad("an element of P-256 has 65 bytes")
    entry["element"] = r.uncompressed()
    entry["bytes"] = r.data[start:r.at]
    return entry


def decode_elements(entries):
    for e in entries:
        e["element"] = decode_point(e["element"], "element")


def decode_list(data):
    r = Reader(data, "list")
    r.header(LIST)
    entries = [read_entry(r) for _ in range(r.at_most(4, MAX_KEYS, "keys"))]
    r.end()
    r.ascending([e["id"] for e in entries], "ids")
    decode_elements(entries)
    return entries


def read_configuration_flags(r):
    """1 locked, 2, 4 and 8 the class of KEK, 16 a counter of what is sealed."""
    flags = r.flags(4, 31)
    classes = [flag for flag in (2, 4, 8) if flags & flag]
    if len(classes) > 1:
        raise r.bad("more than one class of KEK")
    if flags & 16 and not classes:
        raise r.bad("a counter, and nothing is sealed")
    return flags


def read_configuration(data, what):
    """The form of C, which is part of @what. Its managers' keys need not be points."""
    r = Reader(data, what)
    r.header(CONFIGURATION)
    c = {"flags": read_configuration_flags(r), "quorum": r.u(1), "stop": r.u(1), "wipe": r.u(1),
         "enforce_grace": r.u(8), "max_ttl": r.u(8)}
    if not (c["quorum"] and c["stop"] and c["wipe"]):
        raise r.bad("quorum, stop and wipe are 1 or more")
    count = r.at_most(1, MAX_MANAGERS, "managers")
    c["managers"] = [r.uncompressed() for _ in range(count)]
    r.end()
    r.ascending(c["managers"], "managers")
    return c


def decode_configuration(data):
    c = read_configuration(data, "configuration")
    for point in c["managers"]:
        decode_point(point, "manager-key")
    return c


def read_challenge(r):
    c = {"manager_id": r.take(32), "nonce": r.take(32), "last_number": r.u(8),
         "last_digest": r.take(32)}
    if not c["last_number"] and any(c["last_digest"]):
        raise r.bad("the digest of an order that there is none of")
    return c


def read_statement(r):
    r.header(STATEMENT)
    s = {"hsm_id": r.take(32), "D": r.take(65), "boot_count": r.u(4), "fork_count": r.u(4),
         "n": r.u(4), "instance_id": r.take(16), "uptime": r.u(8), "lease_nonce": r.take(32)}
    count = r.at_most(1, MAX_MANAGERS, "challenges")
    if not count:
        raise r.bad("no challenge")
    s["challenges"] = [read_challenge(r) for _ in range(count)]
    r.ascending([c["manager_id"] for c in s["challenges"]], "challenges")
    s.update(platform=r.take(32), module_version=r.u(4), list_digest=r.take(32),
             list_count=r.at_most(4, MAX_KEYS, "keys"), config_digest=r.take(32))
    r.one_of(1, (1,), "number of groups")
    r.one_of(2, (SUITE_P256,), "suite")
    return s


def read_proof(r):
    """V and r, which end what is read; their form before their values."""
    v, resp = r.take(65), r.take(32)
    r.end()
    return decode_point(v, "commitment"), decode_scalar(resp, "response")


# --- verifying -------------------------------------------------------------

def challenge(v, a, user_id, other_info):
    data = item(encode_point(G)) + item(encode_point(v)) + item(encode_point(a)) + item(user_id)
    if other_info is not None:
        data += item(other_info)
    return int.from_bytes(h(data), "big") % N


def verify_proof(public, user_id, other_info, proof):
    """A proof of one key; other_info is None when absent."""
    if not 1 <= len(user_id) <= 255:
        raise Malformed("UserID has 1 to 255 bytes", "user-id")
    v, resp = read_proof(Reader(proof, "proof"))
    a = decode_point(public, "key")
    if multi_mul([(resp, G), (challenge(v, a, user_id, other_info), a)]) != v:
        raise Untrue("V is not r * G + c * A", "equation")


def verify_announcement(identity, data):
    r = Reader(data, "announcement")
    r.header(ANNOUNCEMENT)
    a = {"list_digest": r.take(32), "list_length": r.u(4),
         "list_count": r.at_most(4, MAX_KEYS, "keys")}
    proof = r.take(PROOF_LEN)
    r.end()
    verify_proof(identity, h(identity), r.data[:ANNOUNCEMENT_LEN], proof)
    return a


def coefficients(v, s, statement, count):
    seed = h(item(b"zkhsm batch v1") + item(encode_point(G)) + item(encode_point(v)) +
             item(s["D"]) + item(s["hsm_id"]) + item(statement))
    return [int.from_bytes(h(b"zkhsm batch coefficient" + seed + SUITE_P256.to_bytes(2, "big") +
                             i.to_bytes(4, "big"))[:16], "big") for i in range(count)]


def decode_evidence(evidence):
    """S as it stands in the evidence, its bytes, and the proof V, r."""
    r = Reader(evidence, "evidence")
    s = read_statement(r)
    statement = r.data[:r.at]
    v, resp = read_proof(r)
    s["point"] = decode_point(s["D"], "identity")
    return s, statement, v, resp


def verify_evidence(evidence, list_bytes, config_bytes, manager_id=None, nonce=None):
    """Steps 1 to 4 of the page; returns S and the entries of L that are proved."""
    s, statement, v, resp = decode_evidence(evidence)
    if h(s["D"]) != s["hsm_id"]:
        raise Untrue("hsm_id is not H(D)", "hsm-id")
    if manager_id is not None:
        mine = [c for c in s["challenges"] if c["manager_id"] == manager_id]
        if not mine:
            raise Untrue("no challenge of this manager in it", "challenge")
        if nonce is not None and mine[0]["nonce"] != nonce:
            raise Untrue("another nonce than the one expected", "nonce")
    if h(list_bytes) != s["list_digest"]:
        raise Untrue("the list is not the one in S", "list-digest")
    if h(config_bytes) != s["config_digest"]:
        raise Untrue("the configuration is not the one in S", "configuration-digest")
    decode_configuration(config_bytes)
    entries = decode_list(list_bytes)
    if len(entries) != s["list_count"]:
        raise Untrue("the count of L is not the one in S", "list-count")
    proved = [e for e in entries if e["state"] != COMPROMISED]
    batch = [s["point"]] + [e["element"] for e in proved]
    c = coefficients(v, s, statement, len(batch))
    if multi_mul([(resp, G)] + list(zip(c, batch))) != v:
        raise Untrue("V is not r * G + sum(c_i * A_i)", "equation")
    return s, proved


def verify_ecdsa(public, digest, signature):
    if len(signature) != 64:
        raise Malformed("a signature is r | s, 64 bytes", "signature-form")
    r, s = (decode_scalar(half, "signature-range") for half in (signature[:32], signature[32:]))
    if not r or not s:
        raise Malformed("r and s are in [1, n - 1]", "signature-range")
    q = decode_point(public, "key")
    w = pow(s, -1, N)
    p = multi_mul([(int.from_bytes(digest, "big") * w, G), (r * w, q)])
    if p is None or p[0] % N != r:
        raise Untrue("the signature is false", "signature")


def read_elements(r):
    elements = [r.take(32) for _ in range(r.at_most(2, MAX_ELEMENTS, "elements"))]
    r.ascending(elements, "elements")
    return elements


def read_vote(r):
    body = {"reason": r.one_of(1, (0, 1, 2, 3, 4, 5, 6, 8, 9, 10), "reason"),
            "elements": read_elements(r)}
    if not body["elements"]:
        raise r.bad("no element")
    return body


def read_lease(r):
    body = {"statement": r.take(32), "least": r.u(8), "ttl": r.u(8),
            "verdict": r.one_of(1, VERDICTS, "verdict"), "elements": read_elements(r)}
    if not body["ttl"]:
        raise r.bad("a life of nothing")
    return body


def read_trust_change(r):
    return {"previous": r.take(32), "configuration": read_configuration(r.take(r.u(2)), r.what)}


def check_client(r, client):
    try:
        decode_point(client)
    except Malformed as e:
        raise r.bad("the client is not a point") from e


def read_grant(r):
    body = {"instance_id": r.take(16), "element": r.take(32),
            "operation": r.one_of(1, OPERATIONS, "operation")}
    if r.u(2) != OPERATIONS[body["operation"]][1]:
        raise r.bad("an algorithm that the operation has not")
    if r.u(4):
        raise r.bad("a parameter")
    body.update(input=r.take(32), client=r.take(65), jti=r.take(16), not_after=r.u(8))
    if body["client"] == bytes(65):
        body["client"] = None
    else:
        check_client(r, body["client"])
    if body["jti"] == bytes(16) or not body["not_after"]:
        raise r.bad("no jti, or no end")
    return body


def decode_order(order):
    r = Reader(order, "order")
    o = {"type": r.header(*ORDERS, *KEPT_ORDERS), "manager_id": r.take(32),
         "hsm_id": r.take(32), "number": r.u(8)}
    if o["type"] in KEPT_ORDERS:
        raise Unsupported("an order of type %d" % o["type"], "order-type")
    if bool(o["number"]) == (o["type"] in (LEASE, GRANT)):
        raise r.bad("the number is 1 or more, and 0 for a lease or a grant")
    o.update({LEASE: read_lease, GRANT: read_grant,
              TRUST_CHANGE: read_trust_change}.get(o["type"], read_vote)(r))
    o["signed"] = r.data[:r.at]
    o["signature"] = r.take(64)
    r.end()
    return o


def verify_order(order, public, hsm_id):
    """All that does not depend on the counter, which only the HSM knows."""
    o = decode_order(order)
    if o["hsm_id"] != hsm_id:
        raise Untrue("the order is for another HSM", "order-hsm")
    if o["manager_id"] != h(public):
        raise Untrue("the order is another manager's", "order-manager")
    verify_ecdsa(public, h(o["signed"]), o["signature"])
    return o


def apply_delta(base, delta):
    """The list that the difference makes of base."""
    r = Reader(delta, "delta")
    r.header(DELTA)
    base_digest, new_digest = r.take(32), r.take(32)
    removed = [r.key_id() for _ in range(r.u(4))]
    changed = [read_entry(r) for _ in range(r.u(4))]
    r.end()
    r.ascending(removed, "removed ids")
    r.ascending([e["id"] for e in changed], "changed ids")
    if h(base) != base_digest:
        raise Untrue("a difference to another list", "delta-base")
    entries = {e["id"]: e["bytes"] for e in decode_list(base)}
    if any(i not in entries for i in removed):
        raise Malformed("a removed id that is not in the base", "delta-fit")
    if any(e["id"] in removed or entries.get(e["id"]) == e["bytes"] for e in changed):
        raise Malformed("a changed entry that does not differ, or is removed too", "delta-fit")
    entries.update((e["id"], e["bytes"]) for e in changed)
    whole = [entries[i] for i in sorted(entries) if i not in removed]
    new = MAGIC + bytes((LIST, 0, 1)) + len(whole).to_bytes(4, "big") + b"".join(whole)
    if h(new) != new_digest:
        raise Untrue("the result has another digest", "delta-result")
    return new


# --- by hand ---------------------------------------------------------------

def show(s, proved):
    return {"hsm-id": s["hsm_id"].hex(), "number": s["n"], "uptime-ms": s["uptime"],
            "managers": [c["manager_id"].hex() for c in s["challenges"]],
            "keys": s["list_count"],
            "proved": [{"id": e["id"].decode(), "state": STATES[e["state"]],
                        "origin": ORIGINS[e["origin"]],
                        "element": element_name(e["element"]).hex()} for e in proved]}


def show_order(o):
    told = {name: o[name] for name in ("number", "reason", "least", "ttl", "not_after")
            if name in o}
    told["type"] = ORDERS[o["type"]]
    for name in ("statement", "previous", "instance_id", "element", "input", "client", "jti"):
        if o.get(name) is not None:
            told[name] = o[name].hex()
    if "operation" in o:
        told["operation"] = OPERATIONS[o["operation"]][0]
    if "verdict" in o:
        told["verdict"] = VERDICTS[o["verdict"]]
    if "elements" in o:
        told["elements"] = [e.hex() for e in o["elements"]]
    if "configuration" in o:
        managers = [m.hex() for m in o["configuration"]["managers"]]
        told["configuration"] = dict(o["configuration"], managers=managers)
    return told


def contents(path):
    with open(path, "rb") as f:
        return f.read()


def main():
    ap = argparse.ArgumentParser(description="Verify bytes of zkhsm's protocol. "
                                 "Exits 0: true, 1: false, 3: malformed, 4: unsupported.")
    sub = ap.add_subparsers(dest="what", required=True)
    ev = sub.add_parser("evidence", help="evidence with its list and configuration")
    for name in ("evidence", "list", "configuration"):
        ev.add_argument(name)
    ev.add_argument("--manager-id", type=bytes.fromhex)
    ev.add_argument("--nonce", type=bytes.fromhex)
    pr = sub.add_parser("proof", help="a proof of one key, all in hex")
    for name in ("public", "user_id", "proof"):
        pr.add_argument(name, type=bytes.fromhex)
    pr.add_argument("--other-info", type=bytes.fromhex)
    order = sub.add_parser("order", help="a signed order")
    order.add_argument("order")
    for name in ("public", "hsm_id"):
        order.add_argument(name, type=bytes.fromhex)
    args = ap.parse_args()
    try:
        if args.what == "evidence":
            s, proved = verify_evidence(contents(args.evidence), contents(args.list),
                                        contents(args.configuration), args.manager_id, args.nonce)
            print(json.dumps(show(s, proved), indent=1))
        elif args.what == "proof":
            verify_proof(args.public, args.user_id, args.other_info, args.proof)
            print("true")
        else:
            o = verify_order(contents(args.order), args.public, args.hsm_id)
            print(json.dumps(show_order(o), indent=1))
    except Malformed as e:
        print("malformed: %s" % e, file=sys.stderr)
        return 3
    except Unsupported as e:
        print("unsupported: %s" % e, file=sys.stderr)
        return 4
    except Untrue as e:
        print("false: %s" % e, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
