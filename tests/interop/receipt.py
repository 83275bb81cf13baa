#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""An independent verifier of what goes with grants: clients' signatures and receipts.

Written from Documentation/protocol.rst alone, as verify.py is.
"""

import argparse
import sys

from verify import PROOF_LEN, Malformed, Reader, Untrue, decode_order, h, item, verify_ecdsa, verify_proof

RECEIPT = 36
BODY_AT = 80


def grant_digest(hsm_id, body):
    return h(b"zkhsm grant v1" + hsm_id + body)


def digest_of(grant):
    """The grant digest of an order of type grant, whoever signed it."""
    o = decode_order(grant)
    if "jti" not in o:
        raise Malformed("an order of another type", "order-form")
    return grant_digest(o["hsm_id"], o["signed"][BODY_AT:])


def sign_input(digest):
    return h(digest)


def prove_input(user_id, other_info):
    return h(item(user_id) + (b"" if other_info is None else item(other_info)))


def verify_use(client, digest, signature):
    """That the client whom a grant names uses it."""
    verify_ecdsa(client, h(b"zkhsm grant use v1" + digest), signature)


def verify_receipt(identity, digest, output, receipt):
    """That the HSM with this identity gave output for the grant of this digest."""
    r = Reader(receipt, "receipt")
    r.header(RECEIPT)
    named, given = r.take(32), r.take(32)
    message = r.data[:r.at]
    proof = r.take(PROOF_LEN)
    r.end()
    verify_proof(identity, h(identity), message, proof)
    if named != digest:
        raise Untrue("a receipt for another grant", "receipt-grant")
    if given != h(output):
        raise Untrue("a receipt for another answer", "receipt-output")


def contents(path):
    with open(path, "rb") as f:
        return f.read()


def main():
    ap = argparse.ArgumentParser(description="Verify what an HSM gave for a grant. "
                                 "Exits 0: true, 1: false, 3: malformed.")
    ap.add_argument("grant", help="file with one of the grants")
    for name in ("identity", "output", "receipt"):
        ap.add_argument(name, type=bytes.fromhex, help="in hex")
    args = ap.parse_args()
    try:
        digest = digest_of(contents(args.grant))
        verify_receipt(args.identity, digest, args.output, args.receipt)
    except Malformed as e:
        print("malformed: %s" % e, file=sys.stderr)
        return 3
    except Untrue as e:
        print("false: %s" % e, file=sys.stderr)
        return 1
    print(digest.hex())
    return 0


if __name__ == "__main__":
    sys.exit(main())
