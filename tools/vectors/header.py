# SPDX-License-Identifier: GPL-2.0
"""kmod/testvecs.h: what the module compares itself with at load.

A part of tests/vectors: each load pays for every vector with a scalar
multiplication or two.
"""

from arithmetic import CARRY, LOST_CARRY_X, LOST_CARRY_Y, MODULI, scalar_case
from p256 import N, P, be, draw

ERRNO = {"ok": "0", "malformed": "-EBADMSG", "false": "-EKEYREJECTED"}

HEAD = """\
/* SPDX-License-Identifier: GPL-2.0 */
/* Do not edit, written by tools/gen-vectors.py */
#ifndef ZKHSM_TESTVECS_H
#define ZKHSM_TESTVECS_H

#include <linux/init.h>
#include <linux/types.h>

enum tv_op { TV_ADD, TV_SUB, TV_MUL, TV_NEG, TV_INV, TV_WIDE, TV_HASH };

struct tv_scalar {
	u8 op;
	bool mod_p;
	u8 a[48];
	u8 b[32];
	u8 r[32];
};

struct tv_base {
	u8 k[32];
	u8 point[65];
};

struct tv_mul2 {
	bool infinity;
	u8 u1[32];
	u8 u2[32];
	u8 a[65];
	u8 r[65];
};

struct tv_verdict {
	int err;
	u8 bytes[97];
};

"""


def array(data, indent):
    """Hex bytes, twelve a line."""
    tabs = "\t" * indent
    lines = [", ".join("0x%02x" % b for b in data[i:i + 12]) for i in range(0, len(data), 12)]
    return "{\n" + "".join("%s\t%s,\n" % (tabs, line) for line in lines) + tabs + "}"


def constant(name, data):
    return "static const u8 %s[%d] __initconst = %s;\n" % (name, len(data), array(data, 0))


def table(kind, name, rows):
    out = ["static const struct %s %s[] __initconst = {\n" % (kind, name)]
    for row in rows:
        out.append("\t{\n")
        for field, value in row:
            value = array(value, 2) if isinstance(value, bytes) else value
            out.append("\t\t.%s = %s,\n" % (field, value))
        out.append("\t},\n")
    return "".join(out) + "};\n"


def scalars():
    for modulus, m in MODULI.items():
        a, b, wide = draw("load a", m), draw("load b", m), draw("load wide", 2**384)
        yield scalar_case(modulus, "mul", *CARRY)
        yield scalar_case(modulus, "mul", a, b)
        yield scalar_case(modulus, "mul", m - 1, m - 1)
        yield scalar_case(modulus, "add", m - 1, m - 1)
        yield scalar_case(modulus, "add", a, b)
        yield scalar_case(modulus, "sub", 0, m - 1)
        yield scalar_case(modulus, "sub", b, a)
        yield scalar_case(modulus, "neg", 0)
        yield scalar_case(modulus, "neg", a)
        yield scalar_case(modulus, "inv", 0)
        yield scalar_case(modulus, "inv", a)
        yield scalar_case(modulus, "wide", wide)
        yield scalar_case(modulus, "wide", 2**384 - 1)
        yield scalar_case(modulus, "hash", m)
        yield scalar_case(modulus, "hash", 2**256 - 1)


def scalar_rows():
    for case in scalars():
        row = [("op", "TV_" + case["op"].upper())]
        if case["modulus"] == "p":
            row.append(("mod_p", "true"))
        yield row + [(name, bytes.fromhex(case[name])) for name in "abr" if name in case]


def mul2_rows(cases):
    for case in cases:
        row = [("infinity", "true")] if case["r"] is None else []
        yield row + [(n, bytes.fromhex(case[n])) for n in ("u1", "u2", "a", "r") if case[n]]


def verdict_rows(cases, field, size, same):
    """Cases of @size bytes that differ from a good one in @field alone."""
    for case in cases:
        data = bytes.fromhex(case[field])
        if len(data) == size and all(case[n] == v for n, v in same.items()):
            yield [("err", ERRNO[case["verdict"]]), ("bytes", data)]


def find(cases, name):
    return next(case for case in cases if case["name"] == name)


def text(vectors):
    points, nonces = vectors["points.json"], vectors["nonce.json"]["cases"]
    schnorr, ecdsa = vectors["schnorr.json"]["cases"], vectors["ecdsa.json"]["cases"]
    evidence = vectors["evidence.json"]
    proof, signature = find(schnorr, "other-absent"), find(ecdsa, "random")
    batch = find(evidence["cases"], "six-keys")
    prover = evidence["prover"]
    secrets = [s for s in prover["secrets"] if s]
    # The exceptional pairs first; the last two are random
    mul2 = points["mul2"][:14] + points["mul2"][-4:]
    refused = [c for c in points["base"] if c["k"].endswith("ffffffff")]
    out = [HEAD]

    def put(name, value):
        out.append(constant(name, bytes.fromhex(value)) + "\n")

    out.append(table("tv_scalar", "tv_scalars", scalar_rows()) + "\n")
    out.append("/* Scalars: the order, and what is above it */\n")
    put("tv_order", be(N).hex())
    put("tv_prime", be(P).hex())
    out.append(table("tv_base", "tv_bases", ([(n, bytes.fromhex(c[n])) for n in ("k", "point")]
                                             for c in points["base"][:7] + refused[1:])) + "\n")
    out.append(table("tv_mul2", "tv_mul2s", mul2_rows(mul2)) + "\n")
    out.append("/* Off the curve; a kernel that loses a carry takes it for a point on it */\n")
    put("tv_off_curve", "04" + be(LOST_CARRY_X).hex() + be(LOST_CARRY_Y).hex())
    for i, case in enumerate(nonces[:2]):
        for field in ("seed", "secret", "entropy", "context", "v"):
            put("tv_nonce%d_%s" % (i, field), case[field])
        out.append("#define TV_NONCE%d_PURPOSE\t%d\n#define TV_NONCE%d_COUNTER\t%d\n\n"
                   % (i, case["purpose"], i, case["counter"]))
    out.append("/* Proof 1 */\n")
    for field in ("secret", "nonce", "public", "user_id", "proof"):
        put("tv_schnorr_" + field, proof[field])
    other = find(schnorr, "other-present")
    put("tv_schnorr_other_info", other["other_info"])
    put("tv_schnorr_other_proof", other["proof"])
    same = {n: proof[n] for n in ("public", "user_id", "other_info")}
    out.append(table("tv_verdict", "tv_schnorr_verdicts",
                     verdict_rows([c for c in schnorr if "secret" not in c],
                                  "proof", 97, same)) + "\n")
    out.append("/* Evidence: S, the elements that are proved, their secrets */\n")
    put("tv_batch_statement", batch["evidence"][:-194])
    put("tv_batch_proof", batch["evidence"][-194:])
    put("tv_batch_identity", prover["identity"])
    put("tv_batch_nonce", prover["nonce"])
    put("tv_batch_secrets", "".join(secrets))
    out.append("#define TV_BATCH_COUNT\t%d\n\n" % len(secrets))
    out.append("/* ECDSA */\n")
    for field in ("secret", "k", "public", "digest", "signature"):
        put("tv_ecdsa_" + field, signature[field])
    same = {n: signature[n] for n in ("public", "digest")}
    out.append(table("tv_verdict", "tv_ecdsa_verdicts",
                     verdict_rows(ecdsa, "signature", 64, same)) + "\n")
    out.append("#endif /* ZKHSM_TESTVECS_H */\n")
    return "".join(out)
