#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""An independent opener of sealed heads and records.

Written from the section "Sealed state" of Documentation/protocol.rst alone: plain
integers, AES and all, no library but Python's own. For tests, and for whoever has
to look into a backup without the module; what it prints has no secret in it.
"""

import argparse
import hashlib
import hmac
import json
import sys

import verify as v

HEAD, RECORD = 32, 33
CLASSES = {1: "keyring", 2: "shares", 3: "tpm"}
CLASS_FLAGS = {1: 2, 2: 4, 3: 8}
KINDS = {1: "key", 2: "votes"}
KEY, VOTES = 1, 2
REASONS = (0, 1, 2, 3, 4, 5, 6, 8, 9, 10)
HELD, COMPROMISED = 3, 5
MAX_REMEMBERED = 256


class Refused(v.Refused):
    """Well-formed, authentic as far as that was looked at, and not to be taken."""


class Later(v.Unsupported):
    """Of a version that is not known here."""


# --- AES-256-GCM: FIPS 197, SP 800-38D ----------------------------------------

def times(a, b):
    """In GF(2^8), modulo x^8 + x^4 + x^3 + x + 1."""
    r = 0
    while b:
        r ^= a * (b & 1)
        a, b = (a << 1) ^ (0x11B * (a >> 7)), b >> 1
    return r


def make_sbox():
    inverse = [0] * 256
    for a in range(1, 256):
        for b in range(a, 256):
            if times(a, b) == 1:
                inverse[a], inverse[b] = b, a
    rotate = lambda x, n: (x << n | x >> 8 - n) & 255
    return [x ^ rotate(x, 1) ^ rotate(x, 2) ^ rotate(x, 3) ^ rotate(x, 4) ^ 0x63 for x in inverse]


SBOX = make_sbox()
TWICE = [times(2, x) for x in range(256)]


def expand(key):
    words = [list(key[i:i + 4]) for i in range(0, 32, 4)]
    rcon = 1
    for i in range(8, 60):
        word = words[-1]
        if i % 8 == 0:
            word = [SBOX[x] for x in word[1:] + word[:1]]
            word[0] ^= rcon
            rcon = times(2, rcon)
        elif i % 8 == 4:
            word = [SBOX[x] for x in word]
        words.append([a ^ b for a, b in zip(words[-8], word)])
    return [sum(words[i:i + 4], []) for i in range(0, 60, 4)]


def mix(c):
    a = c[0] ^ c[1] ^ c[2] ^ c[3]
    return [x ^ a ^ TWICE[x ^ y] for x, y in zip(c, c[1:] + c[:1])]


def encrypt(keys, block):
    s = [a ^ b for a, b in zip(block, keys[0])]
    for i in range(1, 15):
        s = [SBOX[s[(n + 4 * (n % 4)) % 16]] for n in range(16)]
        if i < 14:
            s = sum((mix(s[n:n + 4]) for n in range(0, 16, 4)), [])
        s = [a ^ b for a, b in zip(s, keys[i])]
    return bytes(s)


def powers(h):
    """h * x^n for n up to 127; GCM has the bits of a block the other way round."""
    out = [int.from_bytes(h, "big")]
    while len(out) < 128:
        out.append(out[-1] >> 1 ^ (0xE1 << 120) * (out[-1] & 1))
    return out


def ghash(h, data):
    table, y = powers(h), 0
    for i in range(0, len(data), 16):
        x, y = y ^ int.from_bytes(data[i:i + 16], "big"), 0
        for n in range(128):
            if x >> 127 - n & 1:
                y ^= table[n]
    return y.to_bytes(16, "big")


def padded(data):
    return data + bytes(-len(data) % 16)


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def gcm_open(key, aad, body, tag):
    """The plaintext, or None; the IV is 12 zero bytes."""
    keys = expand(key)
    counter = lambda n: encrypt(keys, bytes(12) + n.to_bytes(4, "big"))
    lengths = (8 * len(aad)).to_bytes(8, "big") + (8 * len(body)).to_bytes(8, "big")
    mac = xor(ghash(encrypt(keys, bytes(16)), padded(aad) + padded(body) + lengths), counter(1))
    if mac != tag:
        return None
    stream = b"".join(counter(2 + n) for n in range((len(body) + 15) // 16))
    return xor(body, stream)


# --- keys ----------------------------------------------------------------------

def mac512(key, data):
    return hmac.new(key, data, hashlib.sha512).digest()


def kek_id(kek):
    return mac512(kek, b"zkhsm kek id v1")[:16]


def one_time_key(kek, salt, kind):
    """HKDF, RFC 5869, of which 32 bytes are wanted: one block."""
    return mac512(mac512(salt, kek), b"zkhsm seal v1" + bytes((kind, 1)))[:32]


def set_key(kek):
    return mac512(kek, b"zkhsm set v1")


def set_digest(kek, records):
    total = sum(int.from_bytes(mac512(set_key(kek), v.h(r)), "big") for r in records)
    return (total % 2**512).to_bytes(64, "big")


# --- what is in the clear ---------------------------------------------------------

class Reader(v.Reader):
    def positive(self, size, what):
        value = self.u(size)
        if not value:
            raise self.bad("%s is 1 or more" % what)
        return value

    def bad(self, text):
        """Of a clear part the form is wrong, or the body."""
        return v.Malformed(text, self.what)


def begin(data, kind):
    """The header: one of a later version is told apart from what is none."""
    r = Reader(data, "form")
    if r.take(5) != v.MAGIC or r.u(1) != kind:
        raise r.bad("not a sealed %s" % ("head" if kind == HEAD else "record"))
    version = r.u(2)
    if version > 1:
        raise Later("version %d" % version, "version")
    if version != 1:
        raise r.bad("there never was version %d" % version)
    s = {"type": kind, "kek_id": r.take(16), "hsm_id": r.take(32),
         "sequence": r.positive(8, "the sequence")}
    return r, s


def end(r, s):
    s["salt"] = r.take(32)
    size = r.u(4)
    s["aad"] = r.data[:r.at]
    s["sealed"], s["tag"] = r.take(size), r.take(16)
    r.end()
    return s


def read_name(r, kind):
    name = r.take(r.u(1))
    if kind == VOTES and len(name) != 32:
        raise r.bad("an element name has 32 bytes")
    if kind == KEY and (not 1 <= len(name) <= 64 or name[0] not in v.ID_FIRST or
                        any(c not in v.ID_REST for c in name)):
        raise r.bad("not a key id")
    return name


def decode_record(data):
    r, s = begin(data, RECORD)
    s["kind"] = r.one_of(1, KINDS, "kind")
    s["name"] = read_name(r, s["kind"])
    return end(r, s)


def decode_head(data):
    r, s = begin(data, HEAD)
    s["kek_class"] = r.one_of(1, CLASSES, "class of KEK")
    s["boot_count"] = r.positive(4, "the boot count")
    s["records"] = r.u(4)
    return end(r, s)


# --- bodies -----------------------------------------------------------------------

def read_secret(r, absent=False):
    k = r.u(32)
    if not (k == 0 if absent else 0 < k < v.N):
        raise r.bad("not a secret")
    return k


def check_secret(r, k, element):
    if v.multi_mul([(k, v.G)]) != element:
        raise r.bad("the secret of another key")


def point(r):
    """A point; where one of a body is none, the body is malformed as a whole."""
    return v.decode_point(r.take(65), r.what)


def read_key(r):
    key = {"type": r.one_of(2, (1,), "key type"), "origin": r.one_of(1, v.ORIGINS, "origin"),
           "usage": r.flags(4, 3), "flags": r.flags(4, 7), "created": r.u(8),
           "state": r.one_of(1, v.STATES, "state"), "resume": r.u(1),
           "reason": r.one_of(1, REASONS, "reason"), "owner": r.u(4), "element": point(r)}
    if key["resume"] not in ((1, 2, 4) if key["state"] == HELD else (key["state"],)):
        raise r.bad("no state that a release leads to")
    secret = read_secret(r, key["state"] == COMPROMISED)
    r.end()
    if secret:
        check_secret(r, secret, key["element"])
    return key


def read_votes(r):
    votes = {"stopped": r.one_of(1, (0, 1), "stopped")}
    votes["votes"] = [{"manager_id": r.take(32), "number": r.positive(8, "the number"),
                       "kind": r.one_of(1, (1, 2, 3, 4), "vote"),
                       "reason": r.one_of(1, REASONS, "reason")}
                      for _ in range(r.positive(2, "the count"))]
    r.end()
    managers = [vote["manager_id"] for vote in votes["votes"]]
    if len(set(managers)) != len(managers):
        raise r.bad("a manager votes twice")
    return votes


def read_manager(r):
    m = {"public": point(r)}
    m["label"] = r.take(r.at_most(1, 64, "bytes of a label"))
    if 0 in m["label"]:
        raise r.bad("a zero in a label")
    m["pinned"] = r.one_of(1, (0, 1), "pinned")
    m["last_number"], m["last_digest"] = r.u(8), r.take(32)
    if not m["last_number"] and any(m["last_digest"]):
        raise r.bad("the digest of an order that there is none of")
    return m


def read_configuration(r):
    try:
        return v.decode_configuration(r.take(r.u(2)))
    except v.Malformed as e:
        raise r.bad("the configuration: %s" % e) from e


def check_configuration(r, h, kek_class):
    """C says the same of the class of KEK, the counter and the managers as the head."""
    c, pinned = h["configuration"], [v.encode_point(m["public"]) for m in h["managers"]
                                     if m["pinned"]]
    if c["flags"] & 14 != CLASS_FLAGS[kek_class]:
        raise r.bad("the configuration names another class of KEK")
    if bool(c["flags"] & 16) != bool(h["counter_index"]):
        raise r.bad("head and configuration differ about the counter")
    if c["managers"] != sorted(pinned):
        raise r.bad("head and configuration differ in their managers")


def read_head(r, s):
    secret = read_secret(r)
    h = {"D": point(r), "agent": r.u(4), "counter_index": r.u(4), "counter": r.u(8),
         "set": r.take(64)}
    if h["counter"] and not h["counter_index"]:
        raise r.bad("the value of no counter")
    h["configuration"] = read_configuration(r)
    h["managers"] = [read_manager(r) for _ in range(r.at_most(2, MAX_REMEMBERED, "managers"))]
    r.end()
    r.ascending([v.h(v.encode_point(m["public"])) for m in h["managers"]], "managers")
    check_configuration(r, h, s["kek_class"])
    check_secret(r, secret, h["D"])
    if v.h(v.encode_point(h["D"])) != s["hsm_id"]:
        raise r.bad("the identity of another HSM")
    if s["boot_count"] == 2**32 - 1:
        raise r.bad("no boot can be counted any more")
    return h


# --- opening ----------------------------------------------------------------------

def open_sealed(s, kek, hsm_id):
    if s["kek_id"] != kek_id(kek):
        raise Refused("sealed under another KEK", "other-kek")
    if hsm_id is not None and s["hsm_id"] != hsm_id:
        raise Refused("of another HSM", "other-hsm")
    body = gcm_open(one_time_key(kek, s["salt"], s["type"]), s["aad"], s["sealed"], s["tag"])
    if body is None:
        raise v.Untrue("it was changed", "authentication")
    s["body"] = body
    return Reader(body, "body")


def open_record(data, kek, hsm_id=None):
    s = decode_record(data)
    r = open_sealed(s, kek, hsm_id)
    s.update(read_key(r) if s["kind"] == KEY else read_votes(r))
    return s


def open_head(data, kek, hsm_id=None):
    s = decode_head(data)
    s.update(read_head(open_sealed(s, kek, hsm_id), s))
    return s


def check_elements(head, records):
    """A secret lives once; A and -A are one key."""
    there = [head["D"]] + [m["public"] for m in head["managers"] if m["pinned"]]
    there += [r["element"] for r in records if r["kind"] == KEY]
    if len({x for x, _ in there}) != len(there):
        raise Refused("two of these are one key", "element-twice")


def check_stopped(records):
    stopped = {r["name"] for r in records if r["kind"] == VOTES and r["stopped"]}
    for r in records:
        if r["kind"] == KEY and v.element_name(r["element"]) in stopped and \
           r["state"] not in (HELD, COMPROMISED):
            raise Refused("a key works although its element is stopped", "stopped")


def open_state(head, records, kek):
    """A head and all the records that are there; what the kernel would take up again."""
    h = open_head(head, kek)
    opened = [open_record(r, kek, h["hsm_id"]) for r in records]
    if any(r["sequence"] > h["sequence"] for r in opened):
        raise Refused("a record is newer than the head", "record-newer")
    if len({(r["kind"], r["name"]) for r in opened}) != len(opened):
        raise Refused("a name is there twice", "repeated")
    if len(opened) != h["records"]:
        raise Refused("the head counts %d records" % h["records"], "records-missing")
    if set_digest(kek, records) != h["set"]:
        raise Refused("not the records that the head counts", "record-older")
    check_elements(h, opened)
    check_stopped(opened)
    return h, opened


# --- by hand ----------------------------------------------------------------------

def show(head, records):
    return {"hsm-id": head["hsm_id"].hex(), "sequence": head["sequence"],
            "boot-count": head["boot_count"], "kek-class": CLASSES[head["kek_class"]],
            "locked": bool(head["configuration"]["flags"] & 1),
            "keys": [{"id": r["name"].decode(), "state": v.STATES[r["state"]],
                      "element": v.element_name(r["element"]).hex()}
                     for r in records if r["kind"] == KEY],
            "voted-on": [r["name"].hex() for r in records if r["kind"] == VOTES],
            "managers": [{"manager-id": v.h(v.encode_point(m["public"])).hex(),
                          "label": m["label"].decode(errors="replace"),
                          "pinned": bool(m["pinned"]), "last-number": m["last_number"]}
                         for m in head["managers"]]}


def main():
    ap = argparse.ArgumentParser(description="Check a sealed head with its records. Exits 0: "
                                 "whole, 1: refused, 3: malformed, 4: of a later version.")
    ap.add_argument("kek", help="file with the 32 bytes of the KEK")
    ap.add_argument("head")
    ap.add_argument("records", nargs="*")
    args = ap.parse_args()
    try:
        print(json.dumps(show(*open_state(v.contents(args.head),
                                          [v.contents(name) for name in args.records],
                                          v.contents(args.kek))), indent=1))
    except v.Refused as e:
        print("%s: %s" % (e.reason, e), file=sys.stderr)
        return 4 if isinstance(e, Later) else 3 if isinstance(e, v.Malformed) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
