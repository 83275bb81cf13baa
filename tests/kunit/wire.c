// SPDX-License-Identifier: GPL-2.0
/*
 * wire.c, the same for each format: what is encoded decodes to the same, one
 * byte less or more decodes to nothing, and what decodes at all is the one
 * encoding of what it decodes to.
 */
#include "kunit.h"

#define SEED	0x313eu

/* Enough for each sample below. */
#define ROOM	1024

/* A value of each format, and its encoding; too much for the stack. */
struct sample {
	struct zkhsm_statement statement;
	struct zkhsm_configuration configuration;
	struct zkhsm_announcement announcement;
	struct zkhsm_order order;
	struct zkhsm_list_entry entry;
	u8 bytes[ROOM];
};

/* @encode and @decode: of the value that a sample has for this format. */
struct format {
	const char *name;
	void (*fill)(struct sample *s, struct rnd_state *rnd);
	int (*encode)(const struct sample *s, u8 *buf, size_t size);
	int (*decode)(struct sample *s, const u8 *buf, size_t len);
};

static void fill_statement(struct sample *s, struct rnd_state *rnd)
{
	struct zkhsm_statement *st = &s->statement;

	prandom_bytes_state(rnd, st, sizeof(*st));
	st->challenge_count = 2;
	memset(st->challenges + 2, 0, sizeof(st->challenges) - 2 * sizeof(st->challenges[0]));
	st->challenges[0].manager_id[0] = 1;
	st->challenges[1].manager_id[0] = 2;
	st->challenges[1].last_number = 0;
	memset(st->challenges[1].last_digest, 0, ZKHSM_HASH_LEN);
	st->list_count = ZKHSM_KEYS_MAX;
	st->group_count = 1;
	st->groups[0] = ZKHSM_SUITE_P256;
	st->groups[1] = 0;
}

static int encode_statement(const struct sample *s, u8 *buf, size_t size)
{
	return zkhsm_statement_encode(&s->statement, buf, size);
}

static int decode_statement(struct sample *s, const u8 *buf, size_t len)
{
	return zkhsm_statement_decode(&s->statement, buf, len);
}

/* Proofs are opaque to the decoder; these are zero. */
static int encode_evidence(const struct sample *s, u8 *buf, size_t size)
{
	int len = zkhsm_statement_encode(&s->statement, buf, size);

	if (len < 0 || size - len < ZKHSM_PROOF_LEN)
		return -EMSGSIZE;
	memset(buf + len, 0, ZKHSM_PROOF_LEN);
	return len + ZKHSM_PROOF_LEN;
}

static int decode_evidence(struct sample *s, const u8 *buf, size_t len)
{
	size_t at;
	int err = zkhsm_evidence_decode(&s->statement, &at, buf, len);

	/* A byte of the proof that was changed is not seen here: say that it is malformed. */
	if (!err && memchr_inv(buf + at, 0, len - at))
		return -EBADMSG;
	return err;
}

static void fill_configuration(struct sample *s, struct rnd_state *rnd)
{
	struct zkhsm_configuration *c = &s->configuration;

	prandom_bytes_state(rnd, c, sizeof(*c));
	c->flags = ZKHSM_HSM_FLAG_LOCKED;
	c->quorum = 3;
	c->stop = 1;
	c->wipe = 255;
	c->manager_count = 3;
	memset(c->managers + 3, 0, sizeof(c->managers) - 3 * sizeof(c->managers[0]));
	c->managers[0][0] = 4;
	c->managers[1][0] = 4;
	c->managers[2][0] = 4;
	c->managers[0][1] = 1;
	c->managers[1][1] = 2;
	c->managers[2][1] = 3;
}

static int encode_configuration(const struct sample *s, u8 *buf, size_t size)
{
	return zkhsm_configuration_encode(&s->configuration, buf, size);
}

static int decode_configuration(struct sample *s, const u8 *buf, size_t len)
{
	return zkhsm_configuration_decode(&s->configuration, buf, len);
}

static void fill_announcement(struct sample *s, struct rnd_state *rnd)
{
	prandom_bytes_state(rnd, &s->announcement, sizeof(s->announcement));
	s->announcement.list_count = ZKHSM_KEYS_MAX;
}

static int encode_announcement(const struct sample *s, u8 *buf, size_t size)
{
	return zkhsm_announcement_encode(&s->announcement, buf, size);
}

static int decode_announcement(struct sample *s, const u8 *buf, size_t len)
{
	return zkhsm_announcement_decode(&s->announcement, buf, len);
}

static const u8 names[3][ZKHSM_HASH_LEN] = { { 1 }, { 1, 1 }, { 2 } };

static void fill_order(struct sample *s, struct rnd_state *rnd)
{
	prandom_bytes_state(rnd, &s->order, sizeof(s->order));
	s->order.type = ZKHSM_ORDER_TYPE_HOLD;
	s->order.reason = ZKHSM_REVOCATION_REASON_AA_COMPROMISE;
	s->order.count = ARRAY_SIZE(names);
	s->order.elements = names[0];
}

static void fill_lease(struct sample *s, struct rnd_state *rnd)
{
	fill_order(s, rnd);
	s->order.type = ZKHSM_ORDER_TYPE_LEASE;
	s->order.number = 0;
	s->order.verdict = ZKHSM_LEASE_VERDICT_DENY;
}

/* What is in C is not of the order's form, and C is not read here. */
static void fill_trust_change(struct sample *s, struct rnd_state *rnd)
{
	fill_order(s, rnd);
	s->order.type = ZKHSM_ORDER_TYPE_TRUST_CHANGE;
	s->order.config = names[0];
	s->order.config_len = sizeof(names);
}

/* A signature is 64 bytes; that they are r and s in range is not of the form. */
static int encode_order(const struct sample *s, u8 *buf, size_t size)
{
	int len = zkhsm_order_encode(&s->order, buf, size);

	if (len < 0 || size - len < ZKHSM_SIGNATURE_LEN)
		return -EMSGSIZE;
	memset(buf + len, 0, ZKHSM_SIGNATURE_LEN);
	return len + ZKHSM_SIGNATURE_LEN;
}

static int decode_order(struct sample *s, const u8 *buf, size_t len)
{
	int err = zkhsm_order_decode(&s->order, buf, len);

	if (!err && (s->order.signed_len != len - ZKHSM_SIGNATURE_LEN ||
		     s->order.signature != buf + s->order.signed_len))
		return -ELIBBAD;
	if (!err && memchr_inv(s->order.signature, 0, ZKHSM_SIGNATURE_LEN))
		return -EBADMSG;
	/* of the types that are kept for later the body is not looked at */
	return err == -EOPNOTSUPP ? -EBADMSG : err;
}

static void fill_entry(struct sample *s, struct rnd_state *rnd)
{
	struct zkhsm_list_entry *e = &s->entry;

	prandom_bytes_state(rnd, e, sizeof(*e));
	memset(e->id, 0, sizeof(e->id));
	memcpy(e->id, "Key_1@host.x-y", 14);
	e->id_len = 14;
	e->type = ZKHSM_KEY_TYPE_EC_P256;
	e->origin = ZKHSM_KEY_ORIGIN_SYNCHRONISED;
	e->usage = ZKHSM_KEY_USAGE_ALL;
	e->flags = ZKHSM_KEY_FLAG_ALL;
	e->state = ZKHSM_KEY_STATE_COMPROMISED;
	e->public_len = ZKHSM_POINT_LEN;
	e->public[0] = 4;
}

/* L of one entry, so that its end is checked. */
static int encode_list(const struct sample *s, u8 *buf, size_t size)
{
	int head = zkhsm_list_head_encode(1, buf, size), len;

	if (head < 0)
		return head;
	len = zkhsm_list_entry_encode(&s->entry, buf + head, size - head);
	return len < 0 ? len : head + len;
}

static int decode_list(struct sample *s, const u8 *buf, size_t len)
{
	struct zkhsm_list_reader reader;
	struct zkhsm_list_entry end;
	int ret;

	if (zkhsm_list_begin(&reader, buf, len))
		return -EBADMSG;
	ret = zkhsm_list_next(&reader, &s->entry);
	/* one byte changed can make L say that it is empty, and then there is a rest */
	return ret == 1 ? zkhsm_list_next(&reader, &end) : ret ?: -ELIBBAD;
}

static const struct format formats[] = {
	{ "statement", fill_statement, encode_statement, decode_statement },
	{ "evidence", fill_statement, encode_evidence, decode_evidence },
	{ "configuration", fill_configuration, encode_configuration, decode_configuration },
	{ "announcement", fill_announcement, encode_announcement, decode_announcement },
	{ "order", fill_order, encode_order, decode_order },
	{ "lease", fill_lease, encode_order, decode_order },
	{ "trust-change", fill_trust_change, encode_order, decode_order },
	{ "list", fill_entry, encode_list, decode_list },
};

static struct sample *sample_new(struct kunit *test)
{
	struct sample *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	return s;
}

/* In memory of just this length, so that reading behind it is seen. */
static int decode_exact(struct kunit *test, const struct format *f, struct sample *s,
			const u8 *bytes, size_t len)
{
	u8 *copy = kmalloc(len ?: 1, GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, copy);
	memcpy(copy, bytes, len);
	err = f->decode(s, len ? copy : copy + 1, len);
	kfree(copy);
	return err;
}

static int encode_sample(struct kunit *test, const struct format *f, struct sample *s,
			 struct rnd_state *rnd)
{
	int len;

	f->fill(s, rnd);
	len = f->encode(s, s->bytes, sizeof(s->bytes));
	KUNIT_ASSERT_GT_MSG(test, len, 0, "%s", f->name);
	return len;
}

/* decode(encode(x)) == x, seen by encoding it again; and in no less room. */
static void wire_round_trip(struct kunit *test)
{
	struct sample *s = sample_new(test), *t = sample_new(test);
	struct rnd_state rnd;
	int i, len, room;

	random_begin(test, &rnd, SEED);
	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct format *f = &formats[i];

		len = encode_sample(test, f, s, &rnd);
		KUNIT_EXPECT_EQ_MSG(test, f->decode(t, s->bytes, len), 0, "%s", f->name);
		KUNIT_EXPECT_EQ(test, f->encode(t, t->bytes, len), len);
		KUNIT_EXPECT_MEMEQ(test, t->bytes, s->bytes, len);
		for (room = 0; room < len; room++)
			KUNIT_EXPECT_EQ_MSG(test, f->encode(s, t->bytes, room), -EMSGSIZE,
					    "%s in %d bytes", f->name, room);
	}
}

/* Every field by value, where encoding it again would not show one that is dropped. */
static void wire_fields(struct kunit *test)
{
	struct sample *s = sample_new(test), *t = sample_new(test);
	struct rnd_state rnd;

	random_begin(test, &rnd, SEED + 1);
	KUNIT_EXPECT_EQ(test, formats[0].decode(t, s->bytes,
						encode_sample(test, &formats[0], s, &rnd)), 0);
	KUNIT_EXPECT_MEMEQ(test, t->statement.hsm_id, s->statement.hsm_id, ZKHSM_HASH_LEN);
	KUNIT_EXPECT_EQ(test, t->statement.boot_count, s->statement.boot_count);
	KUNIT_EXPECT_EQ(test, t->statement.fork_count, s->statement.fork_count);
	KUNIT_EXPECT_EQ(test, t->statement.number, s->statement.number);
	KUNIT_EXPECT_EQ(test, t->statement.uptime_ms, s->statement.uptime_ms);
	KUNIT_EXPECT_EQ(test, t->statement.challenge_count, 2u);
	KUNIT_EXPECT_EQ(test, t->statement.challenges[0].last_number,
			s->statement.challenges[0].last_number);
	KUNIT_EXPECT_MEMEQ(test, t->statement.list_digest, s->statement.list_digest,
			   ZKHSM_HASH_LEN);
	KUNIT_EXPECT_MEMEQ(test, t->statement.config_digest, s->statement.config_digest,
			   ZKHSM_HASH_LEN);

	KUNIT_EXPECT_EQ(test, decode_configuration(t, s->bytes,
						   encode_sample(test, &formats[2], s, &rnd)), 0);
	KUNIT_EXPECT_MEMEQ(test, t->configuration.managers, s->configuration.managers,
			   sizeof(s->configuration.managers));
	KUNIT_EXPECT_EQ(test, t->configuration.quorum, 3);
	KUNIT_EXPECT_EQ(test, t->configuration.stop, 1);
	KUNIT_EXPECT_EQ(test, t->configuration.wipe, 255);
	KUNIT_EXPECT_EQ(test, t->configuration.max_ttl_ms, s->configuration.max_ttl_ms);

	KUNIT_EXPECT_EQ(test, decode_order(t, s->bytes,
					   encode_sample(test, &formats[4], s, &rnd)), 0);
	KUNIT_EXPECT_EQ(test, t->order.number, s->order.number);
	KUNIT_EXPECT_EQ(test, t->order.reason, s->order.reason);
	KUNIT_EXPECT_MEMEQ(test, t->order.hsm_id, s->order.hsm_id, ZKHSM_HASH_LEN);
	KUNIT_EXPECT_MEMEQ(test, t->order.elements, names, sizeof(names));

	KUNIT_EXPECT_EQ(test, decode_list(t, s->bytes, encode_sample(test, &formats[7], s, &rnd)),
			0);
	KUNIT_EXPECT_EQ(test, t->entry.created_ms, s->entry.created_ms);
	KUNIT_EXPECT_MEMEQ(test, t->entry.id, s->entry.id, sizeof(s->entry.id));
	KUNIT_EXPECT_MEMEQ(test, t->entry.public, s->entry.public, ZKHSM_POINT_LEN);
}

/* Every truncation, and every extension by up to 16 bytes of three values. */
static void wire_lengths(struct kunit *test)
{
	static const u8 fill[] = { 0, 1, 0xff };
	struct sample *s = sample_new(test), *t = sample_new(test);
	struct rnd_state rnd;
	int i, len, cut, more;

	random_begin(test, &rnd, SEED + 2);
	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct format *f = &formats[i];

		len = encode_sample(test, f, s, &rnd);
		KUNIT_EXPECT_EQ(test, decode_exact(test, f, t, s->bytes, len), 0);
		for (cut = 0; cut < len; cut++)
			KUNIT_EXPECT_EQ_MSG(test, decode_exact(test, f, t, s->bytes, cut),
					    -EBADMSG, "%s of %d bytes", f->name, cut);
		for (more = 1; more <= 48; more++) {
			memset(s->bytes + len, fill[more % 3], more / 3 + 1);
			KUNIT_EXPECT_EQ_MSG(test, decode_exact(test, f, t, s->bytes,
							       len + more / 3 + 1),
					    -EBADMSG, "%s and %d bytes", f->name, more / 3 + 1);
		}
	}
}

/* Two strings of bytes never decode to one value: each bit flipped, and random bytes. */
static void canonical(struct kunit *test, const struct format *f, struct sample *s, int len,
		      const char *what, int at)
{
	struct sample *t = s + 1;
	int err = f->decode(t, s->bytes, len);

	if (err) {
		KUNIT_EXPECT_EQ_MSG(test, err, -EBADMSG, "%s, %s %d", f->name, what, at);
		return;
	}
	KUNIT_EXPECT_EQ_MSG(test, f->encode(t, t->bytes, sizeof(t->bytes)), len, "%s, %s %d",
			    f->name, what, at);
	KUNIT_EXPECT_TRUE_MSG(test, !memcmp(t->bytes, s->bytes, len), "%s, %s %d", f->name, what,
			      at);
}

static void wire_canonical(struct kunit *test)
{
	struct sample *s = kunit_kcalloc(test, 2, sizeof(*s), GFP_KERNEL);
	struct rnd_state rnd;
	int i, j, len, at;
	u8 kept;

	KUNIT_ASSERT_NOT_NULL(test, s);
	random_begin(test, &rnd, SEED + 3);
	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		len = encode_sample(test, &formats[i], s, &rnd);
		for (j = 0; j < 8 * len; j++) {
			s->bytes[j / 8] ^= 1 << (j % 8);
			canonical(test, &formats[i], s, len, "bit", j);
			s->bytes[j / 8] ^= 1 << (j % 8);
		}
		for (j = 0; j < 500; j++) {
			at = prandom_u32_state(&rnd) % len;
			kept = s->bytes[at];
			s->bytes[at] = prandom_u32_state(&rnd);
			canonical(test, &formats[i], s, len, "byte", at);
			s->bytes[at] = kept;
		}
	}
}

/* No format is taken for another one: the type is in the header. */
static void wire_type_confusion(struct kunit *test)
{
	struct sample *s = sample_new(test), *t = sample_new(test);
	struct rnd_state rnd;
	int i, j, len;

	random_begin(test, &rnd, SEED + 4);
	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		len = encode_sample(test, &formats[i], s, &rnd);
		for (j = 0; j < ARRAY_SIZE(formats); j++)
			if (formats[j].decode != formats[i].decode)
				KUNIT_EXPECT_EQ_MSG(test, formats[j].decode(t, s->bytes, len),
						    -EBADMSG, "%s as %s", formats[i].name,
						    formats[j].name);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(wire_round_trip),
	KUNIT_CASE(wire_fields),
	KUNIT_CASE(wire_lengths),
	KUNIT_CASE(wire_canonical),
	KUNIT_CASE(wire_type_confusion),
	{}
};

struct kunit_suite zkhsm_kunit_wire = {
	.name = "zkhsm-wire",
	.init = stubs_reset,
	.exit = stubs_restore,
	.test_cases = cases,
};
