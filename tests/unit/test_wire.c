// SPDX-License-Identifier: GPL-2.0
/*
 * test_wire.c - every byte string of the protocol has one encoding
 */
#include "mutate.h"
#include "prover.h"

static uint8_t again[256 * 1024];

/* Each reads, writes what it read, and compares: -EILSEQ when these differ. */
static int same(const uint8_t *data, size_t len, int written)
{
	if (written < 0)
		return written;
	return (size_t)written == len && !memcmp(data, again, len) ? 0 : -EILSEQ;
}

static int read_statement(const uint8_t *data, size_t len, void *arg)
{
	struct zkhsm_statement s;
	int ret = zkhsm_statement_decode(&s, data, len);

	(void)arg;
	return ret ? ret : same(data, len, zkhsm_statement_encode(&s, again, sizeof(again)));
}

static int read_evidence(const uint8_t *data, size_t len, void *arg)
{
	struct zkhsm_statement s;
	size_t statement_len = 0;
	int ret = zkhsm_evidence_decode(&s, &statement_len, data, len);

	(void)arg;
	if (ret)
		return ret;
	if (len - statement_len != ZKHSM_PROOF_LEN)
		return -EILSEQ;
	return same(data, statement_len, zkhsm_statement_encode(&s, again, sizeof(again)));
}

static int read_configuration(const uint8_t *data, size_t len, void *arg)
{
	struct zkhsm_configuration c;
	int ret = zkhsm_configuration_decode(&c, data, len);

	(void)arg;
	return ret ? ret : same(data, len, zkhsm_configuration_encode(&c, again, sizeof(again)));
}

static int read_announcement(const uint8_t *data, size_t len, void *arg)
{
	struct zkhsm_announcement a;
	int ret = zkhsm_announcement_decode(&a, data, len);

	(void)arg;
	return ret ? ret : same(data, len, zkhsm_announcement_encode(&a, again, sizeof(again)));
}

static int read_order(const uint8_t *data, size_t len, void *arg)
{
	struct zkhsm_order o;
	int ret = zkhsm_order_decode(&o, data, len);

	(void)arg;
	if (ret)
		return ret;
	if (o.signed_len + ZKHSM_SIGNATURE_LEN != len || o.signature != data + o.signed_len)
		return -EILSEQ;
	return same(data, o.signed_len, zkhsm_order_encode(&o, again, sizeof(again)));
}

static int read_list(const uint8_t *data, size_t len, void *arg)
{
	struct zkhsm_list_reader l;
	struct zkhsm_list_entry e;
	int ret = zkhsm_list_begin(&l, data, len), n;
	size_t used;

	(void)arg;
	if (ret)
		return ret;
	used = (size_t)zkhsm_list_head_encode(l.count, again, sizeof(again));
	while ((ret = zkhsm_list_next(&l, &e)) > 0) {
		n = zkhsm_list_entry_encode(&e, again + used, sizeof(again) - used);
		assert_true(n > 0);
		used += (size_t)n;
	}
	return ret ? ret : same(data, len, (int)used);
}

/* A change that is accepted must be seen: the string has another meaning now. */
static int refused_or_seen(const uint8_t *data, size_t len, void *arg)
{
	mutate_fn read = *(mutate_fn *)arg;
	int ret = read(data, len, NULL);

	return ret ? ret : -EALREADY;
}

static void check(const uint8_t *data, size_t len, mutate_fn read)
{
	assert_int_equal(read(data, len, NULL), 0);
	mutate_length(data, len, read, NULL, -EBADMSG);
	mutate_bytes(data, len, refused_or_seen, &read, -EBADMSG, -EALREADY);
}

static struct zkhsm_statement statement_of(struct prover *p, size_t managers)
{
	struct zkhsm_challenge c[ZKHSM_MANAGERS_MAX] = { 0 };
	struct zkhsm_statement s;
	size_t i;

	for (i = 0; i < managers; i++) {
		prover_draw(p, c[i].manager_id);
		prover_draw(p, c[i].nonce);
		c[i].last_number = i;
		if (i)
			prover_draw(p, c[i].last_digest);
	}
	prover_statement(p, c, managers, &s);
	return s;
}

static void statements(void **state)
{
	struct prover *p = prover_new("wire", 2);
	struct zkhsm_statement s;
	uint8_t buf[ZKHSM_STATEMENT_MAX_LEN];
	size_t n;

	(void)state;
	for (n = 1; n <= ZKHSM_MANAGERS_MAX; n += 5) {
		s = statement_of(p, n);
		check(buf, (size_t)zkhsm_statement_encode(&s, buf, sizeof(buf)), read_statement);
	}
	assert_int_equal(zkhsm_statement_encode(&s, buf, 100), -EMSGSIZE);
	prover_free(p);
}

static int encode_and_read(const struct zkhsm_statement *s)
{
	uint8_t buf[2 * ZKHSM_STATEMENT_MAX_LEN];
	int len = zkhsm_statement_encode(s, buf, sizeof(buf));

	assert_true(len > 0);
	return read_statement(buf, (size_t)len, NULL);
}

static void statements_that_are_none(void **state)
{
	struct prover *p = prover_new("wire", 2);
	const struct zkhsm_statement good = statement_of(p, 3);
	struct zkhsm_statement s = good;

	(void)state;
	assert_int_equal(encode_and_read(&s), 0);
	s.challenges[0] = good.challenges[1];
	s.challenges[1] = good.challenges[0];
	assert_int_equal(encode_and_read(&s), -EBADMSG);
	s = good;
	s.challenges[1] = s.challenges[0];
	assert_int_equal(encode_and_read(&s), -EBADMSG);
	s = good;
	s.challenge_count = 0;
	assert_int_equal(encode_and_read(&s), -EBADMSG);
	s = good;
	s.challenges[2].last_number = 0;
	s.challenges[2].last_digest[5] = 1;
	assert_int_equal(encode_and_read(&s), -EBADMSG);
	s = good;
	s.list_count = ZKHSM_KEYS_MAX + 1;
	assert_int_equal(encode_and_read(&s), -EBADMSG);
	s = good;
	s.group_count = 0;
	assert_int_equal(encode_and_read(&s), -EBADMSG);
	s = good;
	s.groups[0] = ZKHSM_SUITE_P384;
	assert_int_equal(encode_and_read(&s), -EBADMSG);
	s = good;
	s.group_count = 2;
	s.groups[1] = ZKHSM_SUITE_P384;
	assert_int_equal(encode_and_read(&s), -EBADMSG);
	prover_free(p);
}

static void evidence(void **state)
{
	struct prover *p = prover_new("wire", 2);
	uint8_t buf[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len = prover_answer(p, p->hsm_id, p->list_digest, buf);

	(void)state;
	check(buf, len, read_evidence);
	prover_free(p);
}

static void configurations(void **state)
{
	struct prover *p = prover_new("wire", 0);
	uint8_t secret[32], manager[65];
	struct zkhsm_configuration c;
	uint8_t buf[ZKHSM_CONFIGURATION_MAX_LEN];
	int i, len;

	(void)state;
	check(p->config_bytes, p->config_len, read_configuration);
	for (i = 0; i < 3; i++) {
		prover_draw(p, secret);
		prover_public(secret, manager);
		prover_pin(p, manager);
	}
	prover_refresh(p);
	check(p->config_bytes, p->config_len, read_configuration);

	for (i = 0; i < 8; i++) {
		c = p->config;
		if (i == 0)
			c.quorum = 0;
		else if (i == 1)
			c.stop = 0;
		else if (i == 2)
			c.wipe = 0;
		else if (i == 3)
			c.flags = ZKHSM_HSM_FLAG_ALL + 1;
		else if (i == 4)
			c.flags = ZKHSM_HSM_FLAG_KEK_KEYRING | ZKHSM_HSM_FLAG_KEK_TPM;
		else if (i == 5)
			c.flags = ZKHSM_HSM_FLAG_COUNTER;
		else if (i == 6)
			memcpy(c.managers[1], c.managers[0], ZKHSM_POINT_LEN);
		else
			memcpy(c.managers[0], c.managers[2], ZKHSM_POINT_LEN);
		len = zkhsm_configuration_encode(&c, buf, sizeof(buf));
		assert_true(len > 0);
		assert_int_equal(read_configuration(buf, (size_t)len, NULL), -EBADMSG);
	}
	prover_free(p);
}

static void announcements(void **state)
{
	struct prover *p = prover_new("wire", 3);
	uint8_t buf[PROVER_ANNOUNCEMENT_LEN];

	(void)state;
	prover_announcement(p, buf);
	check(buf, ZKHSM_ANNOUNCEMENT_LEN, read_announcement);
	put_unaligned_be32(ZKHSM_KEYS_MAX + 1, buf + ZKHSM_ANNOUNCEMENT_LEN - 4);
	assert_int_equal(read_announcement(buf, ZKHSM_ANNOUNCEMENT_LEN, NULL), -EBADMSG);
	prover_free(p);
}

static size_t make_order(struct prover *p, uint8_t type, size_t count, uint8_t *buf, size_t size)
{
	uint8_t names[4][32];
	struct zkhsm_order o = { .type = type, .number = 7, .reason = 1, .count = (uint16_t)count,
				 .elements = names[0] };
	size_t i;
	int len;

	for (i = 0; i < count; i++) {
		prover_draw(p, names[i]);
		names[i][0] = (uint8_t)(i + 1);
	}
	len = zkhsm_order_encode(&o, buf, size);
	assert_true(len > 0);
	memset(buf + len, 0x11, ZKHSM_SIGNATURE_LEN);
	return (size_t)len + ZKHSM_SIGNATURE_LEN;
}

/* Where things stand in an order: reason, count, and the elements. */
#define REASON	ZKHSM_ORDER_HEAD_LEN
#define COUNT	(REASON + 1)
#define NAMES	(COUNT + 2)

static int refused_order(const uint8_t *data, size_t len, void *arg)
{
	int ret = refused_or_seen(data, len, arg);

	/* Another order's type, whose body nobody knows yet. */
	return ret == -EOPNOTSUPP ? -EBADMSG : ret;
}

static void orders(void **state)
{
	struct prover *p = prover_new("wire", 0);
	uint8_t buf[1024], copy[1024];
	mutate_fn read = read_order;
	size_t len, count;

	(void)state;
	for (count = 1; count <= 4; count++) {
		len = make_order(p, ZKHSM_ORDER_TYPE_REVOKE, count, buf, sizeof(buf));
		assert_int_equal(read_order(buf, len, NULL), 0);
		mutate_length(buf, len, read_order, NULL, -EBADMSG);
		mutate_bytes(buf, len, refused_order, &read, -EBADMSG, -EALREADY);
	}

	memcpy(copy, buf, len);
	memcpy(copy + NAMES, buf + NAMES + 32, 32);
	memcpy(copy + NAMES + 32, buf + NAMES, 32);
	assert_int_equal(read_order(copy, len, NULL), -EBADMSG);
	memcpy(copy, buf, len);
	memcpy(copy + NAMES + 32, copy + NAMES, 32);
	assert_int_equal(read_order(copy, len, NULL), -EBADMSG);
	memcpy(copy, buf, len);
	memset(copy + ZKHSM_ORDER_HEAD_LEN - 8, 0, 8);
	assert_int_equal(read_order(copy, len, NULL), -EBADMSG);
	memcpy(copy, buf, len);
	put_unaligned_be16(0, copy + COUNT);
	memcpy(copy + NAMES, buf + len - ZKHSM_SIGNATURE_LEN, ZKHSM_SIGNATURE_LEN);
	assert_int_equal(read_order(copy, NAMES + ZKHSM_SIGNATURE_LEN, NULL), -EBADMSG);
	put_unaligned_be16(ZKHSM_ELEMENTS_MAX + 1, copy + COUNT);
	assert_int_equal(read_order(copy, len, NULL), -EBADMSG);
	prover_free(p);
}

static void order_types_and_reasons(void **state)
{
	struct prover *p = prover_new("wire", 0);
	uint8_t buf[1024];
	size_t len = make_order(p, ZKHSM_ORDER_TYPE_HOLD, 2, buf, sizeof(buf));
	unsigned int i;
	int expected;

	(void)state;
	for (i = 0; i < 256; i++) {
		buf[ZKHSM_MAGIC_LEN] = (uint8_t)i;
		if (i >= ZKHSM_ORDER_TYPE_REVOKE && i <= ZKHSM_ORDER_TYPE_RELEASE)
			expected = 0;
		else if (i == ZKHSM_ORDER_TYPE_TRANSFER)
			expected = -EOPNOTSUPP;
		else
			expected = -EBADMSG;
		assert_int_equal(read_order(buf, len, NULL), expected);
	}
	buf[ZKHSM_MAGIC_LEN] = ZKHSM_ORDER_TYPE_RELEASE;
	for (i = 0; i < 256; i++) {
		buf[REASON] = (uint8_t)i;
		assert_int_equal(read_order(buf, len, NULL), i <= 10 && i != 7 ? 0 : -EBADMSG);
	}
	prover_free(p);
}

/* Where things stand in a lease. */
#define LEASE_TTL	(ZKHSM_ORDER_HEAD_LEN + ZKHSM_HASH_LEN + 8)
#define LEASE_VERDICT	(LEASE_TTL + 8)
#define LEASE_COUNT	(LEASE_VERDICT + 1)
#define LEASE_NAMES	(LEASE_COUNT + 2)
#define ORDER_NUMBER	(ZKHSM_ORDER_HEAD_LEN - 8)

static size_t make_lease(struct prover *p, size_t count, uint8_t *buf, size_t size)
{
	uint8_t names[4][32];
	struct zkhsm_order o = {
		.type = ZKHSM_ORDER_TYPE_LEASE, .least = 3, .ttl_ms = 1000,
		.verdict = ZKHSM_LEASE_VERDICT_GRANT, .count = (uint16_t)count,
		.elements = names[0],
	};
	size_t i;
	int len;

	for (i = 0; i < count; i++) {
		prover_draw(p, names[i]);
		names[i][0] = (uint8_t)(i + 1);
	}
	prover_draw(p, o.statement);
	len = zkhsm_order_encode(&o, buf, size);
	assert_true(len > 0);
	memset(buf + len, 0x11, ZKHSM_SIGNATURE_LEN);
	return (size_t)len + ZKHSM_SIGNATURE_LEN;
}

static void leases(void **state)
{
	struct prover *p = prover_new("wire", 0);
	uint8_t buf[1024], copy[1024];
	mutate_fn read = read_order;
	size_t len, count;
	unsigned int i;

	(void)state;
	for (count = 0; count <= 4; count++) {
		len = make_lease(p, count, buf, sizeof(buf));
		assert_int_equal(len, 195 + 32 * count);
		assert_int_equal(read_order(buf, len, NULL), 0);
		mutate_length(buf, len, read_order, NULL, -EBADMSG);
		mutate_bytes(buf, len, refused_order, &read, -EBADMSG, -EALREADY);
	}
	/* A lease that has a number, lives for no time, says neither, or names one twice. */
	memcpy(copy, buf, len);
	copy[ORDER_NUMBER + 7] = 1;
	assert_int_equal(read_order(copy, len, NULL), -EBADMSG);
	memcpy(copy, buf, len);
	memset(copy + LEASE_TTL, 0, 8);
	assert_int_equal(read_order(copy, len, NULL), -EBADMSG);
	memcpy(copy, buf, len);
	for (i = 0; i < 256; i++) {
		copy[LEASE_VERDICT] = (uint8_t)i;
		assert_int_equal(read_order(copy, len, NULL), i == 1 || i == 2 ? 0 : -EBADMSG);
	}
	memcpy(copy, buf, len);
	memcpy(copy + LEASE_NAMES + 32, copy + LEASE_NAMES, 32);
	assert_int_equal(read_order(copy, len, NULL), -EBADMSG);
	memcpy(copy, buf, len);
	put_unaligned_be16(ZKHSM_ELEMENTS_MAX + 1, copy + LEASE_COUNT);
	assert_int_equal(read_order(copy, len, NULL), -EBADMSG);
	prover_free(p);
}

static size_t make_trust_change(struct prover *p, uint8_t *buf, size_t size)
{
	struct zkhsm_order o = {
		.type = ZKHSM_ORDER_TYPE_TRUST_CHANGE, .number = 2,
		.config = p->config_bytes, .config_len = (uint16_t)p->config_len,
	};
	int len = zkhsm_order_encode(&o, buf, size);

	assert_true(len > 0);
	memset(buf + len, 0x11, ZKHSM_SIGNATURE_LEN);
	return (size_t)len + ZKHSM_SIGNATURE_LEN;
}

static void trust_changes(void **state)
{
	struct prover *p = prover_new("wire", 0);
	size_t at = ZKHSM_ORDER_HEAD_LEN + ZKHSM_HASH_LEN, len;
	static uint8_t buf[4096];
	mutate_fn read = read_order;

	(void)state;
	prover_refresh(p);
	len = make_trust_change(p, buf, sizeof(buf));
	assert_int_equal(read_order(buf, len, NULL), 0);
	mutate_length(buf, len, read_order, NULL, -EBADMSG);
	mutate_bytes(buf, len, refused_order, &read, -EBADMSG, -EALREADY);
	memset(buf + ORDER_NUMBER, 0, 8);
	assert_int_equal(read_order(buf, len, NULL), -EBADMSG);
	/* No C at all, and one longer than any. */
	buf[ORDER_NUMBER + 7] = 1;
	put_unaligned_be16(0, buf + at);
	assert_int_equal(read_order(buf, at + 2 + ZKHSM_SIGNATURE_LEN, NULL), -EBADMSG);
	put_unaligned_be16(ZKHSM_CONFIGURATION_MAX_LEN + 1, buf + at);
	assert_int_equal(read_order(buf, at + 2 + ZKHSM_CONFIGURATION_MAX_LEN + 1 +
				    ZKHSM_SIGNATURE_LEN, NULL), -EBADMSG);
	put_unaligned_be16(ZKHSM_CONFIGURATION_MAX_LEN, buf + at);
	assert_int_equal(read_order(buf, at + 2 + ZKHSM_CONFIGURATION_MAX_LEN +
				    ZKHSM_SIGNATURE_LEN, NULL), 0);
	prover_free(p);
}

static void lists(void **state)
{
	struct prover *p = prover_new("wire", 0);
	struct prover_key *k;

	(void)state;
	check(p->list, p->list_len, read_list);
	prover_key_add(p, "a", NULL);
	prover_key_add(p, "a-b", NULL)->entry.state = ZKHSM_KEY_STATE_COMPROMISED;
	k = prover_key_add(p, "a@b.example_1", NULL);
	k->entry.origin = ZKHSM_KEY_ORIGIN_IMPORTED;
	k->entry.flags = 0;
	prover_refresh(p);
	check(p->list, p->list_len, read_list);
	prover_free(p);
}

/* Refused before anything of the list is read, or room made for it. */
static void list_heads(void **state)
{
	struct zkhsm_list_reader l;
	uint8_t head[ZKHSM_LIST_HEAD_LEN];

	(void)state;
	assert_int_equal(zkhsm_list_head_encode(ZKHSM_KEYS_MAX, head, sizeof(head)), sizeof(head));
	assert_int_equal(zkhsm_list_begin(&l, head, sizeof(head)), 0);
	assert_int_equal(zkhsm_list_begin(&l, head, sizeof(head) - 1), -EBADMSG);
	assert_int_equal(zkhsm_list_head_encode(ZKHSM_KEYS_MAX + 1, head, sizeof(head)),
			 sizeof(head));
	assert_int_equal(zkhsm_list_begin(&l, head, sizeof(head)), -EBADMSG);
}

static int refreshed_list(struct prover *p)
{
	prover_refresh(p);
	return read_list(p->list, p->list_len, NULL);
}

static void lists_that_are_none(void **state)
{
	struct prover *p = prover_new("wire", 3);
	struct prover_key first = p->keys[0], good = p->keys[1];
	struct zkhsm_list_entry *e = &p->keys[1].entry;

	(void)state;
	assert_int_equal(refreshed_list(p), 0);
	p->keys[1] = first;
	assert_int_equal(refreshed_list(p), -EBADMSG);
	p->keys[0] = good;
	assert_int_equal(refreshed_list(p), -EBADMSG);
	p->keys[0] = first;

#define REFUSED(change)							\
	do {								\
		p->keys[1] = good;					\
		assert_int_equal(refreshed_list(p), 0);			\
		change;							\
		assert_int_equal(refreshed_list(p), -EBADMSG);		\
	} while (0)
	REFUSED(e->type = 0);
	REFUSED(e->type = ZKHSM_KEY_TYPE_EC_P384);
	REFUSED(e->origin = 0);
	REFUSED(e->origin = 4);
	REFUSED(e->state = 0);
	REFUSED(e->state = 6);
	REFUSED(e->usage = 4);
	REFUSED(e->flags = 8);
	REFUSED(e->public_len = 64);
	REFUSED(e->public[0] = 2);
	REFUSED(e->public[0] = 6);
	REFUSED(e->id_len = 0);
	REFUSED(e->id[3] = '/');
	REFUSED(e->id[0] = '.');
#undef REFUSED
	prover_free(p);
}

static void ids(void **state)
{
	static const char *const good[] = { "a", "Z", "0", "a.b", "key-1", "x@host", "a_b", "a--" };
	static const char *const bad[] = { "", ".a", "-a", "_a", "@a", "a b", "a/b", "a\n", "\xc3\xa4" };
	char longest[ZKHSM_ID_MAX_LEN + 2];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(zkhsm_id_valid((const uint8_t *)good[i], strlen(good[i])));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(zkhsm_id_valid((const uint8_t *)bad[i], strlen(bad[i])));
	memset(longest, 'a', sizeof(longest));
	assert_true(zkhsm_id_valid((uint8_t *)longest, ZKHSM_ID_MAX_LEN));
	assert_false(zkhsm_id_valid((uint8_t *)longest, ZKHSM_ID_MAX_LEN + 1));
	assert_false(zkhsm_id_valid((const uint8_t *)"a\0b", 3));
	assert_false(zkhsm_id_valid((const uint8_t *)"a", 0));

	assert_true(zkhsm_id_compare((const uint8_t *)"a", 1, (const uint8_t *)"ab", 2) < 0);
	assert_true(zkhsm_id_compare((const uint8_t *)"b", 1, (const uint8_t *)"ab", 2) > 0);
	assert_int_equal(zkhsm_id_compare((const uint8_t *)"ab", 2, (const uint8_t *)"ab", 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements),
		cmocka_unit_test(statements_that_are_none),
		cmocka_unit_test(evidence),
		cmocka_unit_test(configurations),
		cmocka_unit_test(announcements),
		cmocka_unit_test(orders),
		cmocka_unit_test(order_types_and_reasons),
		cmocka_unit_test(leases),
		cmocka_unit_test(trust_changes),
		cmocka_unit_test(lists),
		cmocka_unit_test(list_heads),
		cmocka_unit_test(lists_that_are_none),
		cmocka_unit_test(ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
