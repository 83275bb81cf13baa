# SPDX-License-Identifier: GPL-2.0
"""What can happen next: all that honest managers may decide, all that the agent,
lying managers, local administrators, time and power may do.
"""

from kernel import ABSENT, TRUST, Lease, Order


def managers_moves(world):
    """Honest managers: orders as operators please, and leases for evidence that is fresh."""
    setup = world.setup
    for m in world.honest():
        manager = world.managers[m]
        if len(manager.orders) < setup.orders.get(m, 0):
            for kind, subject in setup.words[m]:
                yield ("make", m, kind, subject)
        for s in world.account.evidence:
            # A nonce is good for a minute, and (boot, n) has to go up.
            fresh = world.kernel.now - s.born <= setup.window
            if fresh and (s.boot, s.n) > manager.answered and m in s.config.managers:
                yield ("answer", m, s)


def agent_moves(world):
    """Any message at any time. What is refused without any trace is left out."""
    kernel = world.kernel
    for m in world.honest():
        manager = world.managers[m]
        for order in manager.orders:
            if order.number > kernel.counter[m] or {"replay", "counter-kept"} & world.off:
                yield ("order", m, order)
        for lease in manager.leases:
            yield ("lease", m, lease)
    if world.left("evidence"):
        yield ("evidence",)


def liars_moves(world):
    """Whatever a key can sign: next in turn or ahead, and leases of everything for ever."""
    if not world.left("lie"):
        return
    setup, kernel = world.setup, world.kernel
    everything = (1 << setup.elements) - 1
    for m in setup.liars:
        for kind, subject in setup.words[m]:
            yield ("order", m, Order(kernel.counter[m] + 1, kind, subject))
            if kind != TRUST and setup.lies_ahead:
                yield ("order", m, Order(kernel.counter[m] + 2, kind, subject))
        for o in kernel.nonces:
            if setup.needs_lease and o.n > kernel.lease_n[m]:
                yield ("lease", m, Lease(o.boot, o.n, 0, kernel.config.max_ttl, everything))
                yield ("lease", m, Lease(o.boot, o.n, 0, kernel.config.max_ttl + 1, everything))


def host_moves(world):
    """Time, power and whoever is root on the HSM's host."""
    setup, kernel = world.setup, world.kernel
    if world.left("tick"):
        yield ("tick",)
    if world.left("key"):
        for e in range(setup.elements):
            yield ("bring" if kernel.state[e] == ABSENT else "delete", e)
    if world.left("seal") and world.dirty():
        yield ("seal",)
    if world.left("reboot"):
        for which in range(len(world.store)):
            yield ("reboot", which)
    if world.left("fork"):
        yield ("fork",)
    if world.left("pin"):
        for m in setup.pinnable:
            yield ("unpin" if m in kernel.config.managers else "pin", m)


def moves(world):
    yield from managers_moves(world)
    yield from agent_moves(world)
    yield from liars_moves(world)
    yield from host_moves(world)
