# SPDX-License-Identifier: GPL-2.0
"""L1: honest quorums are never locked out.

From each state that is reached the agent turns honest: it delivers all that honest
managers have signed, in turn, then what they sign next. Liars say nothing more. Then
releases, leases, a change of C and a revocation must each take effect, one after the
other, as far as there are enough honest managers for it.
"""

from kernel import (ABSENT, ACTIVE, COMPROMISED, HELD, HOLD, RELEASE, REVOKE, TRUST, Change,
                    Lease, Order)


class Stuck(Exception):
    """An honest manager's word had no effect."""


class Continuation:
    """The state after all that was signed has been delivered."""

    def __init__(self, world):
        self.k = world.kernel.clone()
        self.setup = world.setup
        self.made = {m: world.managers[m].orders for m in world.honest()}
        before = None
        while before != self.k.counter:
            before = self.k.counter[:]
            for m in self.pinned():
                for order in self.made[m][self.k.counter[m]:]:
                    self.deliver(m, order)

    def pinned(self):
        return [m for m in self.made if m in self.k.config.managers]

    def deliver(self, m, order):
        if m not in self.k.config.managers:
            return None
        told, _ = self.k.apply(m, order)
        if told.startswith("refused"):
            raise Stuck(f"L1: order {order.number} of {self.setup.name_of(m)} is {told}")
        return told

    def order(self, kind, subject):
        """Each honest manager's next word. Return: what became of the last one."""
        told = None
        for m in self.pinned():
            told = self.deliver(m, Order(self.k.counter[m] + 1, kind, subject)) or told
            if told == "done":
                break
        return told

    def expect(self, good, what):
        if not good:
            raise Stuck(f"L1: {what}")

    def release(self, e):
        k = self.k
        self.order(RELEASE, e)
        self.expect(k.state[e] != HELD, f"a quorum has released key {e}, which is still held")
        if k.state[e] == COMPROMISED:
            k.delete(e)
        if k.state[e] == ABSENT:
            self.expect(k.bring(e) == "done", f"a quorum has released key {e}, which stays out")

    def lease(self):
        k = self.k
        for _ in range(k.nonce_life + 1):
            told = k.evidence()
            if not told.startswith("refused"):
                break
            k.now += 1
        self.expect(not told.startswith("refused"), f"evidence is {told}, however long one waits")
        everything = (1 << k.elements) - 1
        for m in self.pinned():
            told = k.lease(m, Lease(k.boot, k.n, k.counter[m], k.config.max_ttl, everything))
            self.expect(told == "taken", f"a fresh lease of {self.setup.name_of(m)} is {told}")

    def stop(self, e):
        k = self.k
        self.order(HOLD, e)
        if len(self.pinned()) >= k.config.stop:
            self.expect(not k.usable(e), f"all have stopped key {e}, and it works")
        self.order(REVOKE, e)
        if len(self.pinned()) >= k.config.wipe:
            self.expect(k.state[e] == COMPROMISED, f"all have revoked key {e}: it is not wiped")

    def run(self):
        k = self.k
        config = k.config
        self.expect(max(config.quorum, config.stop, config.wipe) <= len(config.managers),
                    "C needs more managers than it has")
        able = len(self.pinned()) >= config.quorum
        if able:
            for e in range(k.elements):
                self.release(e)
        self.lease()
        if able:
            for e in range(k.elements):
                self.expect(k.state[e] != ACTIVE or k.usable(e),
                            f"a quorum has leased key {e}, and it does not work")
            new = config._replace(max_ttl=config.max_ttl + 5)
            self.expect(self.order(TRUST, Change(config, new)) == "done",
                        "a quorum has ordered another C, and nothing came of it")
        for e in range(k.elements):
            self.stop(e)


def checker():
    """For explore(): continuations depend on the kernel and what was signed, not on the rest."""
    done = set()

    def check(world):
        signed = tuple([m.orders for m in world.managers])
        name = hash((world.kernel.key(), signed))
        if name in done:
            return None
        done.add(name)
        try:
            Continuation(world).run()
        except Stuck as stuck:
            return str(stuck)
        return None
    return check
