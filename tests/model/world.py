# SPDX-License-Identifier: GPL-2.0
"""One HSM, its managers and its hostile agent: the whole state, and one step of it.

Nothing that was signed is ever lost or used up: the agent can deliver each
message at any time, any number of times, or never. So there is no network in
the state, only what has been signed.
"""

import properties
from kernel import (ABSENT, HOLD, RELEASE, REVOKE, STOPS, TRUST, Config, Kernel, Lease, Order)

KINDS = {HOLD: "hold", REVOKE: "revoke", RELEASE: "release", TRUST: "trust-change"}
# What there is a limited number of in a search, besides the orders of each manager.
BUDGET = ("evidence", "tick", "key", "lie", "seal", "reboot", "fork", "pin")


class Manager:
    """An honest one. good: bit mask of the elements that it regards as good."""

    __slots__ = ("orders", "leases", "good", "answered", "approved")

    def __init__(self, good, approved):
        self.orders, self.leases = (), ()
        self.good, self.answered, self.approved = good, (0, 0), approved

    def clone(self):
        other = Manager(self.good, self.approved)
        other.orders, other.leases, other.answered = self.orders, self.leases, self.answered
        return other

    def key(self):
        return (self.orders, self.leases, self.good, self.answered, tuple(sorted(self.approved)))

    def make(self, kind, subject):
        """Sign the next order; it says what the manager thinks from now on."""
        self.orders += (Order(len(self.orders) + 1, kind, subject),)
        if kind in STOPS:
            self.good &= ~(1 << subject)
        elif kind == RELEASE:
            self.good |= 1 << subject
        else:
            self.approved |= {subject.new}

    def answer(self, s, ttl):
        """A lease for evidence that it accepts, of all keys that it regards as good."""
        self.answered = (s.boot, s.n)
        self.leases += (Lease(s.boot, s.n, len(self.orders), ttl, self.good),)


class World:
    """A state. setup and off are the same in all of one search."""

    __slots__ = ("setup", "off", "kernel", "account", "managers", "store", "budget")

    def __init__(self, setup, off=frozenset()):
        self.setup, self.off = setup, off
        self.kernel = Kernel(setup, off)
        self.account = properties.Account(self.kernel)
        everything = (1 << setup.elements) - 1
        self.managers = [Manager(everything, frozenset((setup.config,)))
                         for _ in range(setup.managers)]
        self.store = [self.snapshot()]
        self.budget = [setup.budget.get(name, 0) for name in BUDGET]

    def clone(self):
        other = World.__new__(World)
        other.setup, other.off = self.setup, self.off
        other.kernel, other.account = self.kernel.clone(), self.account.clone()
        other.managers = [m.clone() for m in self.managers]
        other.store, other.budget = self.store[:], self.budget[:]
        return other

    def digest(self):
        """Names the state, in 64 bits: of a million, two have one name with probability 2^-25."""
        return hash((self.kernel.key(), self.account.key(), tuple([m.key() for m in self.managers]),
                     tuple(self.store) if self.setup.store else 0, tuple(self.budget)))

    def left(self, name):
        return self.budget[BUDGET.index(name)]

    def spend(self, name):
        self.budget[BUDGET.index(name)] -= 1

    def snapshot(self):
        return (self.kernel.sealed(), self.account.stored())

    def dirty(self):
        return bool(self.setup.store) and self.store[-1][0] != self.kernel.sealed()

    def honest(self):
        return [m for m in range(self.setup.managers) if m not in self.setup.liars]

    def signed(self, kind, subject):
        """Whether an honest manager has ever signed this."""
        return any((o.kind, o.subject) == (kind, subject)
                   for m in self.honest() for o in self.managers[m].orders)

    # --- steps: each returns what became of it and which property it breaks ------------

    def step(self, action):
        before = self.kernel.state[:]
        told, wrong = getattr(self, "do_" + action[0])(*action[1:])
        self.account.follow(before, self.kernel.state)
        return told, wrong or properties.check_state(self)

    def do_make(self, m, kind, subject):
        self.managers[m].make(kind, subject)
        return "signed", None

    def do_order(self, m, order):
        if m in self.setup.liars:
            self.spend("lie")
        config = self.kernel.config
        expected = self.account.present(m, order)
        told, acted = self.kernel.apply(m, order)
        wrong = properties.check_act(self, m, order, acted, expected)
        if not wrong and self.kernel.config != config:
            wrong = properties.check_change(self, order)
        return told, wrong

    def do_lease(self, m, lease):
        if m in self.setup.liars:
            self.spend("lie")
        told = self.kernel.lease(m, lease)
        if told == "taken":
            self.account.taken[m] = max(self.account.taken[m], self.kernel.lease_n[m])
        return told, None

    def do_evidence(self):
        self.spend("evidence")
        if self.dirty() and "seal-first" not in self.off:
            return "refused: not stored yet", None
        k, account = self.kernel, self.account
        told = k.evidence()
        if not told.startswith("refused"):
            incarnations = tuple(account.incarnation[e] if k.state[e] != ABSENT else 0
                                 for e in range(k.elements))
            account.evidence.append(properties.Evidence(
                k.boot, k.n, k.now, incarnations, tuple(k.counter), k.config))
        return told, None

    def do_answer(self, m, s):
        manager = self.managers[m]
        self.account.seen[m] = max(self.account.seen[m], s.counters[m])
        if s.config not in manager.approved:
            manager.answered = (s.boot, s.n)
            return "refused: C is not approved", None
        manager.answer(s, self.setup.ttl)
        return f"lease signed, least {len(manager.orders)}", None

    def do_tick(self):
        self.spend("tick")
        self.kernel.now += 1
        return f"it is {self.kernel.now}", None

    def do_delete(self, e):
        self.spend("key")
        self.kernel.delete(e)
        return "done", None

    def do_bring(self, e):
        self.spend("key")
        told = self.kernel.bring(e)
        if told == "done":
            self.account.brought(e)
        return told, None

    def do_seal(self):
        self.spend("seal")
        if self.setup.store == "honest":
            self.store = []
        self.store.append(self.snapshot())
        return "stored", None

    def do_reboot(self, which):
        self.spend("reboot")
        kept, stored = self.store[which]
        self.kernel.unseal(kept)
        self.account.restore(stored)
        wrong = None
        if self.setup.store == "honest":
            wrong = next(filter(None, (properties.check_seen(self, m) for m in self.honest())),
                         None)
        return f"boot {self.kernel.boot}", wrong

    def do_fork(self):
        self.spend("fork")
        self.kernel.fork()
        self.account.boot += 1
        return f"instance {self.kernel.boot}", None

    def do_unpin(self, m):
        return self.pinned([x for x in self.kernel.config.managers if x != m])

    def do_pin(self, m):
        return self.pinned([*self.kernel.config.managers, m])

    def pinned(self, managers):
        """By an administrator, which an HSM that is not locked lets him."""
        self.spend("pin")
        new = self.kernel.config._replace(managers=tuple(sorted(managers)))
        self.kernel.configure(new)
        self.account.configure(new)
        return "done", None


def show_config(setup, c):
    if not isinstance(c, Config):
        return f"key {c}"
    who = "".join(setup.name_of(m) for m in c.managers)
    return f"C(quorum {c.quorum}, stop {c.stop}, wipe {c.wipe}, {who}, ttl {c.max_ttl})"


def show_order(setup, kind, subject):
    if kind == TRUST:
        subject = (f"{show_config(setup, subject.previous)} -> {show_config(setup, subject.new)}")
    else:
        subject = f"key {subject}"
    return f"{KINDS[kind]} of {subject}"


def show(setup, action):
    """A step in words."""
    name, *rest = action
    if name == "make":
        return f"{setup.name_of(rest[0])} signs {show_order(setup, *rest[1:])}"
    if name == "order":
        m, order = rest
        return (f"kernel gets {setup.name_of(m)}'s order {order.number},"
                f" {show_order(setup, order.kind, order.subject)}")
    if name == "lease":
        m, x = rest
        keys = ",".join(str(e) for e in range(setup.elements) if x.grants >> e & 1) or "none"
        return (f"kernel gets {setup.name_of(m)}'s lease for boot {x.boot} n {x.n},"
                f" least {x.least}, ttl {x.ttl}, granting {keys}")
    if name == "answer":
        return f"{setup.name_of(rest[0])} reads the evidence of boot {rest[1].boot} n {rest[1].n}"
    if name == "reboot":
        return f"reboot into stored state {rest[0]}"
    words = {"evidence": "evidence is made", "tick": "time passes", "seal": "state is sealed",
             "fork": "the VM is forked, with notice",
             "delete": "the key is deleted:", "bring": "the key is imported:",
             "pin": "an administrator pins", "unpin": "an administrator unpins"}
    if name in ("pin", "unpin"):
        return f"{words[name]} {setup.name_of(rest[0])}"
    return " ".join([words[name], *[f"key {e}" for e in rest]])
