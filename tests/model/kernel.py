# SPDX-License-Identifier: GPL-2.0
"""The kernel: what order.c, vote.c, element.c, trust.c and lease.c decide, without the bytes.

It forgets what they forget. A rule in self.off is one it does not have.
"""

import collections

HOLD, REVOKE, RELEASE, CLEARED, TRUST = 1, 2, 3, 4, 5
STOPS = (HOLD, REVOKE)
ABSENT, ACTIVE, HELD, COMPROMISED = 0, 1, 2, 3

# C. managers is a sorted tuple of numbers, max_ttl and grace (enforce_grace) in ticks.
Config = collections.namedtuple("Config", "quorum stop wipe managers max_ttl grace")
# born: when the nonce was made; fresh: bit mask of the keys in L that have not changed since.
Nonce = collections.namedtuple("Nonce", "boot n born fresh")
# grants: bit mask of elements.
Live = collections.namedtuple("Live", "n born ttl grants fresh")
# What a manager signs.
Order = collections.namedtuple("Order", "number kind subject")
Lease = collections.namedtuple("Lease", "boot n least ttl grants")
# subject of a trust-change
Change = collections.namedtuple("Change", "previous new")


class Kernel:
    """managers and elements are numbers; votes of m on e are at m * elements + e."""

    FLAT = ("counter", "lease_n", "state", "votes", "stopped", "nonces", "leases", "pending")
    __slots__ = ("off", "elements", "needs_lease", "nonce_life", "slots", "boot", "now",
                 "n", "config") + FLAT

    def __init__(self, setup, off):
        self.off = off
        self.elements, self.needs_lease = setup.elements, setup.needs_lease
        self.nonce_life, self.slots = setup.nonce_life, setup.slots
        self.boot, self.now, self.n, self.config = 1, 0, 0, setup.config
        managers, elements = setup.managers, setup.elements
        self.counter, self.lease_n = [0] * managers, [0] * managers
        self.state, self.stopped = [ACTIVE] * elements, [False] * elements
        self.votes = [None] * (managers * elements)
        self.nonces, self.leases, self.pending = [], [None] * managers, [None] * managers

    def clone(self):
        other = Kernel.__new__(Kernel)
        for name in Kernel.__slots__:
            setattr(other, name, getattr(self, name))
        for name in Kernel.FLAT:
            setattr(other, name, getattr(self, name)[:])
        return other

    def key(self):
        return (self.boot, self.now, self.n, self.config,
                *[tuple(getattr(self, name)) for name in Kernel.FLAT])

    # --- keys -----------------------------------------------------------------

    def changed(self, e):
        """What L says of the key has: see "unchanged since" in lease.c."""
        if "unchanged" in self.off:
            return
        keep = ~(1 << e)
        self.nonces = [o._replace(fresh=o.fresh & keep) for o in self.nonces]
        self.leases = [x and x._replace(fresh=x.fresh & keep) for x in self.leases]

    def set_state(self, e, state):
        self.state[e] = state
        self.changed(e)

    def delete(self, e):
        self.set_state(e, ABSENT)
        if "tombstones" in self.off:
            self.stopped[e] = False
            self.votes[e::self.elements] = [None] * len(self.counter)

    def bring(self, e):
        """Generate or import: zkhsm_element_adopt()."""
        if "stop-is-sticky" in self.off:
            stop, revoke, _ = self.count(e)
            stopped = stop >= self.config.stop or revoke >= self.config.wipe
        else:
            stopped = self.stopped[e]
        if stopped:
            return "refused: stopped"
        self.set_state(e, ACTIVE)
        return "done"

    def granting(self, e):
        """Managers whose live leases grant it."""
        found, bit = [], 1 << e
        for m, x in enumerate(self.leases):
            if not x or not x.grants & bit or not (x.fresh & bit or "unchanged" in self.off):
                continue
            if m not in self.config.managers and "pinned-leases" not in self.off:
                continue
            vote = self.votes[m * self.elements + e]
            if "own-vote" not in self.off and vote and vote[0] in STOPS:
                continue
            if self.now < x.born + x.ttl + self.config.grace or "lease-ends" in self.off:
                found.append(m)
        return found

    def usable(self, e):
        if self.state[e] != ACTIVE:
            return False
        if not self.needs_lease >> e & 1:
            return True
        quorum = 1 if "lease-quorum" in self.off else self.config.quorum
        return len(self.granting(e)) >= quorum

    # --- votes: vote.c ----------------------------------------------------------

    def count(self, e):
        stop = revoke = release = 0
        for m, vote in enumerate(self.votes[e::self.elements]):
            if not vote:
                continue
            pinned = m in self.config.managers
            if vote[0] in STOPS and (pinned or "unpinned-votes-stop" not in self.off):
                stop += 1
                revoke += vote[0] == REVOKE
            elif vote[0] == RELEASE:
                release += pinned or "releases-of-pinned" in self.off
        return stop, revoke, release

    def clear(self, e):
        self.stopped[e] = False
        for m, last in enumerate(self.counter):
            vote = self.votes[m * self.elements + e]
            ahead = vote and vote[1] > last and "cleared-remembered" not in self.off
            self.votes[m * self.elements + e] = (CLEARED, vote[1]) if ahead else None

    def act(self, e, may_release):
        """zkhsm_vote_count()."""
        stop, revoke, release = self.count(e)
        quorum = 1 if "release-quorum" in self.off else self.config.quorum
        if may_release and release >= quorum:
            self.clear(e)
            if self.state[e] == HELD:
                self.set_state(e, ACTIVE)
            return
        if stop >= self.config.stop or revoke >= self.config.wipe:
            self.stopped[e] = True
        if self.state[e] in (ABSENT, COMPROMISED):
            return
        if revoke >= self.config.wipe:
            self.set_state(e, COMPROMISED)
        elif stop >= self.config.stop and self.state[e] != HELD:
            self.set_state(e, HELD)

    def cast(self, m, order, in_turn):
        """Whether it became the manager's vote."""
        e, at = order.subject, m * self.elements + order.subject
        vote = self.votes[at]
        if vote and order.number < vote[1] and "later-word" not in self.off:
            return False
        if vote and order.number == vote[1]:
            if in_turn and vote[0] == CLEARED:
                self.votes[at] = None
            return False
        self.votes[at] = (order.kind, order.number)
        if order.kind in STOPS and "stop-drops-releases" not in self.off:
            for i in range(e, len(self.votes), self.elements):
                if self.votes[i] and self.votes[i][0] == RELEASE:
                    self.votes[i] = None
        self.act(e, order.kind == RELEASE)
        return True

    # --- orders: order.c, trust-change.c ------------------------------------------

    def must_wait(self, kind):
        if kind in STOPS:
            return "stop-ahead" in self.off
        return ("trust-in-turn" if kind == TRUST else "release-in-turn") not in self.off

    def apply(self, m, order):
        """What became of it, and whether it acted."""
        if m not in self.config.managers:
            return "refused: not pinned", False
        last = self.counter[m]
        if order.number <= last and "replay" not in self.off:
            return "refused: replay", False
        in_turn = order.number == last + 1
        if not in_turn and self.must_wait(order.kind):
            return "refused: out of turn", False
        if order.kind == TRUST and "void-counts" in self.off and self.void(order.subject):
            return "refused: void", False
        if in_turn or "counter-in-turn" in self.off:
            self.counter[m] = max(order.number, last)
        if order.kind == TRUST:
            return self.change(m, order.subject)
        return ("applied" if in_turn else "applied ahead"), self.cast(m, order, in_turn)

    def void(self, change):
        """Replaces another C, or fails the checks of lock."""
        new = change.new
        if "previous" not in self.off and change.previous != self.config:
            return True
        most = max(new.quorum, new.stop, new.wipe)
        return "sane-quorums" not in self.off and (most > len(new.managers) or new.wipe < new.stop)

    def change(self, m, change):
        if "trust-latest" not in self.off:
            self.pending[m] = None
        if change.new == self.config:
            return "withdrawn", True
        if self.void(change):
            return "void", True
        if "trust-latest" in self.off:
            self.pending[m] = (self.pending[m] or ()) + (change,)
        else:
            self.pending[m] = (change,)
        agreed = sum(1 for by in self.config.managers if self.pending[by] and
                     (change in self.pending[by] or "same-body" in self.off))
        if agreed < (1 if "trust-quorum" in self.off else self.config.quorum):
            return "waiting", True
        self.configure(change.new)
        return "done", True

    def configure(self, new):
        gone = set(self.config.managers) - set(new.managers)
        self.config = new
        if "pending-forgotten" not in self.off:
            self.pending = [None] * len(self.pending)
        for m in gone:
            self.unpin(m)
        if "shorter-max-ttl" not in self.off:
            self.leases = [x and x._replace(ttl=min(x.ttl, new.max_ttl)) for x in self.leases]
        if "tighten" not in self.off:
            for e in range(self.elements):
                self.act(e, False)

    def unpin(self, m):
        if "pinned-leases" not in self.off:
            self.leases[m] = None
        if "n-kept" in self.off:
            self.lease_n[m] = 0
        if "counter-kept" in self.off:
            self.counter[m] = 0

    # --- evidence and leases: outstanding.c, lease.c --------------------------------

    def bury(self):
        if "nonces-die" in self.off:
            return
        self.nonces = [o for o in self.nonces if self.now < o.born + self.nonce_life]

    def evidence(self):
        self.bury()
        if len(self.nonces) >= self.slots:
            return "refused: every slot is taken"
        fresh = sum(1 << e for e in range(self.elements) if self.state[e] != ABSENT)
        self.n += 1
        self.nonces.append(Nonce(self.boot, self.n, self.now, fresh))
        return f"n {self.n}"

    def find(self, lease):
        for o in self.nonces:
            if (o.boot, o.n) == (lease.boot, lease.n):
                return o
        return self.nonces[-1] if self.nonces and "statement" in self.off else None

    def lease(self, m, lease):
        if m not in self.config.managers:
            return "refused: not pinned"
        self.bury()
        o = self.find(lease)
        if not o:
            return "refused: nonce"
        if o.n <= self.lease_n[m] and "later-n" not in self.off:
            return "refused: replay"
        if self.counter[m] < lease.least and "least" not in self.off:
            return "refused: out of turn"
        if lease.ttl > self.config.max_ttl and "max-ttl" not in self.off:
            return "refused: ttl"
        born = self.now if "life-from-nonce" in self.off else o.born
        if self.now >= born + lease.ttl:
            return "refused: lease expired"
        self.lease_n[m] = o.n
        self.leases[m] = Live(o.n, born, lease.ttl, lease.grants, o.fresh)
        return "taken"

    def fork(self):
        """The VM was, with notice."""
        self.boot += 1
        if "fork-drops-leases" not in self.off:
            self.leases = [None] * len(self.leases)
        if "fork-drops-nonces" not in self.off:
            self.nonces = []

    # --- what is sealed ----------------------------------------------------------------

    def sealed(self):
        return (self.config, tuple(self.counter), tuple(self.state), tuple(self.votes),
                tuple(self.stopped))

    def unseal(self, state):
        self.config = state[0]
        self.counter, self.state, self.votes, self.stopped = map(list, state[1:])
        if "counters-sealed" in self.off:
            self.counter = [0] * len(self.counter)
        if "votes-sealed" in self.off:
            self.votes, self.stopped = [None] * len(self.votes), [False] * len(self.stopped)
        self.boot += 1
        self.n = 0
        self.pending = [None] * len(self.pending)
        if "leases-not-sealed" not in self.off:
            self.leases = [None] * len(self.leases)
        if "nonces-not-sealed" not in self.off:
            self.nonces = []
        self.lease_n = [0] * len(self.lease_n)
