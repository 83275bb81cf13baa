# SPDX-License-Identifier: GPL-2.0
"""grants.json: what a grant is named by, who may use it, and receipts."""

import formats as f
from evidence import D, HSM_ID, IDENTITY
from orders import CLIENT, ELEMENTS, TO_PROVE
from p256 import N, be, draw, ecdsa_sign, element_name, number, prove, public, sha256

SECRET = draw("grant client")
K = draw("grant use k")
V = draw("receipt nonce")
DIGEST = sha256(b"message")
SIGNATURE = ecdsa_sign(draw("key 0"), K, DIGEST)
PROOF = prove(draw("key 0"), V, b"client", None)


def item(data):
    return be(len(data), 4) + data


def inputs():
    yield {"name": "sign", "verdict": "ok", "digest": DIGEST.hex(), "input": sha256(DIGEST).hex()}
    for name, user_id, other in (("prove", b"client", None), ("prove-empty", b"client", b""),
                                 ("prove-other", b"client", b"more"),
                                 ("prove-longest", b"u" * 255, b"o" * 1024)):
        data = item(user_id) + (b"" if other is None else item(other))
        yield {"name": name, "verdict": "ok", "user_id": user_id.hex(),
               "other_info": None if other is None else other.hex(), "input": sha256(data).hex()}


def digests():
    for name, change in (("sign", {}), ("prove", TO_PROVE), ("client", {"client": CLIENT}),
                         ("another-jti", {"jti": b"\xff" * 16})):
        body = f.grant_body(ELEMENTS[0], **change)
        digest = f.grant_digest(HSM_ID, body)
        yield {"name": name, "verdict": "ok", "body": body.hex(), "digest": digest.hex()}


def uses():
    """Signatures of the client."""
    digest = f.grant_digest(HSM_ID, f.grant_body(ELEMENTS[0], client=CLIENT))
    message = sha256(b"zkhsm grant use v1" + digest)
    good = ecdsa_sign(SECRET, K, message)
    for name, verdict, signature in (
            ("good", "ok", good),
            ("other-s", "ok", good[:32] + be(N - number(good[32:]))),
            ("another-client", "false", ecdsa_sign(SECRET + 1, K, message)),
            ("over-the-digest", "false", ecdsa_sign(SECRET, K, digest)),
            ("over-another-label", "false",
             ecdsa_sign(SECRET, K, sha256(b"zkhsm grant v1" + digest))),
            ("changed", "false", good[:-1] + be(good[-1] ^ 1, 1)),
            ("r-zero", "malformed", bytes(32) + good[32:]),
            ("s-is-n", "malformed", good[:32] + be(N))):
        yield {"name": name, "verdict": verdict, "digest": digest.hex(), "client": CLIENT.hex(),
               "signature": signature.hex()}


def make_receipt(message, user_id=HSM_ID, secret=None):
    return message + prove(IDENTITY if secret is None else secret, V, user_id, message)


def receipts():
    digest = f.grant_digest(HSM_ID, f.grant_body(ELEMENTS[0]))
    message = f.receipt(digest, SIGNATURE)
    good = make_receipt(message)

    def case(name, verdict, data, named=digest, output=SIGNATURE, identity=D, **why):
        return {"name": name, "verdict": verdict, **why, "receipt": data.hex(),
                "grant_digest": named.hex(), "output": output.hex(), "identity": identity.hex()}

    yield case("signature", "ok", good)
    yield case("proof", "ok", make_receipt(f.receipt(digest, PROOF)), output=PROOF)
    yield case("another-grant", "false", good, named=sha256(b"another"))
    yield case("another-answer", "false", good, output=PROOF)
    yield case("other-s", "false", good,
               output=SIGNATURE[:32] + be(N - number(SIGNATURE[32:])))
    yield case("another-identity", "false", good, identity=public(draw("another identity")))
    yield case("by-another-secret", "false", make_receipt(message, secret=IDENTITY + 1))
    yield case("for-another-user-id", "false", make_receipt(message, user_id=b"client"))
    yield case("proof-changed", "false", good[:-1] + be(good[-1] ^ 1, 1))
    yield case("digest-changed", "false", good[:8] + be(good[8] ^ 1, 1) + good[9:])
    yield case("output-changed", "false", good[:40] + be(good[40] ^ 1, 1) + good[41:])
    yield case("empty", "malformed", b"", reason="receipt-form")
    yield case("truncated", "malformed", good[:-1], reason="receipt-form")
    yield case("trailing", "malformed", good + b"\0")
    yield case("without-proof", "malformed", message)
    yield case("version", "malformed",
               make_receipt(f.receipt(digest, SIGNATURE, f.header(f.RECEIPT, version=2))))
    yield case("magic", "malformed",
               make_receipt(f.receipt(digest, SIGNATURE, f.header(f.RECEIPT, magic=b"zkhsm"))))
    yield case("announcement", "malformed",
               make_receipt(f.receipt(digest, SIGNATURE, f.header(f.ANNOUNCEMENT))))
    yield case("v-zeros", "malformed", message + bytes(65) + good[-32:])
    yield case("r-is-n", "malformed", good[:-32] + be(N))
    yield case("identity-off-curve", "malformed", good,
               identity=D[:-1] + be(D[-1] ^ 1, 1))


def files():
    return {
        "grants.json": {
            "about": "Grants of the HSM hsm_id: what input has to be, the digest that names a "
                     "body, the client's signature over it, and receipts.",
            "hsm_id": HSM_ID.hex(),
            "element": element_name(public(draw("key 0"))).hex(),
            "inputs": list(inputs()),
            "digests": list(digests()),
            "uses": list(uses()),
            "receipts": list(receipts()),
        },
    }
