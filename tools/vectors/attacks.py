# SPDX-License-Identifier: GPL-2.0
"""Evidence whose maker lies, or plays with keys that are peculiar."""

import cheats
import edges
import formats as f
from evidence import CHALLENGE, D, HSM_ID, IDENTITY, MANAGER_IDS, Maker
from p256 import (G, N, batch_seed, be, coefficient, decode, draw, draw_bytes, ecdsa_sign, encode,
                  mul, negate, number, prove, public, sha256)

A, C = draw("attack key a"), draw("attack key c")
NONCE = draw("attack nonce")
X = edges.unknown("x")
FIRST, SECOND, THIRD = b"first", b"second", b"third"


class Box(Maker):
    """A list of (id, point, attributes); secrets are the prover's affair."""

    def __init__(self, entries, **options):
        super().__init__((), **options)
        self.entries = entries
        self.list = f.key_list([f.entry(i, p if isinstance(p, bytes) else encode(p), **attributes)
                                for i, p, attributes in entries])

    def statement(self, **change):
        return f.statement(change.pop("identity", D), self.challenges, self.list,
                           len(self.entries), self.configuration, **change)

    def covered(self):
        """The batch, the identity first."""
        return [decode(D)] + [p for _, p, a in self.entries if a.get("state") != f.COMPROMISED]

    def proved(self):
        return [i.decode() for i, _, a in self.entries if a.get("state") != f.COMPROMISED]

    def good(self, name, secrets, v=NONCE, **change):
        s = self.statement(**change)
        return self.ok(name, s + self.proof(secrets, v, s))

    def proof(self, secrets, v, s):
        seed = batch_seed(public(v), s[40:105], s[8:40], s)
        secrets = [IDENTITY] + secrets
        return cheats.known(v, secrets, [coefficient(seed, i) for i in range(len(secrets))])

    def ok(self, name, data, **fields):
        return dict(self.case(name, "ok", data, **fields), reason="", proved=self.proved())

    def bad(self, name, verdict, reason, data, **fields):
        return dict(self.case(name, verdict, data, **fields), reason=reason)


def keys(*points, **attributes):
    return [(i, p, attributes) for i, p in zip((FIRST, SECOND, THIRD), points)]


def two(**options):
    return Box(keys(mul(A), mul(C)), **options)


def peculiar():
    """Keys and commitments that only look wrong."""
    a, d = mul(A), mul(IDENTITY)
    for name, points, secrets in (
            ("a-is-generator", [G], [1]), ("a-is-minus-generator", [negate(G)], [N - 1]),
            ("a-twice", [a, a], [A, A]), ("a-and-its-negative", [a, negate(a)], [A, N - A]),
            ("a-is-the-identity", [d], [IDENTITY]),
            ("a-is-the-identity-negated", [negate(d)], [N - IDENTITY]),
            ("all-are-the-identity", [d, d, d], [IDENTITY] * 3),
            ("sum-of-keys-is-infinity", [a, mul(C), mul(-IDENTITY - A - C)],
             [A, C, (-IDENTITY - A - C) % N]),
            ("one-is-the-sum-of-others", [a, mul(C), mul(A + C)], [A, C, (A + C) % N]),
            ("double-and-triple", [a, mul(2 * A), mul(3 * A)], [A, 2 * A % N, 3 * A % N]),
            ("key-of-the-smallest-x", [mul(2)], [2])):
        yield Box(keys(*points)).good(name, secrets)
    for name, v in (("v-is-generator", 1), ("v-is-minus-generator", N - 1), ("v-is-a", A),
                    ("v-is-minus-a", N - A), ("v-is-minus-the-identity", N - IDENTITY),
                    ("v-of-the-largest-nonce", N - 2)):
        yield two().good(name, [A, C], v)
    # No proof covers what is compromised, whoever knows it; the others keep their positions.
    for name, entries in (
            ("compromised-first", keys(X, state=f.COMPROMISED) + [(SECOND, mul(C), {})]),
            ("compromised-last", [(FIRST, mul(C), {})] + keys(X, X, state=f.COMPROMISED)[1:]),
            ("compromised-is-the-identity",
             keys(mul(IDENTITY), state=f.COMPROMISED) + [(SECOND, mul(C), {})]),
            ("compromised-and-again-active",
             keys(mul(C), state=f.COMPROMISED) + [(SECOND, mul(C), {})])):
        yield Box(entries).good(name, [C])


def small_response():
    """With small secrets r is small, and r + n is a number of 32 bytes, too."""
    d = 5
    box = Box(keys(mul(7)))
    s = box.statement(identity=public(d))
    seed = lambda v: batch_seed(public(v), public(d), sha256(public(d)), s)
    v = 2**200
    r = v - sum(coefficient(seed(v), i) * a for i, a in enumerate((d, 7)))
    assert 0 < r < 2**256 - N
    yield box.ok("r-small", s + public(v) + be(r))
    yield box.bad("r-plus-n", "malformed", "response", s + public(v) + be(r + N))


def unknown_keys():
    """Honest coefficients, and one secret that the prover does not have."""
    pretend = draw("pretended")
    for name, points, secrets in (
            ("unknown-key", [mul(A), X], [A, pretend]),
            ("unknown-key-first", [X, mul(A)], [pretend, A]),
            ("unknown-key-and-its-negative", [X, negate(X)], [0, 0]),
            ("unknown-key-minus-known", [cheats.add(X, negate(mul(A))), mul(A)], [0, A]),
            ("unknown-key-minus-the-identity", [cheats.add(X, negate(mul(IDENTITY)))], [0]),
            ("unknown-keys-of-one-secret", [X, mul(2, X)], [0, 0])):
        box = Box(keys(*points))
        s = box.statement()
        seed = batch_seed(public(NONCE), D, HSM_ID, s)
        total = sum(coefficient(seed, i) * a for i, a in enumerate([IDENTITY] + secrets))
        yield box.bad(name, "false", "equation", s + public(NONCE) + be((NONCE - total) % N))
    box = two()
    s = box.statement()
    v = public(NONCE)
    c = cheats.standard(batch_seed(v, D, HSM_ID, s), box.covered())
    # What a verifier takes that forgets one term, or a sign.
    for name, terms in (("identity-left-out", (0, 1, 1)), ("first-key-left-out", (1, 0, 1)),
                        ("last-key-left-out", (1, 1, 0)), ("all-keys-left-out", (1, 0, 0)),
                        ("every-term-left-out", (0, 0, 0)), ("last-key-negated", (1, 1, -1)),
                        ("identity-negated", (-1, 1, 1)), ("last-key-twice", (1, 1, 2))):
        total = sum(k * n * a for k, n, a in zip(c, terms, (IDENTITY, A, C)))
        yield box.bad(name, "false", "equation", s + v + be((NONCE - total) % N))
    # V = r * G + sum, found for coefficients of another V
    yield box.bad("commitment-after-the-response", "false", "equation",
                  s + cheats.blind(box.covered(), lambda _: c))
    # The commitment for which r would be 0 under the coefficients of another
    total = sum(k * a for k, a in zip(c, (IDENTITY, A, C))) % N
    yield box.bad("v-is-the-sum-and-r-is-zero", "false", "equation", s + public(total) + be(0))
    for name, r in (("r-zero", 0), ("r-one", 1), ("r-largest", N - 1)):
        yield box.bad(name, "false", "equation", s + v + be(r))
    for name, r in (("r-is-n", N), ("r-above-n", N + 1), ("r-all-ones", 2**256 - 1)):
        yield box.bad(name, "malformed", "response", s + v + be(r))


def weak_seeds():
    box = two()
    s, points = box.statement(), box.covered()
    for name, parts, (has_v, has_list) in cheats.weak_seeds():
        c_of = lambda v, st, parts=parts: cheats.standard(cheats.seed_of(v, st, parts), points)
        yield box.bad(name, "false", "equation",
                      s + cheats.known(NONCE, [IDENTITY, A, C], c_of(public(NONCE), s)))
        if not has_v:
            other = Box(keys(X, edges.unknown("y")))
            st = other.statement()
            yield other.bad(name + "-forged", "false", "equation", st + cheats.blind(
                other.covered(), lambda v, st=st, c_of=c_of: c_of(v, st)))
        if not has_list:
            yield rogue(name + "-rogue-key", lambda st, c_of=c_of: c_of(public(NONCE), st))
    yield box.bad("seed-without-lengths", "false", "equation", s + cheats.known(
        NONCE, [IDENTITY, A, C], cheats.standard(cheats.raw_seed(public(NONCE), s), points)))


def rogue(name, coefficients_of, unknown=X):
    """An unknown key, and one chosen so that it is cancelled, with the identity."""
    draft = Box(keys(unknown, G))
    c = coefficients_of(draft.statement())
    key, t = cheats.cancelling(draft.covered(), 2, c)
    box = Box(keys(unknown, key))
    s = box.statement()
    assert coefficients_of(s) == c
    r = (NONCE - t) % N
    assert cheats.holds(mul(NONCE), r, c, box.covered())
    return box.bad(name, "false", "equation", s + public(NONCE) + be(r))


def weak_coefficients():
    box = two()
    s = box.statement()
    seed = cheats.right_seed(public(NONCE), s)
    encoded = [encode(p) for p in box.covered()]
    for name, c_of in cheats.weak_coefficients():
        yield box.bad(name, "false", "equation",
                      s + cheats.known(NONCE, [IDENTITY, A, C], c_of(seed, encoded)))
    for name, c in (("c-all-one", [1, 1, 1]), ("c-without-seed", [
            number(sha256(cheats.C_LABEL + be(1, 2) + be(i, 4))[:16]) for i in range(3)])):
        yield rogue(name + "-rogue-key", lambda s, c=c: c)
        other = Box(keys(X, edges.unknown("y")))
        yield other.bad(name + "-forged", "false", "equation",
                        other.statement() + cheats.blind(other.covered(), lambda v, c=c: c))
    # X, -X cancel where all coefficients are one
    other = Box(keys(X, negate(X)))
    st = other.statement()
    seed = cheats.right_seed(public(NONCE), st)
    c = coefficient(seed, 0)
    yield other.bad("c-all-the-same-key-and-negative", "false", "equation",
                    st + public(NONCE) + be((NONCE - c * IDENTITY) % N))


def fewer_entries():
    """Coefficients over less than the list, or over it in another order."""
    box = Box(keys(mul(A), mul(C), mul(A + C)))
    s = box.statement()
    seed = cheats.right_seed(public(NONCE), s)
    c = [coefficient(seed, i) for i in range(5)]
    for name, pairs in (
            ("entry-first-omitted", ((c[0], IDENTITY), (c[1], C), (c[2], A + C))),
            ("entry-middle-omitted", ((c[0], IDENTITY), (c[1], A), (c[2], A + C))),
            ("entry-last-omitted", ((c[0], IDENTITY), (c[1], A), (c[2], C))),
            ("identity-omitted", ((c[0], A), (c[1], C), (c[2], A + C))),
            ("identity-last", ((c[3], IDENTITY), (c[0], A), (c[1], C), (c[2], A + C))),
            ("entries-swapped", ((c[0], IDENTITY), (c[2], A), (c[1], C), (c[3], A + C))),
            ("entry-once-more", ((c[0], IDENTITY), (c[1], A), (c[2], C), (c[3], A + C),
                                 (c[4], A + C)))):
        total = sum(k * a for k, a in pairs)
        yield box.bad(name, "false", "equation", s + public(NONCE) + be((NONCE - total) % N))
    # Positions in L, not among the proved; a key that is compromised, proved all the same
    half = Box(keys(mul(A), state=f.COMPROMISED) + [(SECOND, mul(C), {})])
    s = half.statement()
    c = [coefficient(cheats.right_seed(public(NONCE), s), i) for i in range(3)]
    for name, pairs in (("positions-of-the-list", ((c[0], IDENTITY), (c[2], C))),
                        ("compromised-proved-too", ((c[0], IDENTITY), (c[1], A), (c[2], C))),
                        ("only-compromised-proved", ((c[0], IDENTITY), (c[1], A)))):
        total = sum(k * a for k, a in pairs)
        yield half.bad(name, "false", "equation", s + public(NONCE) + be((NONCE - total) % N))
    # Said to be active, proved as if it were compromised
    box = Box([(FIRST, X, {}), (SECOND, mul(C), {})])
    s = box.statement()
    yield box.bad("active-proved-as-compromised", "false", "equation", s + half.proof([C], NONCE, s))
    # Compromised when the evidence was made, active in the list that is shown
    good = half.statement() + half.proof([C], NONCE, half.statement())
    shown = Box(keys(mul(A), mul(C)))
    yield half.bad("compromised-shown-as-active", "false", "list-digest", good, list=shown.list)


def other_proofs():
    """A proof that holds for something else."""
    empty = Box([])
    s = empty.statement()
    v = draw("other proof")
    for name, proof in (
            ("proof-of-one-key", prove(IDENTITY, v, HSM_ID, s)),
            ("proof-of-one-key-other-absent", prove(IDENTITY, v, HSM_ID)),
            ("proof-of-the-announcement",
             prove(IDENTITY, v, HSM_ID, f.announcement(empty.list, 0))),
            ("proof-of-the-users-key", prove(A, v, HSM_ID, s)),
            ("signature-with-a-point", public(v) + ecdsa_sign(IDENTITY, v, sha256(s))[32:])):
        yield empty.bad(name, "false", "equation", s + proof)
    other = draw("another identity")
    st = empty.statement(hsm_id=sha256(public(other)))
    yield empty.bad("another-hsm-id", "false", "hsm-id", st + empty.proof([], v, st))
    st = empty.statement(identity=public(other))
    yield empty.bad("another-identity", "false", "equation", st + empty.proof([], v, st))
    st = empty.statement(identity=public(other), hsm_id=HSM_ID)
    yield empty.bad("identity-of-another-hsm-id", "false", "hsm-id", st + empty.proof([], v, st))
    st = empty.statement(D=encode(negate(decode(D))))
    yield empty.bad("identity-negated-hsm-id-kept", "false", "hsm-id", st + empty.proof([], v, st))
    good = s + empty.proof([], v, s)
    later = empty.statement(n=be(18, 4))
    yield empty.bad("number-raised", "false", "equation", later + good[-97:])
    yield empty.bad("proof-of-an-older-statement", "false", "equation",
                    s + empty.proof([], v, later))


def challenges():
    made = {}
    for count in (1, 2, 16):
        ids = sorted(draw_bytes("asker %d" % i) for i in range(count - 1)) + [MANAGER_IDS[0]]
        made[count] = [f.challenge(i, CHALLENGE) for i in sorted(ids)]
    one = f.challenge(MANAGER_IDS[0], CHALLENGE)
    again = f.challenge(MANAGER_IDS[0], draw_bytes("another nonce"))

    def box(asked):
        b = two()
        b.challenges = asked
        return b

    def made_over(name, verdict, reason, asked, **fields):
        b = box(asked)
        s = b.statement()
        data = s + b.proof([A, C], NONCE, s)
        return b.bad(name, verdict, reason, data, **fields) if reason else b.ok(name, data, **fields)

    for count in (1, 2, 16):
        yield made_over("challenges-%d" % count, "ok", "", made[count])
    yield made_over("challenge-after-orders", "ok", "",
                    [f.challenge(MANAGER_IDS[0], CHALLENGE, 2**64 - 1, sha256(b"order"))])
    yield made_over("challenge-number-without-digest", "ok", "",
                    [f.challenge(MANAGER_IDS[0], CHALLENGE, 1)])
    yield made_over("challenge-not-included", "false", "challenge", [one],
                    manager_id=MANAGER_IDS[1])
    yield made_over("challenge-of-another-time", "false", "nonce", [again])
    yield made_over("challenge-nonce-of-another-manager", "false", "nonce",
                    sorted((f.challenge(MANAGER_IDS[1], CHALLENGE), again)))
    for name, asked in (("two-for-one-manager", sorted((one, again))),
                        ("same-twice", [one, one]), ("unsorted", made[2][::-1]),
                        ("digest-without-number",
                         [f.challenge(MANAGER_IDS[0], CHALLENGE, 0, be(1))])):
        yield made_over("challenge-" + name, "malformed", "evidence-form", asked)
    seventeen = [f.challenge(i, CHALLENGE) for i in
                 sorted([draw_bytes("asker %d" % i) for i in range(16)] + [MANAGER_IDS[0]])]
    yield made_over("challenges-17", "malformed", "evidence-form", seventeen)
    b = two()
    for name, change in (("challenges-none", {"challenge_count": b"\0", "challenges": b""}),
                         ("challenges-fewer-than-said", {"challenge_count": b"\2"}),
                         ("challenges-more-than-said", {"challenges": one + again}),
                         ("challenges-255", {"challenge_count": b"\xff"})):
        s = b.statement(**change)
        yield b.bad(name, "malformed", "evidence-form", s + b.proof([A, C], NONCE, s))


def cases():
    for source in (peculiar, small_response, unknown_keys, weak_seeds, weak_coefficients,
                   fewer_entries, other_proofs, challenges):
        yield from source()
