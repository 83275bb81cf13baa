# SPDX-License-Identifier: GPL-2.0
"""What the rules do not give: stories that a reader might think impossible.

Each is told by the model step by step, so that it is known to be possible, and noticed
when it is not any more: then it goes from here, and from Documentation/testing.rst.
"""

import collections

from configs import ABC, Setup, c
from kernel import COMPROMISED, HELD, HOLD, RELEASE, REVOKE, TRUST, Change, Lease, Order
from world import World, show

# end: of the world, whether it has come to what was told.
Gap = collections.namedtuple("Gap", "name says setup actions end")

A, B, C, D = range(4)
PLENTY = {"lie": 9, "evidence": 9, "key": 9, "seal": 9, "reboot": 9}


def signs(m, kind, subject=0):
    return [("make", m, kind, subject)]


def gets(m, number, kind, subject=0):
    return [("order", m, Order(number, kind, subject))]


def orders(m, number, kind, subject=0):
    """Signed and delivered."""
    return signs(m, kind, subject) + gets(m, number, kind, subject)


def story(name, says, config, actions, end, **given):
    setup = Setup(name, config, budget=PLENTY, **given)
    return Gap(name, says, setup, actions, end)


BEFORE, AFTER, BETWEEN = c(2, 1, 2, ABC), c(2, 2, 2, ABC), c(2, 1, 2, ABC, 1)
OTHERS = c(2, 2, 2, (A, B, D))


def both(m, first, other, second, change):
    """Two managers order one change."""
    return orders(m, first, TRUST, change) + gets(other, second, TRUST, change)


STORIES = [
    story("old-release",
          "a release that the agent kept back clears a hold that it knew nothing of",
          c(2, 1, 2, ABC),
          gets(C, 1, HOLD) + signs(A, RELEASE) + orders(B, 1, HOLD) +
          gets(A, 1, RELEASE) + gets(C, 2, RELEASE),
          lambda w: w.kernel.usable(0), liars=(C,)),
    story("stubborn",
          "one lying manager's holds, fewer than stop, keep a held key from being released",
          c(2, 2, 2, ABC),
          orders(A, 1, HOLD) + orders(B, 1, HOLD) +
          orders(A, 2, RELEASE) + gets(C, 1, HOLD) + orders(B, 2, RELEASE) +
          gets(C, 2, HOLD) + orders(A, 3, RELEASE) + gets(C, 3, HOLD) + orders(B, 3, RELEASE),
          lambda w: w.kernel.state[0] == HELD, liars=(C,)),
    story("one-after-the-other",
          "two liars wipe who were never pinned together: a vote outlives its manager's pin",
          c(2, 2, 2, ABC),
          gets(C, 1, REVOKE) + both(A, 1, B, 1, Change(c(2, 2, 2, ABC), OTHERS)) +
          gets(D, 1, REVOKE),
          lambda w: w.kernel.state[0] == COMPROMISED, managers=4, liars=(C, D)),
    story("there-and-back",
          "a trust-change that the agent kept back acts when C is again what it was",
          BEFORE,
          signs(A, TRUST, Change(BEFORE, AFTER)) +
          both(B, 1, C, 1, Change(BEFORE, BETWEEN)) + both(B, 2, C, 2, Change(BETWEEN, BEFORE)) +
          gets(A, 1, TRUST, Change(BEFORE, AFTER)) + gets(C, 3, TRUST, Change(BEFORE, AFTER)),
          lambda w: w.kernel.config == AFTER, liars=(C,)),
    story("equal-numbers",
          "a manager restored from a backup uses a number again that has acted ahead: its"
          " release is counted and does nothing",
          c(1, 1, 1, (A,)),
          gets(A, 2, HOLD) + orders(A, 1, HOLD, 1) + orders(A, 2, RELEASE),
          lambda w: w.kernel.state[0] == HELD and w.kernel.counter == [2], elements=2),
    story("rollback",
          "a state from before a hold comes back, and the other managers' leases serve",
          c(2, 1, 2, ABC),
          orders(A, 1, HOLD) + [("reboot", 0), ("evidence",), ("answer-last", B),
                                ("answer-last", C)] +
          [("lease", m, Lease(2, 1, 0, 2, 1)) for m in (B, C)],
          lambda w: w.kernel.usable(0), needs_lease=1, store="hostile"),
]


def tell(gap):
    """Return: whether it is as told, and the steps."""
    world, texts = World(gap.setup), []
    for action in gap.actions:
        if action[0] == "answer-last":
            action = ("answer", action[1], world.account.evidence[-1])
        told, wrong = world.step(action)
        texts.append(f"{show(gap.setup, action)}: {told}")
        if wrong:
            texts.append(wrong)
    return gap.end(world), texts
