# SPDX-License-Identifier: GPL-2.0
"""Modules with a mistake that only shows when memory gives out."""

import os
import shutil
from typing import NamedTuple

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TREE = os.path.join(TOP, "build/faults")


class Mutant(NamedTuple):
    """@edits: (file, text, what takes its place), each text there once; @run: the
    program and its tests; @says: what the program, or the machine, has to say."""
    edits: tuple
    run: tuple
    says: tuple


KEY_NEW = """\
	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply)
		return -ENOMEM;
	err = zkhsm_op_key_new(&req, &key, info->extack);
"""
KEY_NEW_LATE = """\
	err = zkhsm_op_key_new(&req, &key, info->extack);
	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply)
		return -ENOMEM;
"""

MUTANTS = {
    "done before the answer has memory; no sentence; a lost event that nobody is told of": Mutant(
        (("netlink-key.c", KEY_NEW, KEY_NEW_LATE),
         ("order.c", "err = zkhsm_refuse_failure(extack, err);\n\t\tgoto out;", "goto out;"),
         ("netlink-event.c", "\tgenl_set_err(", "\tif (0)\n\t\tgenl_set_err(")),
        ("faults", "keys", "managers", "orders"),
        ("key-new [0-9]+: not done, but something has changed",
         r"order-apply \(hold\) [0-9]+: ENOMEM without a sentence",
         "trust-new [0-9]+: 0 events of 1, and nobody was told")),
    "failed evidence takes a list away, and leaks": Mutant(
        (("list.c", "\t\tinstall(list);", "\t\tinstall(list), zkhsm_list_keep(list);"),
         ("evidence.c", "\tkfree_sensitive(w);", "\tif (!err)\n\t\tkfree_sensitive(w);")),
        ("faults", "evidence"),
        (r"evidence-get \(new list\) [0-9]+: not done, but something has changed",
         "kmemleak reports leaks")),
    "memory that was not given is used": Mutant(
        (("order.c", "\t\tif (!e || !v)\n\t\t\treturn -ENOMEM;\n", ""),),
        ("faults", "orders"),
        ("KASAN|BUG|Oops|panic|list_",)),
    "a self-test without memory has failed": Mutant(
        (("selftest.c", "\tno_memory |= err == -ENOMEM;\n", ""),),
        ("faults_load",),
        ("load [0-9]+: ELIBBAD",)),
}


def copy(source, target, edits):
    """Only what changes is written, so that make does not start anew."""
    with open(source) as file:
        text = file.read()
    for old, new in edits:
        if text.count(old) != 1:
            raise LookupError(f"{os.path.basename(source)}: {text.count(old)} times {old!r}")
        text = text.replace(old, new)
    if os.path.exists(target):
        with open(target) as file:
            if file.read() == text:
                return
    with open(target, "w") as file:
        file.write(text)


def tree(mutant):
    """What a module is built from, with the edits; one directory for all mutants."""
    for name in ("kmod", "tools"):
        os.makedirs(os.path.join(TREE, name), exist_ok=True)
    shutil.copytree(os.path.join(TOP, "include"), os.path.join(TREE, "include"),
                    dirs_exist_ok=True)
    shutil.copy(os.path.join(TOP, "tools/build-module"), os.path.join(TREE, "tools"))
    copy(os.path.join(TOP, "Kbuild"), os.path.join(TREE, "Kbuild"), ())
    for name in os.listdir(os.path.join(TOP, "kmod")):
        if name == "Kbuild" or name.endswith((".c", ".h")):
            copy(os.path.join(TOP, "kmod", name), os.path.join(TREE, "kmod", name),
                 [(old, new) for where, old, new in mutant.edits if where == name])
    return TREE
