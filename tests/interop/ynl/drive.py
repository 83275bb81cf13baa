#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""In the virtual machine: one story that takes every command of the family.

Requests and replies go through the kernel's client and the spec only; what the
replies claim is checked by the independent verifier. Started by run.
"""

import encodings.ascii      # noqa: F401  needed later, when it is too late to pack it
import errno
import hashlib
import os
import socket
import subprocess
import sys

import yaml
from lib import NlError, YnlFamily
import verify

DIRECTORY = os.path.dirname(os.path.abspath(__file__))
SPEC = os.path.join(DIRECTORY, "zkhsm.yaml")
KEY = "/tmp/manager.pem"
NOT_SUPPORTED = ("key-mac", "key-derive")


def sha256(data):
    return hashlib.sha256(data).digest()


def command(*argv, data=None):
    return subprocess.run(argv, input=data, stdout=subprocess.PIPE, check=True).stdout


class Manager:
    """A key of OpenSSL's, and orders signed with it."""

    def __init__(self):
        command("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", KEY)
        self.public = command("openssl", "pkey", "-in", KEY, "-pubout", "-outform", "DER")[-65:]
        self.id = sha256(self.public)
        self.number = 0

    def sign(self, data):
        """r | s out of OpenSSL's SEQUENCE of two INTEGERs."""
        der = command("openssl", "dgst", "-sha256", "-sign", KEY, data=data)
        r_end = 4 + der[3]
        return b"".join(int.from_bytes(part, "big").to_bytes(32, "big")
                        for part in (der[4:r_end], der[r_end + 2:]))

    def lease(self, hsm_id, statement, ttl):
        body = (b"ZKHSM" + bytes((16, 0, 1)) + self.id + hsm_id + bytes(8) + statement + bytes(8) +
                ttl.to_bytes(8, "big") + b"\2" + bytes(2))
        return body + self.sign(body)

    def order(self, kind, hsm_id, element):
        self.number += 1
        body = (b"ZKHSM" + bytes((kind,)) + (1).to_bytes(2, "big") + self.id + hsm_id +
                self.number.to_bytes(8, "big") + b"\1" + (1).to_bytes(2, "big") + element)
        return body + self.sign(body)


class Story:
    def __init__(self):
        self.family = YnlFamily(SPEC, schema="")
        # On a socket of its own: this client stumbles over a notification that
        # comes before the reply.
        self.watch = YnlFamily(SPEC, schema="")
        self.watch.ntf_subscribe("events")
        # A reply that does not come is a failure, not a hang.
        self.family.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO,
                                    (30).to_bytes(8, "little") + bytes(8))
        self.driven = set()
        self.count = self.failed = 0

    def result(self, good, name, why=""):
        self.count += 1
        self.failed += not good
        print(f"{'' if good else 'not '}ok {self.count} - {name}", flush=True)
        if not good:
            print(f"# {why}", flush=True)

    def do(self, name, **values):
        self.driven.add((name, "do"))
        return self.family.do(name, {k.replace("_", "-"): v for k, v in values.items()})

    def dump(self, name, **values):
        self.driven.add((name, "dump"))
        return self.family.dump(name, {k.replace("_", "-"): v for k, v in values.items()})

    def refused(self, name, code, what, **values):
        """A refusal has its errno and a sentence, and the client reads both."""
        try:
            reply = self.do(name, **values)
            self.result(False, f"{name}: {what}", f"accepted: {reply}")
        except NlError as error:
            said = (error.nl_msg.extack or {}).get("msg", "")
            self.result(error.error == code and said, f"{name}: {what}",
                        f"{errno.errorcode.get(error.error)}: {said!r}")

    def events(self, name, *expected):
        """The notifications since the last call, of one kind."""
        self.watch.check_ntf()
        found = [m["msg"]["event"] for m in self.watch.async_msg_queue if m["name"] == name]
        self.watch.async_msg_queue.clear()
        self.result(found == list(expected), f"{name}: {', '.join(expected)}", found)

    def hsm(self):
        self.refused("hsm-set", errno.ENOKEY, "not before there is an identity", quorum=1)
        new = self.do("hsm-new", quorum=1, stop=1, wipe=1, agent_uid=0)
        self.events("hsm-ntf", "created")
        self.hsm_id, self.identity = new["hsm-id"], new["identity"]
        self.result(sha256(self.identity) == self.hsm_id, "hsm-new: hsm-id is of the identity", new)
        got = self.do("hsm-get", hsm_id=self.hsm_id)
        self.result(got["identity"] == self.identity and "p256" in got["features"],
                    "hsm-get: the same, with its features by name", got)
        self.refused("hsm-get", errno.EKEYREJECTED, "not for another HSM", hsm_id=bytes(32))
        self.refused("hsm-new", errno.EEXIST, "only once", quorum=1)
        got = self.do("hsm-set", quorum=1, agent_uid=0)
        self.result(got["quorum"] == 1, "hsm-set", got)
        self.watch.check_ntf()
        self.watch.async_msg_queue.clear()

    def keys(self):
        first = self.do("key-new", id="first", type="ec-p256", usage=3)
        self.result(first["origin"] == "generated" and first["state"] == "active",
                    "key-new: enumerations come by name", first)
        self.result(verify.element_name(verify.decode_point(first["public"])) == first["element"],
                    "key-new: the element name is the public key's", first)
        serial = command("keyctl", "padd", "user", "zkhsm-ynl", "@s", data=bytes(31) + b"\2")
        two = self.do("key-new", id="two", type="ec-p256", usage=3, keyring_serial=int(serial))
        expected = verify.encode_point(verify.multi_mul([(2, verify.G)]))
        self.result(two["origin"] == "imported" and two["public"] == expected,
                    "key-new: imported from the keyring", two)
        self.refused("key-new", errno.EEXIST, "an id that is there", id="two", type="ec-p256")
        self.events("key-ntf", "created", "created")
        self.result(self.do("key-get", id="first")["public"] == first["public"], "key-get")
        self.result([k["id"] for k in self.dump("key-get")] == ["first", "two"], "key-get: all")
        got = self.do("key-set", id="two", usage=2)
        self.result(got["usage"] == 2, "key-set: narrowed", got)
        self.refused("key-set", errno.EPERM, "not widened", id="two", usage=3)
        digest = sha256(b"ynl")
        got = self.do("key-sign", id="first", digest=digest)
        self.true("key-sign", verify.verify_ecdsa, first["public"], digest, got["signature"])
        self.refused("key-sign", errno.EACCES, "not what it may not", id="two", digest=digest)
        got = self.do("proof-get", id="two", user_id=b"ynl", other_info=b"other")
        self.true("proof-get", verify.verify_proof, two["public"], b"ynl", b"other", got["proof"])
        self.first, self.two = first, two

    def true(self, name, check, *what):
        try:
            check(*what)
            self.result(True, f"{name}: true for the independent verifier")
        except (verify.Malformed, verify.Untrue) as error:
            self.result(False, f"{name}: true for the independent verifier", error)

    def trust(self):
        self.manager = Manager()
        got = self.do("trust-new", public=self.manager.public, label="ynl")
        self.result(got["manager-id"] == self.manager.id, "trust-new", got)
        got = self.do("trust-get", manager_id=self.manager.id)
        self.result((got["label"], got["last-number"]) == ("ynl", 0), "trust-get", got)
        self.result([m["public"] for m in self.dump("trust-get")] == [self.manager.public],
                    "trust-get: all")
        self.watch.check_ntf()
        self.watch.async_msg_queue.clear()

    def evidence(self):
        nonce = os.urandom(32)
        challenge = {"manager-id": self.manager.id, "nonce": nonce}
        got = self.do("evidence-get", challenge=[challenge])
        self.events("evidence-ntf", "evidence")
        about = self.do("list-get", digest=got["list-digest"])
        chunks = self.dump("list-get")
        whole = b"".join(c["chunk"] for c in chunks)
        self.result(about["length"] == len(whole) and sha256(whole) == about["digest"],
                    "list-get: the chunks are the list", about)
        self.true("list-get", verify.verify_announcement, self.identity, about["announcement"])
        configuration = self.do("hsm-get")["configuration"]
        self.true("evidence-get", verify.verify_evidence, got["evidence"], whole, configuration,
                  self.manager.id, nonce)
        self.refused("evidence-get", errno.EAGAIN, "not over another list", challenge=[challenge],
                     list_digest=bytes(32))
        self.statement = sha256(got["evidence"][:-97])

    def leases(self):
        order = self.manager.lease(self.hsm_id, self.statement, ttl=3600000)
        self.true("order-apply", verify.verify_order, order, self.manager.public, self.hsm_id)
        got = self.do("order-apply", order=order)
        self.result(got["type"] == "lease" and got["expires-ms"] > 0, "order-apply: lease", got)
        one = self.do("lease-get", manager_id=self.manager.id)
        self.result((one["verdict"], one["expires-ms"]) == ("grant", got["expires-ms"]),
                    "lease-get", one)
        self.result([m["number"] for m in self.dump("lease-get")] == [one["number"]],
                    "lease-get: all")
        self.events("lease-ntf", "leased")
        self.refused("order-apply", errno.EALREADY, "no lease twice", order=order)

    def orders(self):
        order = self.manager.order(18, self.hsm_id, self.first["element"])
        got = self.do("order-apply", order=order)
        self.result((got["type"], got["in-turn"], got["keys-changed"]) == ("hold", 1, 1),
                    "order-apply: hold", got)
        self.result(self.do("key-get", id="first")["state"] == "held", "order-apply: it is held")
        self.refused("order-apply", errno.EALREADY, "not twice", order=order)
        self.events("key-ntf", "held")
        order = self.manager.order(17, self.hsm_id, self.first["element"])
        got = self.do("order-apply", order=order)
        self.result((got["type"], got["number"]) == ("revoke", 2), "order-apply: revoke", got)
        got = self.do("key-get", id="first")
        self.result((got["state"], got["reason"]) == ("compromised", "key-compromise"),
                    "order-apply: it is revoked", got)
        self.refused("order-apply", errno.EKEYREJECTED, "not with a false signature",
                     order=self.manager.order(17, self.hsm_id, bytes(32))[:-1] + b"\0")
        self.events("key-ntf", "compromised")

    def sealing(self):
        """This HSM has no KEK."""
        self.refused("hsm-lock", errno.EKEYREJECTED, "not for another HSM", hsm_id=bytes(32))
        self.refused("hsm-seal", errno.EINVAL, "not without a sequence")
        try:
            self.result(False, "hsm-seal: not without a KEK", self.dump("hsm-seal"))
        except NlError as error:
            self.result(error.error == errno.ENOKEY, "hsm-seal: not without a KEK", error)
        got = self.do("hsm-unseal")
        self.result(got["finish"] == 0, "hsm-unseal: nothing is under way", got)
        self.refused("share-new", errno.EINVAL, "not without a share")
        for name in ("share-get", "share-del"):
            self.refused(name, errno.ENOKEY, "of no KEK", kek_id=bytes(16))

    def end(self):
        for name in NOT_SUPPORTED:
            self.refused(name, errno.EOPNOTSUPP, "not supported yet", id="two")
        self.do("key-del", id="two")
        self.events("key-ntf", "deleted")
        self.refused("key-del", errno.ENOKEY, "only once", id="two")
        self.do("trust-del", manager_id=self.manager.id)
        self.events("trust-ntf", "deleted")
        with open(SPEC, encoding="utf-8") as file:
            operations = yaml.safe_load(file)["operations"]["list"]
        every = {(o["name"], how) for o in operations for how in ("do", "dump") if how in o}
        self.result(every == self.driven, f"all {len(every)} commands of the spec were sent",
                    sorted(every ^ self.driven))
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed else 0


def main():
    if sys.argv[1:] == ["--imports"]:
        for module in list(sys.modules.values()):
            if getattr(module, "__file__", None):
                print(os.path.realpath(module.__file__))
        return 0
    story = Story()
    for part in (story.hsm, story.keys, story.trust, story.evidence, story.leases, story.orders,
                 story.sealing):
        part()
    return story.end()


if __name__ == "__main__":
    sys.exit(main())
