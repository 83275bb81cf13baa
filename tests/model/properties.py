# SPDX-License-Identifier: GPL-2.0
"""What has to hold: a second account of everything that was handed to the kernel.

Unlike the kernel it forgets nothing and has no switches. Each property compares
the two, or the kernel with what honest managers have really signed:

S1  no key works that was stopped, or that was wiped
S2  a key that needs leases works on `quorum` of them, each for this very key
S3  lying managers within tolerance decide nothing alone
S4  no older or spent word undoes a newer one, no counter skips an order
S5  a manager's lease counts only when its orders before it have been applied
S6  what a manager has seen is not taken back by a loss of power
"""

import collections

from kernel import COMPROMISED, HELD, RELEASE, REVOKE, STOPS, TRUST

# incarnations: 0 where the key was not there. counters, config: what S says.
Evidence = collections.namedtuple("Evidence", "boot n born incarnations counters config")


class Account:
    """acted, words: per manager and element, as in Kernel.votes; incarnation: per element."""

    STORED = ("counter", "acted", "words", "stopped", "wiped")
    FLAT = STORED + ("incarnation", "evidence", "taken", "ended", "trust", "seen")
    __slots__ = ("elements", "boot", "config") + FLAT

    def __init__(self, kernel):
        managers = len(kernel.counter)
        self.elements, self.boot, self.config = kernel.elements, kernel.boot, kernel.config
        self.counter = [0] * managers
        self.acted, self.words = [0] * len(kernel.votes), [0] * len(kernel.votes)
        self.stopped = [False] * kernel.elements
        self.wiped = [0] * kernel.elements              # the incarnation that was
        self.incarnation = [1] * kernel.elements        # goes up with each change
        self.evidence = []                              # Evidence
        self.taken = [0] * managers                     # n of its last lease in this boot
        self.ended = [0] * managers                     # the same when it was last unpinned
        self.trust = [None] * managers                  # the Change that it wants
        self.seen = [0] * managers                      # its counter in evidence that it read

    def clone(self):
        other = Account.__new__(Account)
        other.elements, other.boot, other.config = self.elements, self.boot, self.config
        for name in Account.FLAT:
            setattr(other, name, getattr(self, name)[:])
        return other

    def key(self):
        return (self.boot, self.config, *[tuple(getattr(self, name)) for name in Account.FLAT])

    def stored(self):
        return (self.config, *[tuple(getattr(self, name)) for name in Account.STORED])

    def restore(self, stored):
        """After a reboot this is what was, whatever the agent had chosen to store."""
        self.config = stored[0]
        for name, value in zip(Account.STORED, stored[1:]):
            setattr(self, name, list(value))
        self.boot += 1
        none = [0] * len(self.taken)
        self.taken, self.ended, self.trust = none, none[:], [None] * len(none)

    # --- what happened -----------------------------------------------------------

    def present(self, m, order):
        """An order was handed to the kernel. Return: whether it is to act."""
        if m not in self.config.managers or order.number <= self.counter[m]:
            return False
        in_turn = order.number == self.counter[m] + 1
        if not in_turn and order.kind not in STOPS:
            return False
        self.counter[m] += in_turn
        if order.kind == TRUST:
            self.present_change(m, order.subject)
            return True
        at = m * self.elements + order.subject
        if order.number <= self.acted[at]:
            return False
        self.acted[at], self.words[at] = order.number, order.kind
        if order.kind in STOPS:
            for i in range(order.subject, len(self.words), self.elements):
                if self.words[i] == RELEASE:
                    self.words[i] = 0
        self.count(order.subject, order.kind == RELEASE)
        return True

    def count(self, e, may_release):
        words = self.words[e::self.elements]
        released = sum(1 for m in self.config.managers if words[m] == RELEASE)
        if may_release and released >= self.config.quorum:
            self.stopped[e] = False
            self.words[e::self.elements] = [0] * len(words)
            return
        revoked = words.count(REVOKE)
        if sum(1 for word in words if word in STOPS) >= self.config.stop:
            self.stopped[e] = True
        if revoked >= self.config.wipe:
            self.stopped[e] = True
            self.wiped[e] = self.incarnation[e]

    def present_change(self, m, change):
        good = change.previous == self.config != change.new and sane(change.new)
        self.trust[m] = change if good else None
        if self.trust[m] and sum(1 for by in self.config.managers
                                 if self.trust[by] == change) >= self.config.quorum:
            self.configure(change.new)

    def configure(self, new):
        for m in set(self.config.managers) - set(new.managers):
            self.ended[m] = self.taken[m]
        self.config = new
        self.trust = [None] * len(self.trust)
        for e in range(self.elements):
            self.count(e, False)

    def follow(self, before, after):
        """What L says of the keys has changed."""
        for e in range(self.elements):
            if before[e] != after[e]:
                self.incarnation[e] += 1
                if self.wiped[e]:
                    self.wiped[e] = self.incarnation[e]

    def brought(self, e):
        """In anew, which only a quorum's releases let it be: what was wiped has gone."""
        self.wiped[e] = 0

    # --- what may be -----------------------------------------------------------------

    def grants(self, m, e, world):
        """Whether a lease that m has signed lets the key be used now."""
        k = world.kernel
        if self.words[m * self.elements + e] in STOPS:
            return False
        for s in self.evidence:
            end = s.born + min(world.setup.ttl, self.config.max_ttl) + self.config.grace
            if s.boot != self.boot or s.incarnations[e] != self.incarnation[e] or k.now >= end:
                continue
            # Of leases that the kernel took the last one counts, and no other.
            if s.n < self.taken[m] or s.n <= self.ended[m]:
                continue
            if m in world.setup.liars or any((x.boot, x.n) == (s.boot, s.n) and x.grants >> e & 1
                                             for x in world.managers[m].leases):
                return True
        return False

    def complete(self, m, e, world):
        """Whether the orders have been applied that m made before the lease that counts."""
        x = world.kernel.leases[m]
        if m in world.setup.liars or not x:
            return True
        return all(self.counter[m] >= y.least for y in world.managers[m].leases
                   if (y.boot, y.n) == (self.boot, x.n))


def sane(c):
    """There are managers enough: what lock asks of C. Otherwise see fair.py."""
    return c.stop <= c.wipe and max(c.quorum, c.wipe) <= len(c.managers)


def check_key(world, e):
    """S1, S2, S3 and S5 of a key that works."""
    account, setup = world.account, world.setup
    if account.stopped[e]:
        return f"S1: key {e} works although it was stopped"
    if account.wiped[e] == account.incarnation[e]:
        return f"S1: key {e} works although it was wiped"
    if not setup.needs_lease >> e & 1:
        return None
    good = [m for m in account.config.managers if account.grants(m, e, world)]
    if len(good) < account.config.quorum:
        return (f"S2: key {e} works on {len(good)} leases for it that have not ended,"
                f" quorum is {account.config.quorum}")
    if setup.tolerates and not any(m not in setup.liars for m in good):
        return f"S3: key {e} works on the word of lying managers alone"
    incomplete = [m for m in world.kernel.granting(e) if not account.complete(m, e, world)]
    if incomplete:
        return (f"S5: key {e} works on a lease of {setup.name_of(incomplete[0])}, whose orders"
                " before it have not been applied")
    return None


def check_state(world):
    """What the kernel has done to keys and to C."""
    k, account, setup = world.kernel, world.account, world.setup
    for e in range(k.elements):
        if k.usable(e):
            wrong = check_key(world, e)
            if wrong:
                return wrong
        if k.state[e] == HELD and not account.stopped[e]:
            return f"S4: key {e} is held although nobody stops it any more"
        if k.state[e] == COMPROMISED and not account.wiped[e]:
            return f"S3: key {e} was wiped by fewer than {account.config.wipe} managers"
        if setup.tolerates and account.wiped[e] and not world.signed(REVOKE, e):
            return f"S3: key {e} was wiped by lying managers alone"
    if k.config != account.config and sane(k.config):
        return "S3: C has changed, and no quorum has ordered it"
    if k.counter != account.counter:
        return "S4: a counter is not at the last order that was applied in turn"
    return None


def check_act(world, m, order, acted, expected):
    """S4 for one order: what the kernel acted on, and what it should have."""
    if acted and not expected:
        return (f"S4: order {order.number} of {world.setup.name_of(m)} acts, an older word"
                " or one that was spent")
    return None


def check_change(world, order):
    """S3 for a change of C that has just been done."""
    if world.setup.tolerates and not world.signed(TRUST, order.subject):
        return "S3: lying managers alone have changed C"
    return None


def check_seen(world, m):
    if world.account.counter[m] < world.account.seen[m]:
        return (f"S6: {world.setup.name_of(m)} has seen order {world.account.seen[m]} applied,"
                " and it is not any more")
    return None

