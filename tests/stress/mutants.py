# SPDX-License-Identifier: GPL-2.0
"""Modules with a fault each, which the stress must find.

A fault is a change of the sources' text, made in a copy; a text that is not
there exactly once any more fails, so that no mutant dies out unseen.
"""

import os
import re
import shutil
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Mutant:
    def __init__(self, name, kernel, fault, expected, *changes):
        self.name, self.kernel, self.fault = name, kernel, fault
        self.expected, self.changes = expected, changes

    def copy(self, directory):
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        for name in ("Kbuild", "kmod", "include", "tools/build-module"):
            source, target = os.path.join(TOP, name), os.path.join(directory, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if os.path.isdir(source):
                shutil.copytree(source, target)
            else:
                shutil.copy(source, target)
        for name, old, new in self.changes:
            path = os.path.join(directory, "kmod", name)
            with open(path) as file:
                text = file.read()
            if text.count(old) != 1:
                raise LookupError(f"{name}: {text.count(old)} times: {old}")
            with open(path, "w") as file:
                file.write(text.replace(old, new))

    def build(self, results):
        """The path of the module, or None after a failed result."""
        directory = os.path.join(TOP, "build/stress", self.name)
        try:
            self.copy(directory)
            found = subprocess.run([os.path.join(TOP, "tools/kernels"), self.kernel],
                                   stdout=subprocess.PIPE, text=True, check=True).stdout
            kdir = re.search(r"^KDIR=(.*)$", found, re.M).group(1)
            done = subprocess.run([os.path.join(directory, "tools/build-module"), kdir],
                                  capture_output=True, text=True)
            if done.returncode:
                raise LookupError(done.stderr)
            return done.stdout.strip().splitlines()[-1]
        except (LookupError, subprocess.CalledProcessError) as error:
            results.result(False, f"mutant {self.name} builds", str(error))
            return None


ALL = {mutant.name: mutant for mutant in (
    Mutant("release", "6.12", "a result gets out without a second look at its key",
           r"\S+ by s\d\d got out after its stop had been acknowledged",
           ("key.c", """	err = may_use(key, usage, grant, &unleased, extack);
	if (err) {
		up_read(&zkhsm_lock);
		return err;
	}
	note_use""", """	err = 0;
	unleased = false;
	note_use""")),
    Mutant("moment", "6.12", "S shows counters newer than its list",
           r"S shows (revocation|hold) \d+ applied, and L its key s\d\d active",
           ("evidence.c", "if (!err && zkhsm_keystore_generation() != list->generation)",
            "if (0)")),
    Mutant("twice", "6.12", "whether an id is free is not looked at under the lock",
           r"two have want-\d at once|\d+ keys out of order",
           ("ops.c", "	if (zkhsm_keystore_find(key->id))\n		return refuse_taken(extack);\n",
            "")),
    Mutant("order", "6.12", "changes are told after the lock has been given up",
           r"\d+ events about s\d\d after its deletion|the last event said \d|"
           r"\d+ events about s\d\d before its creation",
           ("ops.c", """	downgrade_write(&zkhsm_lock);
	zkhsm_nl_event_key(event, info);
	up_read(&zkhsm_lock);
""", """	up_write(&zkhsm_lock);
	usleep_range(2000, 9000);
	down_read(&zkhsm_lock);
	zkhsm_nl_event_key(event, info);
	up_read(&zkhsm_lock);
"""),
           ("ops.c", "#include <linux/atomic.h>\n",
            "#include <linux/atomic.h>\n#include <linux/delay.h>\n")),
    Mutant("counter", "kcsan", "a counter that is neither locked nor atomic",
           r"BUG: KCSAN: data-race in \S+ \[zkhsm\].*",
           ("netlink.c", "	u8 cmd = info->genlhdr->cmd;\n	int err;\n\n",
            "	static unsigned long requests;\n	u8 cmd = info->genlhdr->cmd;\n	int err;\n\n"
            "	if (++requests == ~0UL)\n		return -EBUSY;\n")),
)}
