# SPDX-License-Identifier: GPL-2.0
"""schnorr.json and ecdsa.json: proofs of one key, signatures, and wrong ones."""

from arithmetic import LOST_CARRY_X, LOST_CARRY_Y
from p256 import (G, N, P, add, be, challenge, decode, draw, ecdsa_sign, ecdsa_verdict, encode,
                  mul, negate, number, prove, public, sha256, verdict)

SECRET = draw("schnorr secret")
NONCE = draw("schnorr nonce")
USER_ID = b"client"
OTHER = b"zkhsm known answer"
OFF_CURVE = b"\x04" + be(LOST_CARRY_X) + be(LOST_CARRY_Y)


def valid_proofs():
    """name, secret, nonce, UserID, OtherInfo"""
    yield "other-absent", SECRET, NONCE, USER_ID, None
    yield "other-present", SECRET, NONCE, USER_ID, OTHER
    yield "other-empty", SECRET, NONCE, USER_ID, b""
    yield "ecjpake-client", draw("schnorr 2"), draw("schnorr nonce 2"), b"client", None
    yield "ecjpake-server", draw("schnorr 3"), draw("schnorr nonce 3"), b"server", None
    yield "user-id-one-byte", SECRET, draw("schnorr nonce 4"), b"\0", None
    yield "user-id-255-bytes", SECRET, draw("schnorr nonce 5"), bytes(range(1, 256)), None
    yield "other-1024-bytes", SECRET, draw("schnorr nonce 6"), USER_ID, bytes(1024)
    yield "user-id-looks-like-an-item", SECRET, draw("schnorr nonce 7"), be(4, 4) + b"abcd", None
    yield "key-smallest", 2, draw("schnorr nonce 8"), USER_ID, None
    yield "key-largest", N - 4, draw("schnorr nonce 9"), USER_ID, None
    yield "key-is-generator", 1, draw("schnorr nonce 10"), USER_ID, None
    yield "key-is-minus-generator", N - 1, draw("schnorr nonce 11"), USER_ID, None
    yield "commitment-is-key", SECRET, SECRET, USER_ID, None
    yield "commitment-is-generator", SECRET, 1, USER_ID, None
    yield "commitment-is-minus-generator", SECRET, N - 1, USER_ID, None
    yield "nonce-smallest", SECRET, 2, USER_ID, None
    yield "nonce-largest", SECRET, N - 4, USER_ID, None


def wrong_proofs():
    """name, verdict, public, UserID, OtherInfo, proof"""
    pub, good = public(SECRET), prove(SECRET, NONCE, USER_ID, None)
    v, r = good[:65], number(good[65:])
    c = challenge(v, pub, USER_ID, None)
    flip = lambda data, i: data[:i] + bytes([data[i] ^ 1]) + data[i + 1:]

    def bad(name, expected, proof, key=pub, user_id=USER_ID, other=None):
        return name, expected, key, user_id, other, proof

    yield bad("r-changed", "false", v + be((r + 1) % N))
    yield bad("r-negated", "false", v + be(-r % N))
    yield bad("r-zero", "false", v + be(0))
    yield bad("r-with-other-sign", "false", v + be((NONCE + SECRET * c) % N))
    yield bad("r-is-n", "malformed", v + be(N))
    yield bad("r-above-n", "malformed", v + be(N + 1))
    yield bad("r-all-ones", "malformed", v + be(2**256 - 1))
    yield bad("v-negated", "false", encode(negate(decode(v))) + good[65:])
    yield bad("v-is-another-point", "false", encode(mul(NONCE + 1)) + good[65:])
    yield bad("v-is-generator", "false", encode(G) + good[65:])
    yield bad("v-off-curve", "malformed", flip(good, 64))
    yield bad("v-off-curve-lost-carry", "malformed", OFF_CURVE + good[65:])
    yield bad("v-zeros", "malformed", bytes(65) + good[65:])
    yield bad("v-coordinate-above-p", "malformed", b"\x04" + be(P) + good[33:])
    yield bad("v-prefix", "malformed", b"\x02" + good[1:])
    yield bad("all-zeros", "malformed", bytes(97))
    yield bad("short", "malformed", good[:-1])
    yield bad("long", "malformed", good + b"\0")
    yield bad("empty", "malformed", b"")
    yield bad("another-user-id", "false", good, user_id=b"server")
    yield bad("user-id-longer", "false", good, user_id=USER_ID + b"\0")
    yield bad("other-appeared", "false", good, other=OTHER)
    yield bad("other-appeared-empty", "false", good, other=b"")
    yield bad("other-vanished", "false", prove(SECRET, NONCE, USER_ID, OTHER))
    yield bad("other-moved-into-user-id", "false", prove(SECRET, NONCE, USER_ID, OTHER),
              user_id=USER_ID + OTHER)
    yield bad("another-key", "false", good, key=public(SECRET + 1))
    yield bad("key-negated", "false", good, key=public(N - SECRET))
    yield bad("key-off-curve", "malformed", good, key=flip(pub, 64))
    yield bad("key-off-curve-lost-carry", "malformed", good, key=OFF_CURVE)
    yield bad("key-zeros", "malformed", good, key=bytes(65))
    # V = r * G with the key left out: what a verifier that forgets c * A takes
    yield bad("without-the-key", "false", encode(mul(r)) + be(r))
    # Weak Fiat-Shamir: c fixed before V
    forged = add(mul(r), mul(12345, decode(pub)))
    yield bad("challenge-chosen", "false", encode(forged) + be(r))


def schnorr_cases():
    for name, secret, v, user_id, other in valid_proofs():
        proof = prove(secret, v, user_id, other)
        assert verdict(public(secret), user_id, other, proof) == "ok", name
        yield {"name": name, "verdict": "ok", "public": public(secret).hex(),
               "user_id": user_id.hex(), "other_info": None if other is None else other.hex(),
               "proof": proof.hex(), "secret": be(secret).hex(), "nonce": be(v).hex()}
    for name, expected, key, user_id, other, proof in wrong_proofs():
        assert verdict(key, user_id, other, proof) == expected, name
        yield {"name": name, "verdict": expected, "public": key.hex(), "user_id": user_id.hex(),
               "other_info": None if other is None else other.hex(), "proof": proof.hex()}


# RFC 6979 appendix A.2.5: key, and k for SHA-256 with these two messages
RFC6979_KEY = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
RFC6979 = (
    (b"sample", 0xA6E3C57DD01ABE90086538398355DD4C3B17AA873382B0F24D6129493D8AAD60,
     "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
     "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"),
    (b"test", 0xD16B6AE827F17175E040871A1C7EC3500192C4C92677336EC2537ACAEE0008E0,
     "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
     "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"),
)


def valid_signatures():
    """name, secret, k, digest"""
    for message, k, signature in RFC6979:
        assert ecdsa_sign(RFC6979_KEY, k, sha256(message)).hex() == signature
        yield "rfc6979-" + message.decode(), RFC6979_KEY, k, sha256(message)
    secret, k = draw("ecdsa secret"), draw("ecdsa k")
    yield "random", secret, k, sha256(b"zkhsm")
    yield "digest-zero", secret, k, bytes(32)
    yield "digest-all-ones", secret, k, b"\xff" * 32
    yield "digest-is-n", secret, k, be(N)
    yield "k-smallest", secret, 2, sha256(b"zkhsm")
    yield "k-largest", secret, N - 4, sha256(b"zkhsm")
    yield "key-smallest", 2, k, sha256(b"zkhsm")
    yield "key-is-generator", 1, k, sha256(b"zkhsm")
    yield "key-is-minus-generator", N - 1, k, sha256(b"zkhsm")
    # u1 = u2, and with the key G both points of the sum are one
    yield "sum-is-a-doubling", 1, k, be(mul(k)[0] % N)


def wrong_signatures():
    """name, verdict, public, digest, signature"""
    secret, k, digest = draw("ecdsa secret"), draw("ecdsa k"), sha256(b"zkhsm")
    pub, good = public(secret), ecdsa_sign(secret, k, digest)
    r, s = number(good[:32]), number(good[32:])
    yield "other-s", "ok", pub, digest, be(r) + be(N - s)
    yield "r-zero", "malformed", pub, digest, be(0) + be(s)
    yield "s-zero", "malformed", pub, digest, be(r) + be(0)
    yield "both-zero", "malformed", pub, digest, bytes(64)
    yield "r-is-n", "malformed", pub, digest, be(N) + be(s)
    yield "s-is-n", "malformed", pub, digest, be(r) + be(N)
    yield "r-all-ones", "malformed", pub, digest, be(2**256 - 1) + be(s)
    yield "s-all-ones", "malformed", pub, digest, be(r) + be(2**256 - 1)
    yield "short", "malformed", pub, digest, good[:-1]
    yield "long", "malformed", pub, digest, good + b"\0"
    yield "r-changed", "false", pub, digest, be(r ^ 1) + be(s)
    yield "s-changed", "false", pub, digest, be(r) + be(s ^ 1)
    yield "swapped", "false", pub, digest, be(s) + be(r)
    yield "r-negated", "false", pub, digest, be(N - r) + be(s)
    yield "another-digest", "false", pub, sha256(b"zkhsn"), good
    yield "another-key", "false", public(secret + 1), digest, good
    yield "key-negated", "false", public(N - secret), digest, good
    yield "key-off-curve", "malformed", OFF_CURVE, digest, good
    yield "key-zeros", "malformed", bytes(65), digest, good
    # u1 * G + u2 * A is the identity: e = -r with the key G
    yield "sum-is-identity", "false", encode(G), be(N - r), be(r) + be(s)
    # The right r as an x-coordinate of the field, one n too high
    yield "r-not-reduced", "malformed", pub, digest, be(min(r + N, 2**256 - 1)) + be(s)


def ecdsa_cases():
    for name, secret, k, digest in valid_signatures():
        signature = ecdsa_sign(secret, k, digest)
        assert ecdsa_verdict(public(secret), digest, signature) == "ok", name
        yield {"name": name, "verdict": "ok", "public": public(secret).hex(),
               "digest": digest.hex(), "signature": signature.hex(), "secret": be(secret).hex(),
               "k": be(k).hex()}
    for name, expected, key, digest, signature in wrong_signatures():
        assert ecdsa_verdict(key, digest, signature) == expected, name
        yield {"name": name, "verdict": expected, "public": key.hex(), "digest": digest.hex(),
               "signature": signature.hex()}


def files():
    return {
        "schnorr.json": {
            "about": "Proofs of one key (RFC 8235). other_info null is absent. secret and nonce "
                     "are there where a prover can make the same proof.",
            "cases": list(schnorr_cases()),
        },
        "ecdsa.json": {
            "about": "ECDSA P-256 over a SHA-256 digest, r | s. secret and k are there where a "
                     "signer can make the same signature.",
            "cases": list(ecdsa_cases()),
        },
    }
