# SPDX-License-Identifier: GPL-2.0
"""shares.json: secrets shared among administrators, their shares, the text of these.

The polynomial is evaluated power by power, and a secret found again by solving
for the coefficients, so that neither is done as the module does it.
"""

import base64

import formats as f
from p256 import N, be, draw, number, sha256
from sealed import kek_id

SHARE = 34
MOST = 16


def evaluate(coefficients, x):
    return sum(c * pow(x, i, N) for i, c in enumerate(coefficients)) % N


def solve(points):
    """The polynomial's value at zero, by Gauss elimination modulo n."""
    rows = [[pow(x, i, N) for i in range(len(points))] + [y] for x, y in points]
    size = len(rows)
    for i in range(size):
        pivot = next(r for r in range(i, size) if rows[r][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        inverse = pow(rows[i][i], N - 2, N)
        rows[i] = [v * inverse % N for v in rows[i]]
        for r in range(size):
            if r != i:
                rows[r] = [(a - rows[r][i] * b) % N for a, b in zip(rows[r], rows[i])]
    return rows[0][size]


def combination(name, coefficients, indices):
    points = [(x, evaluate(coefficients, x)) for x in indices]
    assert solve(points) == coefficients[0]
    return {"name": name, "coefficients": [be(c).hex() for c in coefficients],
            "index": list(indices), "y": [be(y).hex() for _, y in points],
            "secret": be(coefficients[0]).hex()}


def chosen(label, count):
    """So many different indices, in no order."""
    order = sorted(range(1, MOST + 1), key=lambda i: draw("%s %d" % (label, i)))
    return order[:count]


def combinations():
    for m in range(2, MOST + 1):
        coefficients = [draw("coefficient %d of %d" % (i, m)) for i in range(m)]
        yield combination("threshold-%d" % m, coefficients, chosen("first %d" % m, m))
        yield combination("threshold-%d-others" % m, coefficients, chosen("second %d" % m, m))
    for name, secret in (("zero", 0), ("one", 1), ("minus-one", N - 1), ("half", N // 2)):
        yield combination(name, [secret, draw(name)], (1, 2))
        yield combination(name + "-far", [secret, draw(name), draw(name + " 2")], (16, 1, 15))
    yield combination("constant", [draw("constant"), 0, 0], (3, 1, 2))
    yield combination("all-zero", [0, 0], (1, 16))
    yield combination("largest", [N - 1] * MOST, range(1, MOST + 1))
    yield combination("largest-backwards", [N - 1] * MOST, range(MOST, 0, -1))


def share(kek, threshold, index, y, head=None, check=None):
    data = ((head or f.header(SHARE)) + kek_id(kek) + be(threshold, 1) + be(index, 1) + be(y))
    return data + (sha256(data)[:4] if check is None else check)


KEK = be(draw("shared kek"))
OTHER = be(draw("other shared kek"))


def shares_of(kek, threshold, count):
    coefficients = [number(kek)] + [draw("%d of %s" % (i, kek.hex())) for i in range(1, threshold)]
    return [share(kek, threshold, i, evaluate(coefficients, i)) for i in range(1, count + 1)]


def encodings():
    good = shares_of(KEK, 3, 5)[1]
    y = number(good[26:58])

    def case(name, data, verdict="malformed"):
        return {"name": name, "share": data.hex(), "verdict": verdict}

    yield case("good", good, "ok")
    yield case("y-zero", share(KEK, 2, 1, 0), "ok")
    yield case("y-largest", share(KEK, 16, 16, N - 1), "ok")
    yield case("y-order", share(KEK, 2, 1, N))
    yield case("y-above", share(KEK, 2, 1, 2**256 - 1))
    for threshold in (0, 1, 17, 255):
        yield case("threshold-%d" % threshold, share(KEK, threshold, 1, y))
    for index in (0, 17, 255):
        yield case("index-%d" % index, share(KEK, 3, index, y))
    yield case("magic", share(KEK, 3, 2, y, head=f.header(SHARE, magic=b"zKHSM")))
    yield case("type", share(KEK, 3, 2, y, head=f.header(33)))
    yield case("version", share(KEK, 3, 2, y, head=f.header(SHARE, 2)))
    yield case("check", good[:-1] + bytes([good[-1] ^ 1]))
    yield case("check-of-another", good[:-4] + shares_of(KEK, 3, 5)[2][-4:])
    yield case("mistyped", good[:30] + bytes([good[30] ^ 4]) + good[31:])
    yield case("short", good[:-1])
    yield case("long", good + b"\0")
    yield case("empty", b"")


def sets():
    """What is entered in turn, and what comes of the last."""
    def case(name, entered, verdict="ok", reason="", kek=None):
        made = {"name": name, "shares": [s.hex() for s in entered], "verdict": verdict,
                "reason": reason}
        if kek:
            made.update({"kek": kek.hex(), "kek_id": kek_id(kek).hex()})
        return made

    of = shares_of(KEK, 3, 5)
    yield case("first-three", of[:3], kek=KEK)
    yield case("last-three", of[2:], kek=KEK)
    yield case("in-no-order", [of[4], of[0], of[2]], kek=KEK)
    yield case("two-of-two", shares_of(OTHER, 2, 2), kek=OTHER)
    yield case("all-of-all", shares_of(OTHER, 16, 16), kek=OTHER)
    yield case("another-kek", [of[0], shares_of(OTHER, 3, 5)[1]], "refused", "share")
    yield case("another-threshold", [of[0], shares_of(KEK, 2, 5)[1]], "refused", "share")
    yield case("repeated", [of[0], of[1], of[0]], "refused", "repeated")
    forged = share(KEK, 3, 1, number(of[1][26:58]))
    yield case("repeated-index", [of[0], of[1], forged], "refused", "repeated")
    wrong = share(KEK, 3, 3, (number(of[2][26:58]) + 1) % N)
    yield case("wrong-value", [of[0], of[1], wrong], "refused", "share")
    moved = share(KEK, 3, 4, number(of[2][26:58]))
    yield case("wrong-index", [of[0], of[1], moved], "refused", "share")


def text_of(data, count, label=None):
    code = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    groups = [code[i:i + 6] for i in range(0, len(code), 6)]
    lines = [" ".join(groups[i:i + 5]) for i in range(0, len(groups), 5)]
    head = ["label: " + label] if label else []
    head += ["kek-id: " + data[8:24].hex(), "share: %d of %d" % (data[25], count),
             "threshold: %d" % data[24]]
    return "\n".join(["-----BEGIN ZKHSM SHARE-----", *head, "", *lines,
                      "-----END ZKHSM SHARE-----", ""])


def texts():
    of = shares_of(KEK, 3, 5)

    def case(name, text, verdict="malformed", data=None, **more):
        made = {"name": name, "text": text, "verdict": verdict}
        if data:
            made["share"] = data.hex()
        made.update(more)
        return made

    good = text_of(of[1], 5)
    labelled = text_of(of[1], 5, "HSM of the registry, of 2026")
    code = "".join(good.split("\n\n")[1].split("-----")[0].split())
    yield case("file", good, "ok", of[1], count=5)
    yield case("file-with-a-label", labelled, "ok", of[1], count=5,
               label="HSM of the registry, of 2026")
    yield case("last-of-sixteen", text_of(shares_of(OTHER, 16, 16)[15], 16, "x"), "ok",
               shares_of(OTHER, 16, 16)[15], count=16, label="x")
    yield case("characters-alone", code, "ok", of[1])
    yield case("as-typed", "  " + " ".join(code) + " \n", "ok", of[1])
    yield case("other-groups", "\n".join(code[i:i + 4] for i in range(0, len(code), 4)), "ok",
               of[1])
    yield case("lines-of-another-system", code[:40] + "\r\n" + code[40:] + "\r\n", "ok", of[1])
    yield case("one-missing", code[:-1])
    yield case("one-too-many", code + "A")
    yield case("padded", code + "=")
    yield case("other-alphabet", code[:20] + "+" + code[21:])
    yield case("upper-case", code.upper())
    # The last character has two bits that say nothing.
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(code[-1])
    assert last % 4 == 0
    yield case("idle-bits", code[:-1] +
               "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last + 1])
    yield case("swapped", code[:30] + code[31] + code[30] + code[32:])
    yield case("empty", "")
    yield case("blanks", " \n\n ")
    yield case("comma", code[:40] + ", " + code[40:])
    yield case("another-label", labelled.replace("label: HSM", "label:  HSM").replace("2026\n", ""))
    yield case("another-index-above", good.replace("share: 2", "share: 3"))
    yield case("another-threshold-above", good.replace("threshold: 3", "threshold: 2"))
    yield case("another-kek-above", good.replace(kek_id(KEK).hex(), kek_id(OTHER).hex()))
    yield case("fewer-than-the-index", good.replace("of 5", "of 1"))
    yield case("more-than-there-can-be", good.replace("of 5", "of 17"))
    yield case("number-with-a-zero", good.replace("of 5", "of 05"))
    yield case("no-end", good.replace("-----END ZKHSM SHARE-----\n", ""))
    yield case("no-newline-at-the-end", good[:-1])
    yield case("more-behind", good + "x\n")
    yield case("line-between", good.replace("threshold", "colour: red\nthreshold"))
    yield case("groups-of-three", good.replace(code[:6], code[:3] + " " + code[3:6]))
    yield case("crlf", good.replace("\n", "\r\n"))
    yield case("empty-label", good.replace("kek-id", "label: \nkek-id"))
    yield case("long-label", text_of(of[1], 5, "x" * 65))
    yield case("mistyped-in-a-file", good.replace(code[36:42], code[36:41] +
                                                  ("A" if code[41] != "A" else "B")))


def files():
    return {"shares.json": {
        "about": "shares of a KEK: coefficients[i] is that of x^i, and y[j] the value at index[j]",
        "combinations": list(combinations()),
        "encodings": list(encodings()),
        "sets": list(sets()),
        "texts": list(texts()),
    }}
