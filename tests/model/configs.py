# SPDX-License-Identifier: GPL-2.0
"""The configurations that are searched, each as small as shows its rules."""

from kernel import HOLD, RELEASE, REVOKE, TRUST, Change, Config

VOTES = (HOLD, REVOKE, RELEASE)


def tolerated(config):
    """How many lying managers DESIGN's formula allows for safety: they decide nothing alone."""
    return min(config.quorum, config.wipe) - 1


class Setup:
    """Bounds of one search.

    orders: how many each honest manager makes; words: which, and those of the liars, as
    (kind, subject); window: ticks in which a manager answers evidence; store: None, "honest"
    (the last state that was stored comes back) or "hostile" (any one); lives: whether fair
    continuations are tried; tolerates: whether lying managers alone must decide nothing.
    """

    def __init__(self, name, config, **given):
        self.name, self.config = name, config
        self.managers = given.pop("managers", len(config.managers))
        self.liars = given.pop("liars", ())
        self.elements = given.pop("elements", 1)
        self.needs_lease = given.pop("needs_lease", 0)
        self.orders = given.pop("orders", {})
        self.budget = given.pop("budget", {})
        self.words = self.all_words(given.pop("kinds", VOTES), given.pop("words", {}))
        self.ttl = given.pop("ttl", config.max_ttl)
        self.nonce_life = given.pop("nonce_life", 2)
        self.slots = given.pop("slots", 2)
        self.window = given.pop("window", 0)
        self.store = given.pop("store", None)
        self.pinnable = given.pop("pinnable", ())
        self.lies_ahead = given.pop("lies_ahead", True)
        self.lives = given.pop("lives", True)
        self.tolerates = given.pop("tolerates", len(self.liars) <= tolerated(config))
        if given:
            raise TypeError(f"{name}: {', '.join(given)}")

    def all_words(self, kinds, words):
        votes = [(kind, e) for e in range(self.elements) for kind in kinds]
        return {m: words.get(m, votes) for m in range(self.managers)}

    @staticmethod
    def name_of(m):
        return "ABCDEFGH"[m]


def c(quorum, stop, wipe, managers, max_ttl=2, grace=0):
    return Config(quorum, stop, wipe, tuple(managers), max_ttl, grace)


ABC = (0, 1, 2)
C0, C1, C2 = c(2, 1, 2, ABC), c(2, 2, 2, ABC), c(2, 1, 2, ABC, 1)
LOWER = Change(c(2, 2, 2, (0, 1)), c(2, 1, 2, (0, 1)))
INSANE = Change(c(1, 1, 1, (0,)), c(2, 1, 1, (0,)))
SHORTER = Change(c(1, 1, 1, (0,)), c(1, 1, 1, (0,), 1))


def change(before, after):
    return (TRUST, Change(before, after))


SETUPS = [
    Setup("orders-1", c(1, 1, 1, (0,)), orders={0: 4}, budget={"key": 2}),
    Setup("orders-2", c(2, 1, 2, (0, 1)), orders={0: 2, 1: 2}, budget={"key": 2}),
    Setup("orders-3", c(2, 2, 2, ABC), liars=(2,), orders={0: 2, 1: 1}, lies_ahead=False,
          budget={"lie": 2, "key": 1}),
    # A's hold acts ahead, B and C release it.
    Setup("cleared", c(2, 1, 2, ABC), orders={0: 2, 1: 1, 2: 1},
          words={0: [(HOLD, 0)], 1: [(RELEASE, 0)], 2: [(RELEASE, 0)]}),
    Setup("unpinned-votes", c(2, 2, 2, ABC), orders={0: 2, 1: 2, 2: 1}, kinds=(HOLD, RELEASE),
          budget={"pin": 1}, pinnable=(2,), lives=False),
    Setup("unlocked", c(1, 1, 2, (0, 1)), orders={0: 2, 1: 1},
          words={0: [(HOLD, 0), (RELEASE, 0)], 1: [(RELEASE, 0)]},
          budget={"pin": 2}, pinnable=(0,), lives=False),
    Setup("unlocked-lease", c(2, 2, 2, (0, 1)), managers=2, needs_lease=1, kinds=(HOLD,),
          orders={0: 1}, budget={"evidence": 2, "pin": 2}, pinnable=(0,), lives=False),
    Setup("lease-1", c(1, 1, 1, (0,)), needs_lease=1, orders={0: 1},
          budget={"evidence": 2, "tick": 3, "key": 2}, window=1),
    Setup("lease-too-long", c(1, 1, 1, (0,)), needs_lease=1, ttl=3, lives=False,
          budget={"evidence": 1, "tick": 3}),
    Setup("lease-grace", c(1, 1, 1, (0,), 1, 1), needs_lease=1, orders={0: 1},
          budget={"evidence": 2, "tick": 3, "key": 1}),
    Setup("lease-2", c(2, 2, 2, (0, 1)), needs_lease=1, orders={0: 1}, kinds=(HOLD, RELEASE),
          budget={"evidence": 2, "tick": 1}),
    Setup("lease-least", c(1, 1, 1, (0,)), elements=2, needs_lease=1, orders={0: 2},
          kinds=(HOLD, RELEASE), budget={"evidence": 2, "tick": 1}),
    Setup("own-vote", c(2, 2, 2, (0, 1)), needs_lease=1, orders={0: 1}, kinds=(HOLD,),
          budget={"evidence": 1}),
    Setup("lease-liar", c(2, 1, 2, ABC), liars=(2,), needs_lease=1, orders={0: 1}, kinds=(HOLD,),
          budget={"evidence": 1, "tick": 3, "lie": 1}),
    Setup("trust", C0, liars=(2,), orders={0: 2, 1: 2}, budget={"lie": 2},
          words={0: [change(C0, C1), change(C0, C0)], 1: [change(C0, C1)], 2: [change(C0, C1)]}),
    Setup("trust-two", C0, liars=(2,), orders={0: 1, 1: 1}, budget={"lie": 2},
          words={0: [change(C0, C1)], 1: [change(C0, C2)], 2: [change(C0, C1), change(C0, C2)]}),
    # B and C take C away and bring it back, while A's old word waits.
    Setup("trust-aba", C0, liars=(2,), orders={0: 1, 1: 2}, budget={"lie": 3},
          words={0: [change(C0, C1)], 1: [change(C0, C2), change(C2, C0)],
                 2: [change(C0, C1), change(C0, C2), change(C2, C0)]}),
    Setup("trust-insane", INSANE.previous, needs_lease=1, orders={0: 1},
          words={0: [(TRUST, INSANE)]}),
    Setup("trust-stop", LOWER.previous, orders={0: 2, 1: 1},
          words={0: [(HOLD, 0), (TRUST, LOWER)], 1: [(TRUST, LOWER)]}),
    Setup("trust-ttl", SHORTER.previous, needs_lease=1, orders={0: 1},
          words={0: [(TRUST, SHORTER)]}, budget={"evidence": 2, "tick": 2}),
    Setup("reboot-lease", c(1, 1, 1, (0,)), needs_lease=1, orders={0: 1}, store="hostile",
          budget={"evidence": 2, "tick": 1, "reboot": 1, "seal": 1}, window=1),
    Setup("fork", c(1, 1, 1, (0,)), needs_lease=1, orders={0: 1}, kinds=(HOLD,),
          budget={"evidence": 2, "tick": 1, "fork": 1}, window=1),
    Setup("rollback", c(2, 1, 2, (0, 1)), needs_lease=1, orders={0: 1}, store="hostile",
          kinds=(HOLD,), budget={"evidence": 2, "reboot": 1, "seal": 1}),
    Setup("power-cut", c(1, 1, 1, (0,)), orders={0: 2}, kinds=(HOLD, RELEASE), store="honest",
          budget={"evidence": 2, "reboot": 1, "seal": 2}, window=1),
]

# The same with wider bounds, for make check-deep.
WIDER = [
    Setup("orders-1-wide", c(1, 1, 1, (0,)), elements=2, orders={0: 4}, budget={"key": 2}),
    Setup("orders-2-wide", c(2, 1, 2, (0, 1)), orders={0: 3, 1: 3}, budget={"key": 2}),
    Setup("orders-3-wide", c(2, 2, 2, ABC), liars=(2,), orders={0: 2, 1: 2},
          budget={"lie": 2, "key": 2}),
    Setup("lease-1-wide", c(1, 1, 1, (0,)), needs_lease=1, orders={0: 2},
          kinds=(HOLD, RELEASE), budget={"evidence": 2, "tick": 3, "key": 2}, window=1),
    Setup("lease-2-wide", c(2, 2, 2, (0, 1)), needs_lease=1, orders={0: 2},
          kinds=(HOLD, RELEASE), budget={"evidence": 2, "tick": 2}),
    Setup("lease-liar-wide", c(2, 1, 2, ABC), liars=(2,), needs_lease=1, orders={0: 1},
          kinds=(HOLD,), budget={"evidence": 2, "tick": 2, "lie": 1}),
    Setup("rollback-wide", c(2, 1, 2, (0, 1)), needs_lease=1, orders={0: 1, 1: 1},
          store="hostile", kinds=(HOLD, RELEASE),
          budget={"evidence": 2, "reboot": 1, "seal": 1}),
    Setup("power-cut-wide", c(1, 1, 1, (0,)), needs_lease=1, orders={0: 2}, store="honest",
          budget={"evidence": 2, "reboot": 2, "seal": 2}, window=1),
]

# Everything together, far too much to search: random walks (explore.py).
WALKS = [
    Setup("walk-orders", c(2, 2, 2, ABC), liars=(2,), elements=2, orders={0: 8, 1: 8},
          budget={"lie": 8, "key": 8, "pin": 4, "seal": 6, "reboot": 3}, store="hostile",
          pinnable=(1, 2), lives=False),
    Setup("walk-leases", C0, liars=(2,), elements=2, needs_lease=1, orders={0: 5, 1: 5},
          budget={"evidence": 8, "tick": 6, "lie": 6, "key": 6, "seal": 6, "reboot": 2, "fork": 2},
          store="hostile", window=1, slots=3,
          words={m: [*((kind, e) for kind in VOTES for e in range(2)), change(C0, C1),
                     change(C1, C0), change(C0, C2), change(C2, C0), change(C1, C2)]
                 for m in ABC}),
]

# One lying manager more than is tolerated: what they can do must show.
EDGES = [
    Setup("edge-wipe", C0, liars=(1, 2), kinds=(REVOKE,), budget={"lie": 2}, tolerates=True),
    Setup("edge-use", c(2, 1, 2, ABC), liars=(1, 2), needs_lease=1, kinds=(HOLD,),
          orders={0: 0}, budget={"evidence": 1, "lie": 2}, tolerates=True),
    Setup("edge-change", C0, liars=(1, 2), budget={"lie": 2}, tolerates=True,
          words={m: [change(C0, C1)] for m in ABC}),
]

BY_NAME = {setup.name: setup for setup in SETUPS + WIDER + WALKS + EDGES}
