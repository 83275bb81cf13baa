# SPDX-License-Identifier: GPL-2.0
"""The rules of Documentation/protocol.rst, by name, each of which can be taken away.

A rule names the configurations (configs.py) in which its loss has to show, and
the property (properties.py, fair.py) that has to show it. Not here are rules without
which nothing in the model goes wrong: that evidence can be answered for ten minutes
only (a lease's life counts from its nonce in any case), that trust-changes which wait
are forgotten at a reboot (they would still name the C that is in force).
"""

import collections

Rule = collections.namedtuple("Rule", "name says shown_in breaks")

RULES = [
    # Numbers
    Rule("replay", "an order at or below the counter is refused", ("orders-1",), "S4"),
    Rule("counter-in-turn", "the counter advances only in turn", ("orders-1",), "S4"),
    Rule("stop-ahead", "revoke and hold act ahead of their turn", ("orders-1",), "S1"),
    Rule("release-in-turn", "a release acts in its turn alone", ("orders-2",), "S4"),
    Rule("later-word", "an older order does not take the place of a newer vote", ("orders-1",),
         "S4"),
    Rule("counter-kept", "a manager that was unpinned keeps its counter", ("unlocked",), "S4"),
    # Votes
    Rule("cleared-remembered", "a vote cleared ahead of its turn stays cleared", ("cleared",),
         "S4"),
    Rule("stop-drops-releases", "a new vote to stop drops the releases before it", ("orders-2",),
         "S1"),
    Rule("releases-of-pinned", "only pinned managers' releases count", ("unpinned-votes",), "S1"),
    Rule("unpinned-votes-stop", "votes of a manager that was unpinned still stop",
         ("unpinned-votes",), "S1"),
    Rule("release-quorum", "only a quorum releases, not the manager who stopped", ("orders-2",),
         "S1"),
    Rule("tombstones", "votes outlive the key", ("orders-1",), "S1"),
    Rule("stop-is-sticky", "what was stopped stays out until a quorum releases it", ("orders-2",),
         "S1"),
    Rule("tighten", "lower quorums count the votes that are there", ("trust-stop",), "S1"),
    # Leases
    Rule("statement", "a lease is for the evidence whose digest it names", ("lease-1",), "S2"),
    Rule("later-n", "a manager's lease for an earlier evidence is refused",
         ("unlocked-lease",), "S2"),
    Rule("n-kept", "a manager that was unpinned keeps the n of its last lease",
         ("unlocked-lease",), "S2"),
    Rule("least", "a lease waits for the orders before it", ("lease-least",), "S5"),
    Rule("unchanged", "a lease grants only keys unchanged since its evidence", ("lease-1",), "S2"),
    Rule("own-vote", "a manager's own vote to stop a key ends what its lease grants",
         ("own-vote",), "S2"),
    Rule("life-from-nonce", "a lease's life counts from the issue of the nonce", ("lease-1",),
         "S2"),
    Rule("lease-ends", "a lease ends, and its grace", ("lease-1", "lease-grace"), "S2"),
    Rule("max-ttl", "a lease for longer than max_ttl is refused", ("lease-too-long",), "S2"),
    Rule("shorter-max-ttl", "a max_ttl made shorter shortens the leases that live",
         ("trust-ttl",), "S2"),
    Rule("pinned-leases", "leases of a manager that is unpinned do not count",
         ("unlocked-lease",), "S2"),
    Rule("lease-quorum", "each of quorum managers has to grant", ("lease-2",), "S2"),
    Rule("leases-not-sealed", "leases do not outlive a reboot", ("reboot-lease",), "S2"),
    Rule("nonces-not-sealed", "nonces do not outlive a reboot", ("reboot-lease",), "S2"),
    Rule("fork-drops-leases", "leases end when the VM is forked", ("fork",), "S2"),
    Rule("fork-drops-nonces", "nonces die when the VM is forked", ("fork",), "S2"),
    Rule("nonces-die", "a nonce dies of age", ("lease-1",), "L1"),
    # Changes of C
    Rule("trust-quorum", "a change of C takes quorum managers", ("trust",), "S3"),
    Rule("same-body", "the quorum has ordered the same change", ("trust-two",), "S3"),
    Rule("trust-in-turn", "a trust-change acts in its turn alone", ("trust",), "S4"),
    Rule("trust-latest", "a manager's new trust-change takes the place of the one that waits",
         ("trust",), "S3"),
    Rule("previous", "a trust-change names the C that it replaces", ("trust-aba",), "S3"),
    Rule("pending-forgotten", "every change of C forgets those that wait", ("trust-aba",), "S3"),
    Rule("void-counts", "the counter advances whatever becomes of a trust-change",
         ("trust-aba",), "L1"),
    Rule("sane-quorums", "no C that needs more managers than it has", ("trust-insane",), "L1"),
    # What is stored
    Rule("seal-first", "no evidence of what a power cut would take back", ("power-cut",), "S6"),
    Rule("counters-sealed", "counters are sealed", ("power-cut",), "S4"),
    Rule("votes-sealed", "votes are sealed", ("power-cut",), "S4"),
]

BY_NAME = {rule.name: rule for rule in RULES}
