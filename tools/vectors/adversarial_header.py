# SPDX-License-Identifier: GPL-2.0
"""tests/kunit/adversarial.h: the cases of adversarial.json that the kernel can decide.

Most byte strings differ from another one in a few bytes, so each is a row of
slices of one pool.
"""

import edges
import forms
from header import ERRNO
from p256 import be

# What is left to tests in user space: for its size, or since other cases of the
# same family reach the same check.
LONGEST = 4096
POINTS_KEPT = ("y-plus-p", "x-plus-p", "infinity-with-prefix", "hybrid", "on-the-twist")
SHORTEST_MATCH = 12

HEAD = """\
/* SPDX-License-Identifier: GPL-2.0 */
/* Do not edit, written by tools/gen-vectors.py */
#ifndef ZKHSM_KUNIT_ADVERSARIAL_H
#define ZKHSM_KUNIT_ADVERSARIAL_H

#include <linux/errno.h>
#include <linux/types.h>

/* @len bytes of the pool, which is hex, from @at. */
struct adv_slice {
	u32 at;
	u32 len;
};

/* @count slices from @first; none: empty, or absent where @first is not 0. */
struct adv_bytes {
	u16 first;
	u16 count;
};

/* @half: may be r or s of a signature; @secret: may be imported. */
struct adv_scalar {
	const char *name;
	int err;
	bool half;
	bool secret;
	struct adv_bytes scalar;
};

struct adv_point {
	const char *name;
	int err;
	struct adv_bytes point;
};

struct adv_name {
	const char *name;
	struct adv_bytes public;
	struct adv_bytes element;
};

struct adv_term {
	struct adv_bytes k;
	struct adv_bytes a;
};

/* Terms @first to @first + @count - 1; r absent: infinity. */
struct adv_sum {
	const char *name;
	u16 first;
	u16 count;
	struct adv_bytes r;
};

struct adv_proof {
	const char *name;
	int err;
	enum adv_reason reason;
	struct adv_bytes public;
	struct adv_bytes user_id;
	struct adv_bytes other_info;
	struct adv_bytes proof;
};

struct adv_signature {
	const char *name;
	int err;
	enum adv_reason reason;
	struct adv_bytes public;
	struct adv_bytes digest;
	struct adv_bytes signature;
};

/* @proved: how many elements the proof covers, the identity apart. */
struct adv_evidence {
	const char *name;
	int err;
	enum adv_reason reason;
	u16 proved;
	struct adv_bytes evidence;
	struct adv_bytes list;
	struct adv_bytes configuration;
	struct adv_bytes manager_id;
	struct adv_bytes nonce;
};

/* A list, a configuration, or an order. */
struct adv_message {
	const char *name;
	int err;
	enum adv_reason reason;
	struct adv_bytes bytes;
};

struct adv_announcement {
	const char *name;
	int err;
	enum adv_reason reason;
	struct adv_bytes identity;
	struct adv_bytes announcement;
};

"""
ERRORS = dict(ERRNO, unsupported="-EOPNOTSUPP")

# section: (struct, fields with bytes, field of which the kernel takes one length)
SECTIONS = {
    "evidence": ("adv_evidence", ("evidence", "list", "configuration", "manager_id", "nonce"),
                 None),
    "announcements": ("adv_announcement", ("identity", "announcement"), None),
    "orders": ("adv_message", ("order",), None),
    "lists": ("adv_message", ("list",), None),
    "configurations": ("adv_message", ("configuration",), None),
    "proofs": ("adv_proof", ("public", "user_id", "other_info", "proof"), ("proof", 97)),
    "signatures": ("adv_signature", ("public", "digest", "signature"), ("signature", 64)),
    "points": ("adv_point", ("point",), ("point", 65)),
    "scalars": ("adv_scalar", ("scalar",), ("scalar", 32)),
    "names": ("adv_name", ("public", "element"), None),
}


class Pool:
    """Bytes, and slices of them that strings are made of."""

    def __init__(self):
        self.bytes, self.slices, self.known = b"", [], {}

    def longest(self, data):
        """Where the longest beginning of @data is that the pool has, and how long it is."""
        at, size = -1, min(SHORTEST_MATCH, len(data))
        while size <= len(data):
            found = self.bytes.find(data[:size], max(at, 0))
            if found < 0:
                break
            at, size = found, size + 1
            while size <= len(data) and self.bytes[at:at + size] == data[:size]:
                size += 1
        return at, size - 1

    def cut(self, data):
        """@data as slices; what is new is appended to the pool."""
        fresh, at = b"", 0
        while at < len(data):
            found, size = self.longest(data[at:])
            if found < 0:
                fresh += data[at:at + 1]
                at += 1
                continue
            yield from self.append(fresh)
            fresh = b""
            yield found, size
            at += size
        yield from self.append(fresh)

    def append(self, fresh):
        if fresh:
            self.bytes += fresh
            yield len(self.bytes) - len(fresh), len(fresh)

    def add(self, data):
        """The initialiser of a struct adv_bytes."""
        if data is None:
            return "{ 1, 0 }"
        if data not in self.known:
            slices = list(self.cut(data))
            self.known[data] = "{ %d, %d }" % (len(self.slices) if slices else 0, len(slices))
            self.slices += slices
        return self.known[data]

    def text(self):
        lines = "\n".join("\t\"%s\"" % self.bytes[n:n + 46].hex()
                          for n in range(0, len(self.bytes), 46))
        slices = ["{%d, %d}," % s for s in self.slices]
        return "static const char adv_pool[] =\n%s;\n\n%s" % (
            lines, array("adv_slice", "slices", wrap(slices)))


def wrap(words):
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) > 90:
            lines.append(line)
            line = ""
        line += (" " if line else "") + word
    return lines + [line]


def array(struct, name, rows):
    return "static const struct %s adv_%s[] = {\n%s};\n\n" % (
        struct, name, "".join("\t%s\n" % row for row in rows))


def constant(reason):
    return "ADV_" + (reason or "none").upper().replace("-", "_")


def row(case, fields, pool):
    values = ['"%s"' % case["name"]]
    if "verdict" in case:
        values.append(ERRORS[case["verdict"]])
    if "half" in case:
        values += ["%d" % case["half"], "%d" % case["secret"]]
    elif "reason" in case and fields != ("point",):
        values.append(constant(case["reason"]))
    if "evidence" in fields:
        values.append("%d" % len(case.get("proved", ())))
    values += [pool.add(None if case[n] is None else bytes.fromhex(case[n])) for n in fields]
    return "{ %s }," % ", ".join(values)


def sums(cases, pool):
    terms, rows = [], []
    for c in cases:
        r = c["r"] and bytes.fromhex(c["r"])
        rows.append('{ "%s", %d, %d, %s },' % (c["name"], len(terms), len(c["terms"]), pool.add(r)))
        terms += ["{ %s, %s }," % tuple(pool.add(bytes.fromhex(x)) for x in term)
                  for term in c["terms"]]
    return array("adv_term", "terms", terms) + array("adv_sum", "sums", rows)


def kept(section, case):
    _, fields, size = SECTIONS[section]
    thinned = section != "points" and any(
        case["name"].endswith("-" + n) or "-%s-state-" % n in case["name"]
        for n, v, _ in edges.points() if v != "ok" and n not in POINTS_KEPT)
    # The length of UserID is checked where the request comes in.
    return not thinned and case.get("reason") != "user-id" and all(len(case[n] or "") <= 2 * LONGEST for n in fields) and \
        (not size or len(case[size[0]]) == 2 * size[1])


def text(content):
    pool, tables, reasons = Pool(), [], set()
    for section, (struct, fields, _) in SECTIONS.items():
        cases = [c for c in content[section] if kept(section, c)]
        reasons |= {c.get("reason", "") for c in cases}
        tables.append(array(struct, section, [row(c, fields, pool) for c in cases]))
    tables.append(sums(content["sums"], pool))
    order = content["orders"][0]
    tables.append("/* Whose orders these are, that key's secret, and for whom they are */\n")
    for name, value in (("public", bytes.fromhex(order["public"])), ("secret", be(forms.MANAGER)),
                        ("hsm_id", bytes.fromhex(order["hsm_id"]))):
        tables.append("static const struct adv_bytes adv_order_%s = %s;\n"
                      % (name, pool.add(value)))
    words = sorted(reasons - {"", "scalar", "point"})
    enum = "enum adv_reason {\n\tADV_NONE,\n%s};\n\n" % "".join(
        "\t%s,\n" % constant(w) for w in words)
    names = "static const char * const adv_reasons[] = {\n\t[ADV_NONE] = \"none\",\n%s};\n\n" % \
        "".join('\t[%s] = "%s",\n' % (constant(w), w) for w in words)
    return "".join((HEAD.replace("/* @half", enum + "/* @half"), names, pool.text(), *tables,
                    "\n#endif /* ZKHSM_KUNIT_ADVERSARIAL_H */\n"))
