# SPDX-License-Identifier: GPL-2.0
"""Faults put into a copy of the module, to see that the fuzzer finds them."""

import os
import shutil
import subprocess
from dataclasses import dataclass


class Failed(Exception):
    pass


@dataclass
class Fault:
    name: str
    file: str
    old: str
    new: str
    sign: str       # what the fuzzer, or the kernel, has to say


ALL = (
    Fault("a variable binary without its bound", "netlink.c",
          "ZKHSM_A_PROOF_USER_ID, REQUIRED, 1, ZKHSM_USER_ID_MAX_LEN }",
          "ZKHSM_A_PROOF_USER_ID, REQUIRED }",
          "proof-get was done, and the spec does not allow"),
    Fault("a secret in a reply", "use.c",
          "	zkhsm_live_put(live);\n	return finish(err, grant, sig,",
          "	memcpy(sig + 32, live->secret.mont, 32);\n	zkhsm_live_put(live);\n"
          "	return finish(err, grant, sig,",
          "has a secret in it"),
    Fault("a refusal without a sentence", "trust.c",
          "return zkhsm_refuse(extack, -ENOKEY, ZKHSM_REASON_NOT_PINNED, \"this manager",
          "return -ENOKEY ?: zkhsm_refuse(extack, -ENOKEY, ZKHSM_REASON_NOT_PINNED, \"this manager",
          "ENOKEY without a reason"),
    Fault("a table of challenges without its end", "netlink-attest.c",
          "if (ev->challenge_count == ZKHSM_MANAGERS_MAX) {",
          "if (ev->challenge_count == 4 * ZKHSM_MANAGERS_MAX) {",
          "UBSAN|KASAN|Kernel panic|is tainted"),
    Fault("a key that an order changed, without a reference", "order.c",
          "	zkhsm_key_get(key);\n	c->key = key;", "	c->key = key;",
          "KASAN|refcount|Kernel panic|is tainted"),
    Fault("an administrator's command for everybody", "access.c",
          "[ZKHSM_CMD_TRUST_DEL] = ZKHSM_CLASS_ADMIN", "[ZKHSM_CMD_TRUST_DEL] = ZKHSM_CLASS_PUBLIC",
          "trust-del was done for uid"),
    Fault("a lease that is freed and still counts", "lease-apply.c",
          "		swap(m->lease, l);\n", "		m->lease = l;\n",
          "KASAN|Kernel panic|is tainted"),
    Fault("leases for everybody to see", "access.c",
          "[ZKHSM_CMD_LEASE_GET] = ZKHSM_CLASS_AGENT", "[ZKHSM_CMD_LEASE_GET] = ZKHSM_CLASS_PUBLIC",
          "lease-get was done for uid"),
    Fault("half a KEK for its id", "kek.c",
          "memcpy(id, mac, ZKHSM_KEK_ID_LEN);", "memcpy(id, key, ZKHSM_KEK_ID_LEN);",
          "has a secret in it"),
    Fault("a new KEK at the agent's request", "netlink-seal.c",
          "if (req.rekey && !zkhsm_access_admin(cb->skb)) {",
          "if (req.rekey && !zkhsm_access_agent(cb->skb)) {", "changes the KEK"),
    Fault("evidence of what is not stored", "record.c",
          "return enabled ? waiting_count + (head_changed > head_stored) : 0;",
          "return enabled ? waiting_count : 0;", "evidence of what is not stored"),
    Fault("keys of an unsealing that failed", "unseal.c",
          "	zkhsm_keystore_exit();\n", "", "hsm-unseal: |is tainted|Kernel panic"),
    Fault("records that wait though they are stored", "seal.c",
          "		zkhsm_record_committed(r, o->m.number);\n", "", "and something waits"),
)


def build(fault, kdir, traced, arguments):
    """The module with @fault in it; @traced is the directory of the one without."""
    directory = traced + "-mutant"
    for name in ("kmod", "include"):
        shutil.rmtree(os.path.join(directory, name), ignore_errors=True)
        shutil.copytree(os.path.join(traced, name), os.path.join(directory, name),
                        ignore=shutil.ignore_patterns("*.o", "*.cmd", "*.mod*"))
    shutil.copy(os.path.join(traced, "Kbuild"), directory)
    path = os.path.join(directory, "kmod", fault.file)
    with open(path) as file:
        text = file.read()
    if text.count(fault.old) != 1:
        raise Failed(f"{fault.name}: not once in {fault.file}: {fault.old!r}")
    with open(path, "w") as file:
        file.write(text.replace(fault.old, fault.new))
    done = subprocess.run(["make", "-s", "-C", kdir, f"M={directory}", "WERROR=0",
                           *arguments, "modules"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise Failed(f"{fault.name}: {done.stdout[-2000:]}")
    return os.path.join(directory, "zkhsm.ko")
