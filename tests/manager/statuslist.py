#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Read status lists as a relying party would that has nothing of zkhsm: HTTPS and
zlib of Python, signatures by PyJWT.

    statuslist.py CA ISSUER_URL

Then each line of standard input is one question, and has one line of answer:
"URI IDX" what the status is there, as a number; "size URI" how many entries the list
has and how long its token is; "cached URI" 0 if who has it is told so; "all" how many
lists there are. A line that begins with "!" says what is wrong.
"""

import base64
import http.client
import json
import ssl
import sys
import time
import urllib.parse
import zlib

import jwt

TYPE = "application/statuslist+jwt"


class Wrong(Exception):
    """What a status list must not be."""


def need(condition, text):
    if not condition:
        raise Wrong(text)


class Reader:
    def __init__(self, ca_file, base):
        self.context = ssl.create_default_context(cafile=ca_file)
        self.base = base
        answer, body = self.get(base + "/.well-known/zkhsm/jwks.json")
        need(answer.status == 200, "no JWK set")
        self.keys = {key["kid"]: jwt.PyJWK(key).key for key in json.loads(body)["keys"]}

    def get(self, uri, headers=None):
        parts = urllib.parse.urlsplit(uri)
        need(parts.scheme == "https", f"{uri} is not https")
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=60,
                                                 context=self.context)
        connection.request("GET", parts.path, headers=headers or {})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer, body

    def verified(self, token):
        head = jwt.get_unverified_header(token)
        need(head["typ"] == "statuslist+jwt", f"typ is {head['typ']}")
        need(head["alg"] == "ES256", f"alg is {head['alg']}")
        return jwt.decode(token, self.keys[head["kid"]], algorithms=["ES256"],
                          options={"require": ["sub", "iat", "exp", "iss"]})

    def check_cached(self, uri, answer):
        """Who has it is told that it is the same, and for how long."""
        etag = answer.getheader("ETag")
        need(etag and etag[0] == etag[-1] == '"', f"ETag is {etag}")
        for match in (etag, f'"other", W/{etag}', "*"):
            again, body = self.get(uri, {"If-None-Match": match})
            # Signed anew meanwhile it has another tag, and is sent.
            if again.getheader("ETag") == etag:
                need(again.status == 304 and not body, f"{again.status} for If-None-Match {match}")
        again, body = self.get(uri, {"If-None-Match": etag[:-1] + 'x"'})
        need(again.status == 200 and body, f"{again.status} for another tag")

    def token(self, uri):
        answer, body = self.get(uri, {"Accept": TYPE})
        need(answer.status == 200, f"status {answer.status}")
        need(answer.getheader("Content-Type") == TYPE, answer.getheader("Content-Type"))
        need(answer.getheader("Access-Control-Allow-Origin") == "*", "not for browsers")
        return answer, body

    def bits(self, uri):
        answer, body = self.token(uri)
        claims = self.verified(body.decode())
        need(claims["sub"] == uri, f"sub is {claims['sub']}")
        need(claims["iat"] <= time.time() < claims["exp"], "not of now")
        need(isinstance(claims["ttl"], int) and claims["ttl"] > 0, f"ttl is {claims['ttl']}")
        kept = answer.getheader("Cache-Control")
        need(kept.startswith("max-age=") and
             0 < int(kept[8:]) <= min(claims["ttl"], claims["exp"] - claims["iat"]),
             f"Cache-Control is {kept}")
        status = claims["status_list"]
        need(status["bits"] == 2, f"bits is {status['bits']}")
        need(status["aggregation_uri"] == uri.rpartition("/")[0], "aggregation_uri")
        need("=" not in status["lst"], "padded")
        packed = base64.urlsafe_b64decode(status["lst"] + "=" * (-len(status["lst"]) % 4))
        return answer, body, zlib.decompress(packed)

    def ask(self, line):
        words = line.split()
        if words == ["all"]:
            answer, body = self.get(self.base + "/v1/status-lists")
            need(answer.status == 200, f"status {answer.status}")
            uris = json.loads(body)["status_lists"]
            need(len(set(uris)) == len(uris), "a list twice")
            return len(uris)
        if words[0] == "size":
            _, body, bits = self.bits(words[1])
            return f"{len(bits) * 4} {len(body)}"
        if words[0] == "cached":
            answer, _ = self.token(words[1])
            self.check_cached(words[1], answer)
            return 0
        _, _, bits = self.bits(words[0])
        index = int(words[1])
        return bits[index // 4] >> 2 * (index % 4) & 3


def main():
    reader = Reader(sys.argv[1], sys.argv[2])
    for line in sys.stdin:
        try:
            print(reader.ask(line), flush=True)
        except (Wrong, jwt.PyJWTError, OSError, KeyError, ValueError, zlib.error) as error:
            print(f"! {line.strip()}: {type(error).__name__}: {error}", flush=True)


if __name__ == "__main__":
    main()
