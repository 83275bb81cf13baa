# SPDX-License-Identifier: GPL-2.0
"""The formula for how many lying managers a configuration tolerates, against the kernel.

For every n, quorum, stop, wipe and number f of liars: what f managers can bring
about alone, and what is left to the other n - f.
"""

from configs import Setup, c
from kernel import ACTIVE, COMPROMISED, HOLD, RELEASE, REVOKE, TRUST, Change, Lease, Order
from world import World


def fresh(config):
    return World(Setup("tolerance", config, needs_lease=1)).kernel


def ordered(kernel, by, kind, subject):
    for m in by:
        kernel.apply(m, Order(kernel.counter[m] + 1, kind, subject))
    return kernel


def works(config, by):
    kernel = fresh(config)
    kernel.evidence()
    for m in by:
        kernel.lease(m, Lease(1, 1, 0, config.max_ttl, 1))
    return kernel.usable(0)


def wipes(config, by):
    return ordered(fresh(config), by, REVOKE, 0).state[0] == COMPROMISED


def stops(config, by):
    return ordered(fresh(config), by, HOLD, 0).state[0] != ACTIVE


def changes(config, by):
    new = config._replace(max_ttl=config.max_ttl + 1)
    return ordered(fresh(config), by, TRUST, Change(config, new)).config == new


def releases(config, by):
    kernel = ordered(fresh(config), config.managers, HOLD, 0)
    return ordered(kernel, by, RELEASE, 0).state[0] == ACTIVE


def formula(config, f):
    """DESIGN, "Quorums": safety, service, and service against stops."""
    n = len(config.managers)
    safety = config.quorum > f and config.wipe > f
    service = n - config.quorum >= f and config.stop <= n - f and config.wipe <= n - f
    return safety, service, config.stop > f


def found(config, f):
    liars, honest = config.managers[:f], config.managers[f:]
    alone = any(can(config, liars) for can in (works, wipes, changes, releases))
    able = all(can(config, honest) for can in (works, wipes, stops, changes, releases))
    return not alone, able, not stops(config, liars)


def compare(most):
    """Return: how many were compared, and those in which the two differ."""
    count, differ = 0, []
    for n in range(1, most + 1):
        bounds = range(1, n + 1)
        for config in [c(quorum, stop, wipe, range(n)) for quorum in bounds for stop in bounds
                       for wipe in bounds if wipe >= stop]:
            for f in range(n + 1):
                count += 1
                if formula(config, f) != found(config, f):
                    differ.append(f"{config}, {f} liars: {formula(config, f)} by the formula,"
                                  f" {found(config, f)} in the kernel")
    return count, differ
