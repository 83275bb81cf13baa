#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Read a verification token as somebody would who knows RFC 7519, draft-ietf-rats-ear and
PyJWT, and nothing of zkhsm.

    ear.py verify JWKS AUDIENCE NONCE MAX_AGE_S   a token from standard input
    ear.py sign                                   claims from standard input

"verify" prints the claims, or a line that begins with "!" and says what is wrong. "sign"
makes a key, and prints a JWK set and a token of these claims, one a line.
"""

import base64
import hashlib
import json
import sys
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

# draft-ietf-rats-ear section 3.1, and draft-ietf-rats-ar4si section 2.3.2: status by tier.
TIERS = {"none": 0, "affirming": 2, "warning": 32, "contraindicated": 96}
VECTOR = {"instance-identity", "configuration", "executables", "file-system", "hardware",
          "runtime-opaque", "storage-opaque", "sourced-data"}


class Wrong(Exception):
    """What a token must not be."""


def need(condition, text):
    if not condition:
        raise Wrong(text)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def thumbprint(jwk):
    """RFC 7638."""
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return b64(hashlib.sha256(text.encode()).digest())


def tier(claim):
    """Of a trustworthiness claim, draft-ietf-rats-ar4si section 2.3.2."""
    if -1 <= claim <= 1:
        return 0
    if -32 <= claim <= 31:
        return 2
    return 32 if -96 <= claim <= 95 else 96


def check_appraisal(name, appraisal):
    need(appraisal["ear.status"] in TIERS, "ear.status")
    need(isinstance(appraisal["ear.appraisal-policy-id"], str), "ear.appraisal-policy-id")
    need(":" in appraisal["ear.appraisal-policy-id"], "the policy's id is no URI")
    vector = appraisal.get("ear.trustworthiness-vector", {"instance-identity": 0})
    need(vector and set(vector) <= VECTOR, "the claims of the vector")
    need(all(isinstance(v, int) and -128 <= v <= 127 for v in vector.values()), "their values")
    need(max(map(tier, vector.values())) <= TIERS[appraisal["ear.status"]],
         "a status better than its vector")
    about = appraisal["zkhsm"]
    need(about["key_id"] == name, "the appraisal is not of the key that it is named after")
    for member in ("hsm_id", "element"):
        need(len(bytes.fromhex(about[member])) == 32, member)
    need(len(base64.urlsafe_b64decode(about["jkt"] + "=")) == 32, "jkt")
    return about


def check_claims(claims, nonce, max_age_s):
    need(claims["eat_profile"] == "tag:ietf.org,2026:rats/ear#02", "eat_profile")
    need(set(claims["ear.verifier-id"]) == {"developer", "build"}, "ear.verifier-id")
    need(claims.get("eat_nonce", "") == nonce, "eat_nonce")
    need(claims["jti"], "jti")
    need(len(claims["submods"]) == 1, "submods")
    for name, appraisal in claims["submods"].items():
        about = check_appraisal(name, appraisal)
        attested_s = about["attested_at_ms"] // 1000
        need(attested_s <= claims["iat"] < claims["exp"] <= attested_s + max_age_s,
             "the order of its times")
        need(abs(claims["iat"] * 1000 - about["attested_at_ms"] - about["age_ms"]) < 2000, "age")
    status = claims.get("status")
    if status is not None:
        need(status["status_list"]["idx"] >= 0, "idx")
        need(status["status_list"]["uri"].startswith("https://"), "uri")


def verify(jwks_file, audience, nonce, max_age_s):
    with open(jwks_file, encoding="utf-8") as file:
        keys = {key["kid"]: key for key in json.load(file)["keys"]}
    token = sys.stdin.read().strip()
    header = jwt.get_unverified_header(token)
    need(header == {"alg": "ES256", "typ": "JWT", "kid": header["kid"]}, "the header")
    need(header["kid"] in keys, "the key is not in the set")
    key = keys[header["kid"]]
    need(thumbprint(key) == header["kid"], "kid is not the thumbprint")
    claims = jwt.decode(token, jwt.PyJWK(key).key, algorithms=["ES256"], audience=audience,
                        options={"require": ["exp", "iat", "iss", "aud", "jti"]})
    need(claims["iat"] <= time.time(), "iat is in the future")
    check_claims(claims, nonce, int(max_age_s))
    print(json.dumps(claims, sort_keys=True))


def sign():
    claims = json.load(sys.stdin)
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "x": b64(numbers.x.to_bytes(32, "big")),
           "y": b64(numbers.y.to_bytes(32, "big"))}
    jwk["kid"] = thumbprint(jwk)
    print(json.dumps({"keys": [jwk]}))
    print(jwt.encode(claims, key, algorithm="ES256", headers={"kid": jwk["kid"], "typ": "JWT"}))


def main():
    commands = {"verify": verify, "sign": sign}
    try:
        commands[sys.argv[1]](*sys.argv[2:])
    except (Wrong, jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
        print(f"! {error!r}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
