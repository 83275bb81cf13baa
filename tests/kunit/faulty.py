# SPDX-License-Identifier: GPL-2.0
"""Modules with mistakes, and the KUnit case that has to fail for each of them.

Mistakes of one round are in one module: none of them shows in a case that
another one is told by. A mistake in what everything stands on has a round of
its own.
"""

import os
import shutil
from typing import NamedTuple

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TREE = os.path.join(TOP, "build/kunit-mutants")
# Known answers at load would find some of them first: these are not asked here.
ALWAYS = ("main.c", "err = zkhsm_selftest();", "err = 0;")


class Mistake(NamedTuple):
    """@old: text that is in @file @count times; @case: SUITE: CASE that fails."""
    what: str
    case: str
    file: str
    old: str
    new: str
    count: int = 1


def alone(*arguments):
    return (Mistake(*arguments),)


ROUNDS = (
    # The arithmetic: whatever is wrong there is wrong everywhere.
    alone("the carry above the top limb is lost", "scalar: reference", "scalar.c",
          "mask_of(borrow & ~carry & 1)", "mask_of(borrow & 1)"),
    alone("a borrow adds no modulus", "scalar: reference", "scalar.c",
          "\tmask = mask_of(borrow);", "\tmask = mask_of(borrow & 0);"),
    alone("the carry of a product is lost", "scalar: reference", "scalar.c",
          "t[limbs] = t[limbs + 1] + above;", "t[limbs] = t[limbs + 1];"),
    alone("a limb above the modulus is not cleared", "scalar: reference", "scalar.c",
          "for (i = limbs; i < ZKHSM_MAX_LIMBS; i++)\n\t\tr->limb[i] = 0;",
          "for (i = limbs + 1; i < ZKHSM_MAX_LIMBS; i++)\n\t\tr->limb[i] = 0;"),
    alone("48 bytes are reduced wrongly", "scalar: wide", "scalar.c",
          "zkhsm_scalar_add(r, r, &high, m);", "zkhsm_scalar_sub(r, r, &high, m);"),
    alone("the product of an operand with itself as the result", "scalar: aliases", "scalar.c",
          "\tstruct zkhsm_scalar mont;\n\n\tzkhsm_scalar_to_mont(&mont, a, m);\n"
          "\tzkhsm_scalar_mont_mul(r, &mont, b, m);",
          "\tstruct zkhsm_scalar mont;\n\n\tzkhsm_scalar_to_mont(r, a, m);\n"
          "\tmont = *r;\n\tzkhsm_scalar_mont_mul(r, &mont, b, m);"),
    (
        Mistake("n is read as a scalar", "scalar: encoding", "scalar.c",
                "return below ? 0 : -ERANGE;", "return 0;"),
        Mistake("n - 3 is in range", "scalar: range", "scalar.c",
                "high.limb[0] -= 3;", "high.limb[0] -= 2;"),
        Mistake("the lowest limb does not count for zero", "scalar: equal", "scalar.c",
                "for (i = 0; i < ZKHSM_MAX_LIMBS; i++)\n\t\tbits |=",
                "for (i = 1; i < ZKHSM_MAX_LIMBS; i++)\n\t\tbits |="),
    ),
    alone("a wrong term in the sum of points", "point: degenerate", "point.c",
          "\tadd(&t4, &t0, &t1);\n", "\tadd(&t4, &t0, &t2);\n"),
    (
        Mistake("05 begins a point", "point: decode_refuses", "point.c",
                "sec1[0] != 0x04 ||", "sec1[0] < 0x04 ||"),
        Mistake("x + p names a point", "point: coordinates_below_p", "point.c",
                "\tif (zkhsm_scalar_from_be(r, be, P))\n",
                "\tzkhsm_scalar_reduce_hash(r, be, P);\n\tif (!be)\n"),
        Mistake("the point recovered is not looked at", "point: recover_y", "point.c",
                "\tif (!on_curve(&x0, &y))\n\t\treturn -EBADMSG;\n\n\tout[0]", "\tout[0]"),
        Mistake("infinity is not told", "point: known_answers", "point.c",
                "*infinity = !zkhsm_point_encode(out, &point);",
                "*infinity = !zkhsm_point_encode(out, &point) && 0;"),
    ),
    alone("a point off the curve is taken", "point: decode_refuses", "point.c",
          "!on_curve(&r->x, &r->y))", "0)"),
    # What hashes, draws and proves.
    alone("items have no length", "transcript: sequences_differ", "transcript.c",
          "\tzkhsm_transcript_raw(t, prefix, sizeof(prefix));\n", ""),
    (
        Mistake("a transcript stays on the stack", "transcript: final_wipes", "transcript.c",
                "\tmemzero_explicit(t, sizeof(*t));\n", ""),
        Mistake("a failed hash goes on", "transcript: error_is_kept", "transcript.c",
                "\tif (!t->err)\n\t\tt->err = crypto_shash_update",
                "\tif (1)\n\t\tt->err = crypto_shash_update"),
        Mistake("the HMAC keeps its key", "transcript: hmac_forgets", "transcript.c",
                "err = crypto_shash_setkey(hmac_tfm, zero_key, sizeof(zero_key));",
                "err = zero_key[0];"),
        Mistake("a refused scalar is tried again", "group: driver_refuses", "group.c",
                "zkhsm_scalar_neg(&neg, k, &zkhsm_p256_n);", "neg = *k;"),
        Mistake("a driver that refuses G is not broken", "group: driver_fails", "group.c",
                "return ret == -EBADMSG ? -EIO : ret;", "return ret;"),
        Mistake("a transform keeps its scalar", "group: forgets", "group.c",
                "err = slot_forget_secret(slot);", "err = 0;"),
        Mistake("one nonce for all purposes", "nonce: every_input_counts", "nonce.c",
                "msg.purpose = in->purpose;", "msg.purpose = 1;"),
        Mistake("a nonce out of range is taken", "nonce: redraw", "nonce.c",
                "if (ret || zkhsm_scalar_in_range(v, &zkhsm_p256_n))\n\t\t\tbreak;",
                "if (ret || zkhsm_scalar_in_range(v, &zkhsm_p256_n) || 1)\n\t\t\tbreak;"),
        Mistake("a proof that does not verify is released", "schnorr: faults", "schnorr.c",
                "\tret = verify(st, proof);\n", "\tret = verify(st, proof) ? 0 : 0;\n"),
        Mistake("evidence is not rechecked", "batch: faults", "batch.c",
                "if (!ret && crypto_memneq(x, b->commitment + 1, sizeof(x)))", "if (!ret && !x)"),
        Mistake("a key is proved twice", "batch: misuse", "batch.c",
                "if (i != b->next)", "if (i > b->next)"),
        Mistake("r = 0 is a signature's", "ecdsa: ranges", "ecdsa.c",
                "\t    zkhsm_scalar_from_be(&s, sig + 32, N) ||\n"
                "\t    zkhsm_scalar_is_zero(&r) || zkhsm_scalar_is_zero(&s))",
                "\t    zkhsm_scalar_from_be(&s, sig + 32, N))"),
        Mistake("a false signature is released", "ecdsa: faults", "ecdsa.c",
                "ret = zkhsm_ecdsa_verify(pub, digest, sig) ? -EIO : 0;",
                "ret = zkhsm_ecdsa_verify(pub, digest, sig) ? 0 : 0;"),
    ),
    (
        Mistake("one ladder too few is looked at", "group: driver_is_wrong", "group.c",
                "return zkhsm_p256_recover_y(x, x_next, pub) ? -EIO : 0;",
                "return zkhsm_p256_recover_y(x, x_next, pub) ? 0 : 0;"),
        Mistake("the secret does not hedge", "nonce: broken_entropy", "nonce.c",
                "memcpy(key.secret, in->secret, sizeof(key.secret));",
                "memset(key.secret, 0, sizeof(key.secret));"),
        Mistake("the counter does not count", "nonce: redraw", "nonce.c",
                "put_unaligned_be32(in->counter, msg.counter);",
                "put_unaligned_be32(0, msg.counter);"),
        Mistake("a nonce stays after a failure", "nonce: hash_fails", "nonce.c",
                "\tif (ret)\n\t\tmemzero_explicit(v, sizeof(*v));\n",
                "\tif (0)\n\t\tmemzero_explicit(v, sizeof(*v));\n", 2),
        Mistake("empty is absent", "schnorr: tampered_statement", "schnorr.c",
                "\tif (st->other)\n", "\tif (st->other_len)\n"),
        Mistake("a fault is not reported", "schnorr: faults", "schnorr.c",
                "\tif (ret == -EIO)\n\t\tzkhsm_fault_report(", "\tif (ret == 1)\n"
                "\t\tzkhsm_fault_report("),
        Mistake("the recheck takes the same form", "batch: faults", "batch.c",
                "zkhsm_scalar_mont_mul(&term, &c, a->mont, N);",
                "zkhsm_scalar_mul(&term, &c, a->plain, N);"),
        Mistake("one coefficient for all keys", "batch: coefficients", "batch.c",
                "put_unaligned_be32(i, i_be);", "put_unaligned_be32(0, i_be);"),
        Mistake("a batch stays", "batch: misuse", "batch.c",
                "\tmemzero_explicit(b, sizeof(*b));\n", ""),
        Mistake("one nonce for all digests", "ecdsa: nonces", "ecdsa.c",
                "\tzkhsm_transcript_item(&t, digest, 32);\n", ""),
    ),
    # Formats, keys, orders, votes, wiping, faults.
    (
        Mistake("a rest is not seen", "wire: lengths", "wire-io.h",
                "return r->bad || r->left ? -EBADMSG : 0;", "return r->bad ? -EBADMSG : 0;"),
        Mistake("every version will do", "wire-bytes: statement", "wire-io.h",
                " ||\n\t    get_unaligned_be16(p + 6) != ZKHSM_WIRE_VERSION) {", ") {"),
        Mistake("an id may begin with a dot", "wire-bytes: ids", "wire.c",
                "|| !id_char(id[0]))", "|| id[0] == '-')"),
        Mistake("usage does not matter", "key: usage", "key.c",
                "if (!(key->usage & usage))", "if (!usage)"),
        Mistake("usage can be widened", "key: attributes", "ops.c",
                "if (up->usage & ~key->usage)", "if (up->usage & ~ZKHSM_KEY_USAGE_ALL)"),
        Mistake("a dump tells a key twice", "key: store_order", "keystore.c",
                "if (compare(id, len, node) < 0) {", "if (compare(id, len, node) <= 0) {"),
        Mistake("replays act", "order: counter", "order.c",
                "if (o->number <= last)", "if (o->number < last)"),
        Mistake("an order for any HSM", "order: strangers", "order.c",
                "if (memcmp(o->hsm_id, zkhsm_hsm_id(), sizeof(o->hsm_id)))",
                "if (!zkhsm_hsm_id())"),
        Mistake("one vote too few releases", "vote: quorums", "vote.c",
                "t.release >= quorum", "t.release + 1 >= quorum"),
        Mistake("the plain form is freed as it is", "wipe: secret_freed", "secret.c",
                "kfree_sensitive(s->plain);", "kfree(s->plain);"),
        Mistake("the stack is not burnt", "wipe: stack", "group.c",
                "\tburn_frame(2);\n", "\t(void)burn_frame;\n"),
        Mistake("a fault disables nothing", "fault: disables", "ops.c",
                "\treturn zkhsm_faults();\n", "\treturn zkhsm_faults() == U32_MAX;\n"),
        Mistake("a fault is told to nobody", "fault: in_stored_form", "ops.c",
                "\tzkhsm_nl_event_hsm(ZKHSM_EVENT_FAULT);\n", ""),
        Mistake("a fault is told out of turn", "fault: told_in_turn", "netlink-event.c",
                "\tdown_write(&zkhsm_lock);\n\tdowngrade_write(&zkhsm_lock);\n",
                "\tdown_read(&zkhsm_lock);\n"),
    ),
    (
        Mistake("a manager twice", "wire-bytes: statement", "wire.c",
                "sizeof(c->manager_id)) >= 0)", "sizeof(c->manager_id)) > 0)"),
        Mistake("an element twice", "wire-order: vote", "wire-order.c",
                "o->elements + i * ZKHSM_HASH_LEN, ZKHSM_HASH_LEN) >= 0)",
                "o->elements + i * ZKHSM_HASH_LEN, ZKHSM_HASH_LEN) > 0)"),
        Mistake("a field that is not read", "wire: fields", "wire.c",
                "\ts->fork_count = take_u32(r);\n",
                "\ttake_u32(r);\n\ts->fork_count = s->boot_count;\n"),
        Mistake("any state out of pre-active", "key: state_table", "ops.c",
                "\tcase ZKHSM_KEY_STATE_DEACTIVATED:\n\t\tif (to == ZKHSM_KEY_STATE_ACTIVE)",
                "\tcase ZKHSM_KEY_STATE_DEACTIVATED:\n\t\tif (to)"),
        Mistake("what was stopped in flight gets out", "key: stopped_in_flight", "key.c",
                "\terr = may_use(key, usage, grant, &unleased, extack);\n\tif (err) {\n",
                "\terr = may_use(key, usage, grant, &unleased, extack) && 0;\n\tif (err) {\n"),
        Mistake("an element twice in the store", "key: lives_once", "element.c",
                "if (e && e->role != ZKHSM_ROLE_ABSENT)", "if (e && e->role > ZKHSM_ROLE_KEY)"),
        Mistake("releases out of turn", "order: counter", "order.c",
                "|| type == ZKHSM_ORDER_TYPE_HOLD;",
                "|| type == ZKHSM_ORDER_TYPE_HOLD || type == ZKHSM_ORDER_TYPE_RELEASE;"),
        Mistake("a signature of anybody", "order: tampered", "order.c",
                "\tif (err)\n\t\treturn zkhsm_refuse(extack, -EKEYREJECTED, "
                "ZKHSM_REASON_SIGNATURE,",
                "\tif (err == 1)\n\t\treturn zkhsm_refuse(extack, -EKEYREJECTED, "
                "ZKHSM_REASON_SIGNATURE,"),
        Mistake("the digest of the last order is not kept", "order: malleable_signature", "order.c",
                "\tmemcpy(by->last_digest, digest, ZKHSM_HASH_LEN);\n", ""),
        Mistake("unpinned managers release", "vote: of_unpinned", "vote.c",
                "t->release += v->by->pinned;", "t->release++;"),
        Mistake("a stopped key comes back", "vote: outlives_key", "vote.c",
                "\t\te->stopped = true;\n", "\t\te->stopped = false;\n"),
        Mistake("the Montgomery form is freed as it is", "wipe: secret_freed", "secret.c",
                "kfree_sensitive(s->mont);", "kfree(s->mont);"),
        Mistake("evidence is not rechecked", "fault: in_stored_form", "batch.c",
                "if (!ret && crypto_memneq(x, b->commitment + 1, sizeof(x)))", "if (!ret && !x)"),
    ),
    (
        Mistake("an older order undoes a newer one", "order: counter", "order.c",
                "\tif (a->order->number < v->number)\n\t\treturn;\n", ""),
        Mistake("releases outlive a newer stop", "vote: newer_stop_sets_releases_aside", "vote.c",
                "\tif (stops(v))\n\t\tforget_releases(e);",
                "\tif (!v)\n\t\tforget_releases(e);"),
        Mistake("what was cleared comes back", "vote: cleared_ahead_of_turn", "vote.c",
                "\t\t\tv->kind = ZKHSM_VOTE_CLEARED;\n", "\t\t\tzkhsm_vote_del(e, v);\n"),
        Mistake("a reason without a meaning", "wire-order: vote", "wire-io.h",
                " &&\n\t       reason != ZKHSM_REVOCATION_REASON_UNUSED;", ";"),
        Mistake("an owner disturbs evidence", "key: quiet", "ops.c",
                "!up->by.admin && zkhsm_keystore_quiet())",
                "!up->by.admin && zkhsm_keystore_quiet() && 0)"),
        Mistake("V is not compared", "schnorr: tampered_proof", "schnorr.c",
                "infinity || crypto_memneq(sum, proof, sizeof(sum))", "infinity"),
        Mistake("released into another state", "vote: resumes", "vote.c",
                "key->resume = key->state;", "key->resume = ZKHSM_KEY_STATE_ACTIVE;"),
        Mistake("two encodings of one list", "wire: canonical", "wire.c",
                "\te->flags = take_u32(r);\n", "\te->flags = take_u32(r) & ZKHSM_KEY_FLAG_ALL;\n"),
        Mistake("the last use does not wipe", "wipe: key_in_flight", "key.c",
                "\t\tzkhsm_secret_wipe(&live->secret);\n", ""),
        Mistake("grace wraps around", "lease: grace_highest", "lease.c",
                "\t\tuntil = U64_MAX - 1;\n", "\t\tuntil += 0;\n"),
        Mistake("a millisecond more than grace", "lease: grace", "lease.c",
                "now - zkhsm_lease_expires_ms(m->lease) < grace)",
                "now - zkhsm_lease_expires_ms(m->lease) <= grace)"),
    ),
    # Leases, and C changed by order.
    (
        Mistake("an expired lease grants", "lease: life", "lease.c",
                "now >= zkhsm_lease_expires_ms(m->lease))\n\t\treturn ZKHSM_LEASE_VERDICT_EXPIRED",
                "!now)\n\t\treturn ZKHSM_LEASE_VERDICT_EXPIRED"),
        Mistake("exceptions are ignored", "lease: words", "lease.c",
                "if (exception == grants)", "if (!grants)"),
        Mistake("a changed key is granted", "lease: changed", "lease.c",
                "if (key->changed > l->generation)", "if (!l)"),
        Mistake("an older lease replaces a newer one", "lease-apply: in_order", "lease-apply.c",
                "if (ref.number <= m->lease_number)", "if (ref.number == m->lease_number)"),
        Mistake("least does not matter", "lease-apply: refuses", "lease-apply.c",
                "if (m->last_number < o->least)", "if (m->last_number + o->least < o->least)"),
        Mistake("offline evidence lives for ever", "lease-apply: offline", "outstanding.c",
                "return ktime_after(o->issued, ktime_sub(now, ms_to_ktime(offline_ms)))",
                "return 1"),
        Mistake("a dead nonce is answered", "lease-apply: nonce_dies", "outstanding.c",
                "return ktime_after(o->issued, ktime_sub(now, life)) ? o : NULL;", "return o;"),
        Mistake("a lease can have a number", "wire-order: lease", "wire-order.c",
                "\t\treturn !o->number;\n", "\t\treturn true;\n"),
        Mistake("what was withdrawn counts", "trust-change: latest_word", "trust-change.c",
                "\tch->by->waiting = false;\n"
                "\tmemset(ch->by->pending, 0, sizeof(ch->by->pending));\n", ""),
        Mistake("C changes out of turn", "trust-change: numbers", "order.c",
                "|| type == ZKHSM_ORDER_TYPE_HOLD;",
                "|| type == ZKHSM_ORDER_TYPE_HOLD || type == ZKHSM_ORDER_TYPE_TRUST_CHANGE;"),
        Mistake("managers that are gone stay", "trust-change: managers", "trust-change.c",
                "\t\tif (stays(ch, m))\n", "\t\tif (stays(ch, m) || ch)\n"),
        Mistake("unpinned managers change C", "trust-change: of_unpinned", "trust.c",
                "\t\tif (next->pinned)\n\t\t\treturn next;",
                "\t\tif (next->pinned || next->waiting)\n\t\t\treturn next;"),
    ),
    (
        Mistake("whoever denies has grace", "lease: grace_of_grants_alone", "lease.c",
                "else if (v == ZKHSM_LEASE_VERDICT_EXPIRED &&",
                "else if (v != ZKHSM_LEASE_VERDICT_NONE &&"),
        Mistake("the first end for the last", "lease: quorum", "lease.c",
                "i > 0 && ends[i - 1] < until;", "i > 0 && ends[i - 1] > until;"),
        Mistake("uses that no lease grants are not counted", "lease: uses", "key.c",
                "\tatomic64_inc(&key->unleased_uses);\n", ""),
        Mistake("a lease for longer than may be", "lease-apply: refuses", "lease-apply.c",
                "if (l->ttl_ms > zkhsm_hsm_max_ttl_ms())", "if (!l->ttl_ms)"),
        Mistake("what is answered by hand outlives a fork", "lease-apply: forked", "outstanding.c",
                "\texpire(0);\n\tdrop_offline();\n}\n\nu32", "\texpire(0);\n}\n\nu32"),
        Mistake("a lease outlives its manager's pin", "lease-apply: in_order", "trust.c",
                "\tzkhsm_lease_drop(m);\n\tzkhsm_element_abandon(", "\tzkhsm_element_abandon("),
        Mistake("a lease of no time", "wire-order: lease", "wire-order.c",
                "if (!o->ttl_ms || (o->verdict", "if ((o->verdict"),
        Mistake("what waits is the same, whatever it is", "trust-change: quorum", "trust-change.c",
                "n += m->waiting && !memcmp(m->pending, ch->digest, sizeof(m->pending));",
                "n += m->waiting;"),
        Mistake("void still changes C", "trust-change: void", "trust-change.c",
                "c->quorum > c->manager_count ||", "0 ||"),
        Mistake("a lower quorum meets no votes", "trust-change: tightens", "trust-change.c",
                "res->change_count = zkhsm_vote_tighten(res->changes);", "res->change_count = 0;"),
    ),
    (
        Mistake("a grant for longer than may be", "grant: life", "grant.c",
                "now > ZKHSM_GRANT_AHEAD_MAX_MS)", "now > 2 * ZKHSM_GRANT_AHEAD_MAX_MS)"),
        Mistake("what has ended is in the way", "grant: many", "grant-used.c",
                "if (use && use->not_after_ms <= now) {", "if (0) {"),
        Mistake("one grant too few", "grant: in_flight", "grant.c",
                "if (granted < quorum)", "if (granted + 1 < quorum)"),
        Mistake("a fork forgets no grant", "grant: fork", "hsm.c",
                "\tzkhsm_grant_drop_all();\n", ""),
        Mistake("an answer without its receipt", "grant: burnt", "grant.c",
                "\treturn err ? zkhsm_refuse_failure(extack, err) : 0;\n}\n\n/* NULL is fine. */",
                "\treturn 0;\n}\n\n/* NULL is fine. */"),
    ),
    alone("grants are not looked at when the answer is released", "grant: in_flight", "key.c",
          "\terr = may_use(key, usage, grant, &unleased, extack);\n\tif (err) {\n",
          "\terr = may_use(key, usage, NULL, &unleased, extack);\n"
          "\terr = err == -EACCES && grant ? 0 : err;\n\tif (err) {\n"),
    (
        Mistake("another instance's grants", "grant: fork", "grant.c",
                "if (memcmp(g->terms.instance_id,", "if (0 && memcmp(g->terms.instance_id,"),
        Mistake("a used grant is good again", "grant: life", "grant-used.c",
                "if (is_used(o->jti, now))", "if (is_used(o->jti, now) && !now)"),
    ),
    # Others' orders in the suites before would change C.
    alone("C may have become another one", "trust-change: void", "trust-change.c",
          "memcmp(o->previous, now, ZKHSM_HASH_LEN) ?", "!o ?"),
)


def edited(name, mistakes):
    with open(os.path.join(TOP, "kmod", name)) as file:
        text = file.read()
    edits = [(m.old, m.new, m.count) for m in mistakes if m.file == name]
    if name == ALWAYS[0]:
        edits.append((ALWAYS[1], ALWAYS[2], 1))
    for old, new, count in edits:
        if text.count(old) != count:
            raise LookupError(f"{name}: {text.count(old)} times {old!r}")
        text = text.replace(old, new)
    return text


def write(path, text):
    """Only what changes, so that make does not start anew."""
    if os.path.exists(path):
        with open(path) as file:
            if file.read() == text:
                return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def tree(mistakes):
    """What a module is built from, with the mistakes; one directory for all rounds."""
    shutil.copytree(os.path.join(TOP, "include"), os.path.join(TREE, "include"),
                    dirs_exist_ok=True)
    os.makedirs(os.path.join(TREE, "tools"), exist_ok=True)
    shutil.copy(os.path.join(TOP, "tools/build-module"), os.path.join(TREE, "tools"))
    sources = ["Kbuild", "kmod/Kbuild", "tests/kunit/Kbuild"]
    sources += ["tests/kunit/" + name for name in os.listdir(os.path.join(TOP, "tests/kunit"))
                if name.endswith((".c", ".h"))]
    for name in sources:
        with open(os.path.join(TOP, name)) as file:
            write(os.path.join(TREE, name), file.read())
    for name in os.listdir(os.path.join(TOP, "kmod")):
        if name.endswith((".c", ".h")):
            write(os.path.join(TREE, "kmod", name), edited(name, mistakes))
    return TREE
