# SPDX-License-Identifier: GPL-2.0
"""Byte strings of Documentation/protocol.rst.

Builders write what they are told: sorting and making sense is the caller's, so
that malformed strings can be built as well.
"""

from p256 import be, sha256

STATEMENT, ANNOUNCEMENT, LIST, CONFIGURATION, DELTA = 1, 2, 3, 4, 5
RECEIPT = 36
LEASE, REVOKE, HOLD, RELEASE, GRANT, TRUST_CHANGE, TRANSFER = 16, 17, 18, 19, 20, 21, 22
DENY, ALLOW = 1, 2              # the verdicts of leases; the page says grant
PRE_ACTIVE, ACTIVE, HELD, DEACTIVATED, COMPROMISED = 1, 2, 3, 4, 5
GENERATED, IMPORTED, SYNCHRONISED = 1, 2, 3

CREATED = 1767225600000         # 2026-01-01 UTC


def header(kind, version=1, magic=b"ZKHSM"):
    return magic + be(kind, 1) + be(version, 2)


def entry(key_id, element, origin=GENERATED, usage=3, flags=1, state=ACTIVE, kind=1,
          created=CREATED):
    return (be(len(key_id), 1) + key_id + be(kind, 2) + be(origin, 1) + be(usage, 4) +
            be(flags, 4) + be(created, 8) + be(state, 1) + be(len(element), 2) + element)


def key_list(entries, count=None, head=None):
    count = len(entries) if count is None else count
    return (head or header(LIST)) + be(count, 4) + b"".join(entries)


def configuration(managers, flags=0, quorum=1, stop=1, wipe=1, grace=0, max_ttl=86400000,
                  count=None, head=None):
    count = len(managers) if count is None else count
    return ((head or header(CONFIGURATION)) + be(flags, 4) + be(quorum, 1) + be(stop, 1) +
            be(wipe, 1) + be(grace, 8) + be(max_ttl, 8) + be(count, 1) + b"".join(managers))


def challenge(manager_id, nonce, last_number=0, last_digest=bytes(32)):
    return manager_id + nonce + be(last_number, 8) + last_digest


def statement(identity, asked, the_list, entries, the_configuration, **change):
    """S; @change replaces a field, by name, with other bytes."""
    fields = {
        "header": header(STATEMENT),
        "hsm_id": sha256(identity),
        "D": identity,
        "boot_count": be(3, 4),
        "fork_count": be(0, 4),
        "n": be(17, 4),
        "instance_id": bytes(range(16)),
        "uptime": be(123456789, 8),
        "lease_nonce": sha256(b"lease nonce"),
        "challenge_count": be(len(asked), 1),
        "challenges": b"".join(asked),
        "platform": bytes(32),
        "module_version": be(0x00010000, 4),
        "list_digest": sha256(the_list),
        "list_count": be(entries, 4),
        "config_digest": sha256(the_configuration),
        "groups": be(1, 1),
        "suite": be(1, 2),
    }
    for name in change:
        if name not in fields:
            raise KeyError(name)
    fields.update(change)
    return b"".join(fields.values())


def announcement(the_list, count):
    return header(ANNOUNCEMENT) + sha256(the_list) + be(len(the_list), 4) + be(count, 4)


def order(kind, manager_id, hsm_id, elements, sequence=1, reason=1, count=None, head=None):
    """What the signature covers."""
    count = len(elements) if count is None else count
    return ((head or header(kind)) + manager_id + hsm_id + be(sequence, 8) + be(reason, 1) +
            be(count, 2) + b"".join(elements))


def lease(manager_id, hsm_id, exceptions=(), statement=sha256(b"statement"), least=0,
          ttl=3600000, verdict=ALLOW, sequence=0, count=None, head=None):
    """What the signature of a lease covers."""
    count = len(exceptions) if count is None else count
    return ((head or header(LEASE)) + manager_id + hsm_id + be(sequence, 8) + statement +
            be(least, 8) + be(ttl, 8) + be(verdict, 1) + be(count, 2) + b"".join(exceptions))


def trust_change(manager_id, hsm_id, new, previous=sha256(b"configuration"), sequence=1,
                 length=None, head=None):
    """What the signature of a trust-change covers."""
    length = len(new) if length is None else length
    return ((head or header(TRUST_CHANGE)) + manager_id + hsm_id + be(sequence, 8) + previous +
            be(length, 2) + new)


SIGN, PROVE = 1, 2              # operations of grants, and their algorithms


def grant_body(named, **change):
    """What all managers sign; @change replaces a field, by name, with other bytes."""
    fields = {
        "instance_id": bytes(range(16)),
        "element": named,
        "operation": be(SIGN, 1),
        "algorithm": be(1, 2),
        "parameter": be(0, 4),
        "input": sha256(sha256(b"message")),
        "client": bytes(65),
        "jti": bytes(range(1, 17)),
        "not_after": be(123456789, 8),
    }
    for name in change:
        if name not in fields:
            raise KeyError(name)
    fields.update(change)
    return b"".join(fields.values())


def grant(manager_id, hsm_id, body, sequence=0, head=None):
    """What the signature of a grant covers."""
    return (head or header(GRANT)) + manager_id + hsm_id + be(sequence, 8) + body


def grant_digest(hsm_id, body):
    return sha256(b"zkhsm grant v1" + hsm_id + body)


def receipt(digest, output, head=None):
    return (head or header(RECEIPT)) + digest + sha256(output)


def delta(base, new, removed, changed):
    return (header(DELTA) + sha256(base) + sha256(new) +
            be(len(removed), 4) + b"".join(be(len(i), 1) + i for i in removed) +
            be(len(changed), 4) + b"".join(changed))
