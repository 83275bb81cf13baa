// SPDX-License-Identifier: GPL-2.0
/* Leases and trust-changes, from the description of their bytes in protocol.rst. */
#include "lessor.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PROOF_LEN	97

void attested_read(struct hsm *h, struct attested *a)
{
	const struct nlattr *e = nlraw_attr(&h->a, ZKHSM_A_EVIDENCE_EVIDENCE);
	static struct zkhsm_statement s;
	size_t len;

	require(!h->a.error && e, "evidence-get: %s %s", strerrorname_np(h->a.error), h->a.text);
	require(!zkhsm_evidence_decode(&s, &len, nla_data(e), (size_t)nla_len(e)) &&
		len == (size_t)nla_len(e) - PROOF_LEN, "evidence that is none");
	ec_sha256(nla_data(e), len, a->statement);
	a->number = s.number;
	a->issued_ms = s.uptime_ms;
}

void attest(struct hsm *h, const struct manager *m, struct attested *a)
{
	evidence_get(h, m);
	attested_read(h, a);
}

void lease_make(struct order *o, const struct manager *m, const uint8_t hsm_id[32],
		const struct terms *t)
{
	order_begin(o, m, ZKHSM_ORDER_TYPE_LEASE, hsm_id, 0);
	order_put(o, t->of->statement, 32);
	order_put_number(o, t->least, 8);
	order_put_number(o, t->ttl_ms, 8);
	order_put_number(o, t->verdict, 1);
	order_put_elements(o, t->exceptions, t->count);
	order_sign(o, m, o->len);
}

int lease_apply(struct hsm *h, const struct manager *m, const struct terms *t)
{
	static struct order o;

	lease_make(&o, m, h->id, t);
	return order_apply(h, &o);
}

void lease_all(struct hsm *h, const struct manager *m, const struct attested *a, uint8_t verdict,
	       uint64_t ttl_ms)
{
	const struct terms t = { .of = a, .ttl_ms = ttl_ms, .verdict = verdict };

	lease_apply(h, m, &t);
	require(!h->a.error, "lease: %s %s", strerrorname_np(h->a.error), h->a.text);
}

int lease_get(struct hsm *h, const struct manager *m)
{
	struct nl_msg *msg = nlraw_msg(&h->nl, ZKHSM_CMD_LEASE_GET);

	nla_put(msg, ZKHSM_A_LEASE_MANAGER_ID, 32, m->id);
	return nlraw_do(&h->nl, msg, &h->a);
}

void key_new_leased(struct hsm *h, const char *id)
{
	struct nl_msg *msg = key_new_msg(h, id);

	nla_put_u32(msg, ZKHSM_A_KEY_FLAGS, ZKHSM_KEY_FLAG_LEASE_REQUIRED);
	nlraw_do(&h->nl, msg, &h->a);
	require(!h->a.error, "key-new: %s %s", strerrorname_np(h->a.error), h->a.text);
}

uint64_t boottime_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int hsm_set_u64(struct hsm *h, int attr, uint64_t value)
{
	struct nl_msg *msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_SET);

	nla_put_u64(msg, attr, value);
	return nlraw_do(&h->nl, msg, &h->a);
}

void config_read(struct hsm *h, struct zkhsm_configuration *c, uint8_t digest[32])
{
	const struct nlattr *attr;

	hsm_get(h);
	attr = nlraw_attr(&h->a, ZKHSM_A_HSM_CONFIGURATION);
	require(attr && !zkhsm_configuration_decode(c, nla_data(attr), (size_t)nla_len(attr)),
		"the configuration does not decode");
	ec_sha256(nla_data(attr), (size_t)nla_len(attr), digest);
}

static int by_point(const void *a, const void *b)
{
	return memcmp(a, b, ZKHSM_POINT_LEN);
}

void config_set_managers(struct zkhsm_configuration *c, const struct manager *m, size_t count)
{
	size_t i;

	memset(c->managers, 0, sizeof(c->managers));
	for (i = 0; i < count; i++)
		memcpy(c->managers[i], m[i].public, ZKHSM_POINT_LEN);
	qsort(c->managers, count, ZKHSM_POINT_LEN, by_point);
	c->manager_count = (uint8_t)count;
}

void trust_change_make(struct order *o, const struct manager *m, const uint8_t hsm_id[32],
		       uint64_t number, const uint8_t previous[32],
		       const struct zkhsm_configuration *c)
{
	uint8_t bytes[ZKHSM_CONFIGURATION_MAX_LEN];
	int len = zkhsm_configuration_encode(c, bytes, sizeof(bytes));

	require(len > 0, "a configuration that cannot be written: %d", len);
	order_begin(o, m, ZKHSM_ORDER_TYPE_TRUST_CHANGE, hsm_id, number);
	order_put(o, previous, 32);
	order_put_number(o, (uint64_t)len, 2);
	order_put(o, bytes, (size_t)len);
	order_sign(o, m, o->len);
}

int trust_change(struct hsm *h, const struct manager *m, uint64_t number,
		 const uint8_t previous[32], const struct zkhsm_configuration *c)
{
	static struct order o;

	trust_change_make(&o, m, h->id, number, previous, c);
	return order_apply(h, &o);
}
