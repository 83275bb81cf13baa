# SPDX-License-Identifier: GPL-2.0
"""An independent reader of shares, which finds the KEK that they make.

Written from the section "A share" of Documentation/protocol.rst alone. What one
case of tests/vectors/shares.json comes to is here too.
"""

import unseal as u
import verify as v

SHARE = 34
MOST = 16


def decode_share(data):
    r = u.Reader(data, "form")
    r.header(SHARE)
    s = {"kek_id": r.take(16), "threshold": r.u(1), "index": r.u(1), "y": r.take(32)}
    check = v.h(r.data[:r.at])[:4]
    if r.take(4) != check:
        raise r.bad("mistyped")
    r.end()
    if not 2 <= s["threshold"] <= MOST or not 1 <= s["index"] <= MOST:
        raise r.bad("threshold or index out of range")
    s["y"] = v.decode_scalar(s["y"], "form")
    return s


def at_zero(points):
    """Lagrange: the value at 0 of the polynomial through these."""
    total = 0
    for x, y in points:
        for other, _ in points:
            if other != x:
                y = y * other * pow(other - x, -1, v.N) % v.N
        total += y
    return total % v.N


def combine(shares):
    """The KEK as soon as there are enough, then nothing more may come."""
    entered = []
    for n, data in enumerate(shares):
        s = decode_share(data)
        if entered and (s["kek_id"], s["threshold"]) != (entered[0]["kek_id"],
                                                         entered[0]["threshold"]):
            raise u.Refused("of another set", "share")
        if any(s["index"] == other["index"] for other in entered):
            raise u.Refused("this one is there", "repeated")
        entered.append(s)
        if len(entered) == s["threshold"]:
            if n + 1 != len(shares):
                raise u.Refused("more than are needed", "share")
            kek = at_zero([(e["index"], e["y"]) for e in entered]).to_bytes(32, "big")
            if u.kek_id(kek) != s["kek_id"]:
                raise u.Refused("they do not make the KEK that they name", "share")
            return kek
    raise u.Refused("too few", "share")


# --- judging: the interface of judge.py ------------------------------------------

def same(wanted, got):
    if wanted != got:
        raise v.Untrue("something else comes out", "result")


def combination(_program, case):
    points = list(zip(case["index"], (int(y, 16) for y in case["y"])))
    same(case["secret"], at_zero(points).to_bytes(32, "big").hex())
    for x, y in points:
        same(y, sum(int(c, 16) * x ** i for i, c in enumerate(case["coefficients"])) % v.N)


def entered_in_turn(_program, case):
    kek = combine([bytes.fromhex(s) for s in case["shares"]])
    same((case["kek"], case["kek_id"]), (kek.hex(), u.kek_id(kek).hex()))


SECTIONS = {
    "combinations": combination,
    "encodings": lambda _program, c: decode_share(bytes.fromhex(c["share"])),
    "sets": entered_in_turn,
}
# The text that people type is the command's own, not the protocol's.
NOT_READ = {"texts"}


def verdict(program, section, case):
    try:
        SECTIONS[section](program, case)
    except v.Malformed as e:
        return "malformed", e.reason
    except v.Untrue as e:
        return "false", e.reason
    except v.Refused as e:
        return "refused", e.reason
    return "ok", ""


def expected(case):
    """Encodings have no reason of their own: there is one."""
    wanted = case.get("verdict", "ok")
    return wanted, case.get("reason", "form" if wanted == "malformed" else "")
