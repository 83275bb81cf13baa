# SPDX-License-Identifier: GPL-2.0
"""What a verifier says about a case of tests/vectors/adversarial.json.

The verifier is an argument: tests/interop/verify.py, or one that was spoilt to
see whether any case notices.
"""


def unhex(case, *names):
    return [None if case[n] is None else bytes.fromhex(case[n]) for n in names]


def delta(v, c):
    result, = unhex(c, "list")
    if v.apply_delta(*unhex(c, "base", "delta")) != result:
        raise v.Untrue("another list", "list")


def evidence(v, c):
    _, proved = v.verify_evidence(*unhex(c, "evidence", "list", "configuration", "manager_id",
                                         "nonce"))
    if [e["id"].decode() for e in proved] != c.get("proved"):
        raise v.Untrue("other keys are proved", "proved")


def sums(v, c):
    r = v.multi_mul([(int(k, 16), v.decode_point(bytes.fromhex(p))) for k, p in c["terms"]])
    if (r and v.encode_point(r).hex()) != c["r"]:
        raise v.Untrue("another sum", "sum")


def names(v, c):
    public, name = unhex(c, "public", "element")
    if v.element_name(v.decode_point(public)) != name:
        raise v.Untrue("another name", "element")


SECTIONS = {
    "scalars": lambda v, c: v.decode_scalar(*unhex(c, "scalar")),
    "points": lambda v, c: v.decode_point(*unhex(c, "point")),
    "sums": sums,
    "names": names,
    "proofs": lambda v, c: v.verify_proof(*unhex(c, "public", "user_id", "other_info", "proof")),
    "signatures": lambda v, c: v.verify_ecdsa(*unhex(c, "public", "digest", "signature")),
    "evidence": evidence,
    "lists": lambda v, c: v.decode_list(*unhex(c, "list")),
    "configurations": lambda v, c: v.decode_configuration(*unhex(c, "configuration")),
    "announcements": lambda v, c: v.verify_announcement(*unhex(c, "identity", "announcement")),
    "deltas": delta,
    "orders": lambda v, c: v.verify_order(*unhex(c, "order", "public", "hsm_id")),
}


def verdict(v, section, case):
    """Verdict and reason; anything the verifier did not expect is its own failure."""
    try:
        SECTIONS[section](v, case)
    except v.Malformed as e:
        return "malformed", e.reason
    except v.Untrue as e:
        return "false", e.reason
    except v.Unsupported as e:
        return "unsupported", e.reason
    return "ok", ""


def expected(case):
    """Sums and names have no verdict: they are right or not."""
    return case.get("verdict", "ok"), case.get("reason", "")
