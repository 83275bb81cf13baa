# SPDX-License-Identifier: GPL-2.0
"""tests/kunit/shares.h: shares.json, but for the text that only user space reads."""

from header import ERRNO

HEAD = """\
/* SPDX-License-Identifier: GPL-2.0 */
/* Do not edit, written by tools/gen-vectors.py */
#ifndef ZKHSM_KUNIT_SHARES_H
#define ZKHSM_KUNIT_SHARES_H

#include <linux/errno.h>
#include <linux/types.h>
#include <linux/zkhsm.h>

/* Strings are hex; @index, @y, @coefficients and @shares so many one after the other. */
struct share_combination {
	const char *name;
	u32 count;
	u32 threshold;
	const char *coefficients;
	const char *index;
	const char *y;
	const char *secret;
};

struct share_encoding {
	const char *name;
	int err;
	const char *share;
};

/* @err and @reason are those of the last; @kek is NULL where none is made. */
struct share_set {
	const char *name;
	int err;
	u32 reason;
	u32 count;
	const char *shares;
	const char *kek;
	const char *kek_id;
};

"""

REASON = {"": ("0", "0"), "share": ("-EINVAL", "ZKHSM_REASON_SHARE"),
          "repeated": ("-EEXIST", "ZKHSM_REASON_REPEATED")}


def string(text):
    lines = [text[i:i + 88] for i in range(0, len(text), 88)] or [""]
    return "\n\t\t  ".join('"%s"' % line for line in lines)


def table(kind, name, rows):
    out = ["static const struct %s %s[] = {\n" % (kind, name)]
    for row in rows:
        out.append("\t{\n" + "".join("\t\t.%s =\n\t\t  %s,\n" % (field, string(value)) if
                                     field not in ("err", "reason", "count", "threshold", "name")
                                     else "\t\t.%s = %s,\n" % (field, value)
                                     for field, value in row) + "\t},\n")
    return "".join(out) + "};\n"


def quoted(case):
    return '"%s"' % case["name"]


def combination_rows(cases):
    for c in cases:
        yield [("name", quoted(c)), ("count", len(c["index"])),
               ("threshold", len(c["coefficients"])),
               ("coefficients", "".join(c["coefficients"])), ("index", bytes(c["index"]).hex()),
               ("y", "".join(c["y"])), ("secret", c["secret"])]


def set_rows(cases):
    for c in cases:
        err, reason = REASON[c["reason"]]
        row = [("name", quoted(c)), ("err", err), ("reason", reason),
               ("count", len(c["shares"])), ("shares", "".join(c["shares"]))]
        if "kek" in c:
            row += [("kek", c["kek"]), ("kek_id", c["kek_id"])]
        yield row


def text(vectors):
    return (HEAD +
            table("share_combination", "share_combinations",
                  combination_rows(vectors["combinations"])) + "\n" +
            table("share_encoding", "share_encodings",
                  ([("name", quoted(c)), ("err", ERRNO[c["verdict"]]), ("share", c["share"])]
                   for c in vectors["encodings"])) + "\n" +
            table("share_set", "share_sets", set_rows(vectors["sets"])) +
            "\n#endif /* ZKHSM_KUNIT_SHARES_H */\n")
