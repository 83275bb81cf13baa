#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Write tests/vectors/*.json and the headers made of them, the same bytes in each run.

The reference is in tools/vectors: plain Python, written from
Documentation/protocol.rst and the standards, sharing nothing with the module.
"""

import argparse
import json
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, "tools", "vectors"))

import adversarial      # noqa: E402
import adversarial_header   # noqa: E402
import arithmetic       # noqa: E402
import evidence         # noqa: E402
import grants           # noqa: E402
import header           # noqa: E402
import orders           # noqa: E402
import proofs           # noqa: E402
import sealed           # noqa: E402
import shares           # noqa: E402
import shares_header    # noqa: E402


def dump(content):
    """JSON with one case per line, so that a change shows as one line."""
    out = ['{"license": "SPDX-License-Identifier: GPL-2.0"']
    for name, value in content.items():
        if isinstance(value, list):
            lines = ",\n".join(json.dumps(case) for case in value)
            out.append('%s: [\n%s\n]' % (json.dumps(name), lines))
        else:
            out.append("%s: %s" % (json.dumps(name), json.dumps(value)))
    return ",\n".join(out) + "}\n"


def generate():
    vectors = {}
    for module in (arithmetic, proofs, evidence, orders, grants, adversarial, sealed, shares):
        vectors.update(module.files())
    files = {os.path.join("tests", "vectors", n): dump(c) for n, c in vectors.items()}
    files[os.path.join("kmod", "testvecs.h")] = header.text(vectors)
    files[os.path.join("tests", "kunit", "adversarial.h")] = \
        adversarial_header.text(vectors["adversarial.json"])
    files[os.path.join("tests", "kunit", "shares.h")] = \
        shares_header.text(vectors["shares.json"])
    return files


def stale(files):
    """Files that differ from what would be written, or that nothing writes."""
    bad = []
    for name, text in files.items():
        try:
            with open(os.path.join(TOP, name), encoding="ascii") as f:
                same = f.read() == text
        except FileNotFoundError:
            same = False
        if not same:
            bad.append(name)
    for name in sorted(os.listdir(os.path.join(TOP, "tests", "vectors"))):
        path = os.path.join("tests", "vectors", name)
        if name.endswith(".json") and path not in files:
            bad.append(path)
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true",
                        help="write nothing; exit 1 when a file is not what would be written")
    check = parser.parse_args().check
    files = generate()
    if check:
        bad = stale(files)
        for name in bad:
            print("gen-vectors.py: %s is not what the generator writes" % name, file=sys.stderr)
        return 1 if bad else 0
    for name, text in files.items():
        with open(os.path.join(TOP, name), "w", encoding="ascii") as f:
            f.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
