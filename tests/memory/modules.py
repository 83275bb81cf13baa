# SPDX-License-Identifier: GPL-2.0
"""The modules that are looked at: the real one, the test build, and its mutants."""

import fcntl
import os
import shutil
import subprocess
import sys
from typing import NamedTuple

import patterns

TOP = patterns.TOP
sys.path.insert(0, os.path.join(TOP, "tests/vm"))

from harness import Failure, machine  # noqa: E402

HOOK = "ZKHSM_TEST_NONCES=1"
BUILD = os.path.join(TOP, "build/memory")


class Module(NamedTuple):
    name: str
    path: str


class Mutant(NamedTuple):
    """@edits: (file, text, what takes its place), each text there at least once;
    @seen: the checkpoint, and what the words found there must be named after."""
    edits: tuple
    seen: tuple


MUTANTS = {
    "freed without a wipe": Mutant(
        (("secret.c", "kfree_sensitive(s->", "kfree(s->"),),
        ("destroyed", ("del0", "del1"))),
    "stack not burnt": Mutant(
        (("group.c", "burn_frame(2);", "(void)burn_frame;"),),
        ("alive", (": v", ": k", "+n", "HMAC"))),
    "evidence freed without a wipe": Mutant(
        (("batch.c", "memzero_explicit(b, sizeof(*b));", ""),
         ("evidence.c", "kfree_sensitive(w);", "kfree(w);")),
        ("alive", ("evidence: v", "evidence: sum"))),
    "transform keeps the scalar": Mutant(
        (("group.c", "err = slot_forget_secret(slot);", "err = 0;"),),
        ("alive", (": v", ": k"))),
    "transform keeps the key of HMAC": Mutant(
        (("transcript.c", "err = crypto_shash_setkey(hmac_tfm, zero_key, sizeof(zero_key));",
          "err = zero_key[0];"),),
        ("alive", ("HMAC",))),
    "seed stays when unloaded": Mutant(
        (("nonce.c", "memzero_explicit(nonce_seed, sizeof(nonce_seed));", ""),),
        ("unloaded", ("nonce_seed",))),
    "transform keeps a one-time key": Mutant(
        (("box.c", "reset = crypto_aead_setkey(tfm, nobodys, sizeof(nobodys));",
          "reset = nobodys[0];"),),
        ("alive", ("one-time key",))),
    "shares stay when combined": Mutant(
        (("share.c", "memzero_explicit(set->y, sizeof(set->y));", ""),),
        ("alive", ("share0", "share1"))),
    "opened and freed without a wipe": Mutant(
        (("unseal.c", "kfree_sensitive(buf);", "kfree(buf);"),),
        ("unsealed", ("identity", "gen0", "unl0", "held0", "narrow0", "off0"))),
    "sealing freed with its KEK": Mutant(
        (("seal.c", "zkhsm_kek_wipe(&o->kek);", ""),),
        ("rekeyed", ("KEK[", "KEK: set key["))),
    "KEK stays when unloaded": Mutant(
        (("seal.c", "zkhsm_kek_wipe(&seal.kek);", ""),),
        ("unloaded", ("KEK",))),
}


def build_module(kernel, suffix, *arguments, top=TOP):
    environment = {k: v for k, v in os.environ.items() if k != "ZKHSM_TEST_NONCES"}
    return subprocess.run(["nice", os.path.join(top, "tools/build-module"),
                           machine.Kernel(kernel).kdir, *arguments],
                          env=dict(environment, SUFFIX=suffix), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)


def build_programs():
    """Under the lock of tools/vm: two makes must not write one file."""
    built = os.path.join(TOP, "build/userspace/tests/memory")
    os.makedirs(os.path.join(TOP, "build"), exist_ok=True)
    with open(os.path.join(TOP, "build/.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["make", "-s", "-j2", "-C", os.path.join(TOP, "userspace"), "all",
                               f"{built}/guest", f"{built}/search"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"user space: {done.stderr}")


def copy_changed(source, target, edits):
    """Only what changed is written, so that make does not start anew."""
    with open(source) as file:
        text = file.read()
    for old, new in edits:
        if old not in text:
            raise Failure(f"{source}: no {old!r} to break")
        text = text.replace(old, new)
    if os.path.exists(target):
        with open(target) as file:
            if file.read() == text:
                return
    with open(target, "w") as file:
        file.write(text)


def tree(name):
    """A copy of what a module is built from, with the mutant's edits; one for all of them."""
    top = os.path.join(BUILD, "mutant")
    os.makedirs(os.path.join(top, "tools"), exist_ok=True)
    shutil.copytree(os.path.join(TOP, "include"), os.path.join(top, "include"),
                    dirs_exist_ok=True)
    shutil.copy(os.path.join(TOP, "tools/build-module"), os.path.join(top, "tools"))
    copy_changed(os.path.join(TOP, "Kbuild"), os.path.join(top, "Kbuild"), ())
    os.makedirs(os.path.join(top, "kmod"), exist_ok=True)
    edits = MUTANTS[name].edits
    for file in os.listdir(os.path.join(TOP, "kmod")):
        if file == "Kbuild" or file.endswith((".c", ".h")):
            copy_changed(os.path.join(TOP, "kmod", file), os.path.join(top, "kmod", file),
                         [(old, new) for where, old, new in edits if where == file])
    return top


def build(kernel, name):
    if name == "module":
        done = build_module(kernel, "")
    elif name == "test build":
        done = build_module(kernel, "-hook", HOOK)
    else:
        done = build_module(kernel, "-hook", HOOK, top=tree(name))
    if done.returncode:
        raise Failure(f"{name}: {done.stderr}")
    path = done.stdout.strip().splitlines()[-1]
    if name in MUTANTS:
        path = shutil.copy(path, os.path.join(BUILD, name.replace(" ", "-") + ".ko"))
    return Module(name, path)


def install(kernel, module):
    """tools/install-module, in a tree of its own where @module is the one built."""
    kernel = machine.Kernel(kernel)
    top = os.path.join(BUILD, "install")
    shutil.rmtree(top, ignore_errors=True)
    for directory in ("tools", f"build/{kernel.release}"):
        os.makedirs(os.path.join(top, directory))
    shutil.copy(os.path.join(TOP, "tools/install-module"), os.path.join(top, "tools"))
    shutil.copy(module, os.path.join(top, "build", kernel.release, "zkhsm.ko"))
    return subprocess.run([os.path.join(top, "tools/install-module"), kernel.kdir,
                           os.path.join(top, "root")], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
