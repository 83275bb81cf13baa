// SPDX-License-Identifier: GPL-2.0
/*
 * Orders. They are changed before they are signed, so that what is wrong with
 * them is found behind the signature; or the signature itself is changed.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../selftests/ec.h"
#include "nlf.h"

struct writer {
	uint8_t *p;
	size_t len;
};

static void put(struct writer *w, const void *data, size_t len)
{
	memcpy(w->p + w->len, data, len);
	w->len += len;
}

static void put_number(struct writer *w, uint64_t value, unsigned int bytes)
{
	while (bytes--)
		w->p[w->len++] = (uint8_t)(value >> (8 * bytes));
}

/* Revoke, hold and release mostly; one order in eight is of any type, kept ones too. */
static uint8_t type_of(const struct nlf_step *s)
{
	static const uint8_t common[] = { ZKHSM_ORDER_TYPE_REVOKE, ZKHSM_ORDER_TYPE_HOLD,
					  ZKHSM_ORDER_TYPE_HOLD, ZKHSM_ORDER_TYPE_RELEASE,
					  ZKHSM_ORDER_TYPE_RELEASE };

	if (s->order[0] >= 224)
		return (uint8_t)(ZKHSM_ORDER_TYPE_LEASE + s->order[0] % 8);
	if (s->order[0] >= 160)
		return s->order[0] % 4 ? ZKHSM_ORDER_TYPE_LEASE : ZKHSM_ORDER_TYPE_TRUST_CHANGE;
	return common[s->order[0] % sizeof(common)];
}

static uint64_t number_of(const struct nlf_step *s, unsigned int manager)
{
	uint64_t last = atomic_load(&world->last_number[manager]);

	if (type_of(s) == ZKHSM_ORDER_TYPE_LEASE)
		return s->order[2] % 12 == 1;
	switch (s->order[2] % 12) {
	case 1:
		return last + 2 + s->order[2] / 12;
	case 2:
		return last;
	case 3:
		return 0;
	case 4:
		return UINT64_MAX - s->order[2] / 12;
	case 5:
		return last - 1;
	case 6:
		return 1;
	case 7:
		return last + 2;
	default:
		return last + 1;
	}
}

/* One element's name: of a key here, of one that was or may be imported, or of none. */
static void element(const struct nlf_step *s, uint64_t *random, uint8_t out[32])
{
	uint32_t r = random_below(random, 16);
	uint32_t i = random_below(random, KEYS);

	if (r < 10 && atomic_load(&world->key[i].known)) {
		memcpy(out, world->key[i].element, 32);
	} else if (r < 13) {
		memcpy(out, fixed.secret_element[random_below(random, SECRETS)], 32);
	} else if (r == 13) {
		ec_element(fixed.manager[manager_slot(s->order[1])].public, out);
	} else if (r == 14) {
		ec_element(world->identity, out);
	} else {
		for (i = 0; i < 32; i++)
			out[i] = (uint8_t)random_next(random);
	}
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

/* Returns how many there are; sorted and each once, unless the step wants it otherwise. */
static size_t elements(const struct nlf_step *s, uint8_t (*out)[32], uint64_t *random)
{
	static const uint16_t counts[] = { 1, 1, 1, 2, 3, 8, 0, 16, 64, 1023, 1024, 1025 };
	size_t count = counts[s->value[1].sel < 192 ? s->value[1].sel % 5 :
			      s->value[1].arg % 12], i, kept = 0;

	for (i = 0; i < count; i++)
		element(s, random, out[i]);
	if (s->value[1].sel >= 240)
		return count;
	qsort(out, count, 32, by_bytes);
	if (s->value[1].sel >= 224)
		return count;
	for (i = 0; i < count; i++)
		if (!kept || memcmp(out[kept - 1], out[i], 32))
			memmove(out[kept++], out[i], 32);
	return kept;
}

/* Changes bytes anywhere, or the length: what its author never meant, but signed. */
void payload_change(const struct nlf_step *s, uint8_t *bytes, size_t *len, size_t room)
{
	unsigned int i, n = s->changes >> 4 & 3;

	for (i = 0; i < n && *len; i++) {
		size_t at = (size_t)(s->payload[i].hi << 8 | s->payload[i].lo);

		/* The head is where decisions are made. */
		at %= at & 1 || *len < 96 ? *len : 96;
		switch (s->payload[i].op % 6) {
		case 0:
			bytes[at] = s->payload[i].value;
			break;
		case 1:
			bytes[at] ^= (uint8_t)(1 << s->payload[i].value % 8);
			break;
		case 2:
			bytes[at]++;
			break;
		case 3:
			*len = at;
			break;
		case 4:
			if (*len < room) {
				memmove(bytes + at + 1, bytes + at, *len - at);
				bytes[at] = s->payload[i].value;
				++*len;
			}
			break;
		default:
			memmove(bytes + at, bytes + at + 1, *len - at - 1);
			--*len;
		}
	}
}

/* n of P-256, for signatures at the edge. */
static void signature_change(const struct nlf_step *s, uint8_t sig[64])
{
	uint8_t negative[32];

	switch (s->order[3] % 16) {
	case 9:
		sig[s->order[3] / 4] ^= 1;
		break;
	case 10:
		memset(sig, 0, 32);
		break;
	case 11:
		memset(sig + 32, 0, 32);
		break;
	case 12:
		ec_order_plus(s->order[3] / 16 % 3 - 1, sig);
		break;
	case 13:
		ec_order_plus(s->order[3] / 16 % 3 - 1, sig + 32);
		break;
	case 14:
		/* (r, n - s) is as true as (r, s). */
		ec_negate(sig + 32, negative);
		memcpy(sig + 32, negative, 32);
		break;
	case 15:
		memset(sig, 0xff, 64);
		break;
	}
}

static void put_names(struct writer *w, const struct nlf_step *s)
{
	static uint8_t names[1025][32];
	uint64_t random = (uint64_t)s->expand[0] << 24 | s->expand[1] << 16 | s->expand[2] << 8 |
			  s->expand[3];
	size_t count = elements(s, names, &random);

	/* Most leases are about all keys. */
	if (type_of(s) == ZKHSM_ORDER_TYPE_LEASE && s->expand[0] % 4)
		count = 0;
	put_number(w, count, 2);
	put(w, names, count * 32);
}

static void put_vote(struct writer *w, const struct nlf_step *s)
{
	static const uint8_t reasons[] = { 0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 7, 11, 255 };

	put_number(w, reasons[s->value[4].sel < 192 ? s->value[4].arg % 10 :
			      s->value[4].arg % sizeof(reasons)], 1);
	put_names(w, s);
}

/* For evidence that was given out lately; for the last, mostly. */
static void put_lease(struct writer *w, const struct nlf_step *s, unsigned int manager)
{
	static const uint64_t ttls[] = { 60000, 1000, 50, 1, 86400000, 86400001, 2678400000, 0,
					 1ull << 63, UINT64_MAX };
	unsigned int back = s->value[5].sel < 128 ? 0 : s->value[5].arg;
	uint64_t last = atomic_load(&world->last_number[manager]);

	put(w, world->statement[(atomic_load(&world->statements) - 1 - back) % STATEMENTS], 32);
	put_number(w, s->value[6].sel < 128 ? 0 : s->value[6].sel < 192 ? last :
		   last + s->value[6].arg, 8);
	put_number(w, ttls[s->value[7].sel < 192 ? s->value[7].arg % 5 : s->value[7].arg % 10], 8);
	put_number(w, s->value[8].sel >= 224 ? s->value[8].arg :
		   s->value[8].arg % 4 ? ZKHSM_LEASE_VERDICT_GRANT : ZKHSM_LEASE_VERDICT_DENY, 1);
	put_names(w, s);
}

/* Where things are in C, by Documentation/protocol.rst. */
#define AT_QUORUM	12
#define AT_STOP		13
#define AT_WIPE		14
#define AT_GRACE	15
#define AT_TTL		23
#define AT_COUNT	31
#define AT_MANAGERS	32

static size_t manager_add(uint8_t *c, size_t len, const uint8_t public[65])
{
	size_t at = AT_MANAGERS;

	while (at + 65 <= len && memcmp(c + at, public, 65) < 0)
		at += 65;
	if (c[AT_COUNT] == ZKHSM_MANAGERS_MAX || (at + 65 <= len && !memcmp(c + at, public, 65)))
		return len;
	memmove(c + at + 65, c + at, len - at);
	memcpy(c + at, public, 65);
	c[AT_COUNT]++;
	return len + 65;
}

static size_t manager_drop(uint8_t *c, size_t len, unsigned int which)
{
	size_t at;

	if (!c[AT_COUNT])
		return len;
	at = AT_MANAGERS + 65u * (which % c[AT_COUNT]);
	memmove(c + at, c + at + 65, len - at - 65);
	c[AT_COUNT]--;
	return len - 65;
}

/* One thing of C changed: so few that two managers often order the same. */
static size_t config_change(const struct nlf_step *s, uint8_t *c, size_t len)
{
	static const uint8_t times[][8] = { { 0 }, { 0, 0, 0, 0, 0, 0, 0x03, 0xe8 },
					    { 0, 0, 0, 0, 0x05, 0x26, 0x5c, 0 },
					    { 255, 255, 255, 255, 255, 255, 255, 255 } };
	uint8_t arg = s->value[6].arg / 8;

	switch (s->value[6].arg % 8) {
	case 0:		/* withdrawn */
		break;
	case 1:
		c[AT_QUORUM] = arg % 4;
		break;
	case 2:
		c[AT_STOP] = 1 + arg % 2;
		c[AT_WIPE] = 1 + arg / 2 % 3;
		break;
	case 3:
		memcpy(c + AT_GRACE, times[arg % 4], 8);
		break;
	case 4:
		memcpy(c + AT_TTL, times[arg % 4], 8);
		break;
	case 5:
		return manager_drop(c, len, arg);
	case 6:
		return manager_add(c, len, s->value[8].sel < 224 ?
				   fixed.manager[arg % MANAGERS].public :
				   world->key[arg % KEYS].public);
	default:
		c[arg | s->value[8].arg % 4 << 5] ^= (uint8_t)(1 << s->value[8].arg / 4 % 8);
	}
	return len;
}

static void put_change(struct writer *w, const struct nlf_step *s)
{
	uint8_t c[ZKHSM_CONFIGURATION_MAX_LEN + 65 + 128] = { 0 };
	size_t len = atomic_load(&world->config_len);
	uint8_t previous[32];

	/* Somebody may be writing it: then it is another C, and void. */
	memcpy(c, world->config, len);
	ec_sha256(c, len, previous);
	if (s->value[5].sel >= 224)
		previous[s->value[5].arg % 32] ^= 1;
	if (len >= AT_MANAGERS && c[AT_COUNT] <= ZKHSM_MANAGERS_MAX &&
	    len == AT_MANAGERS + 65u * c[AT_COUNT])
		len = config_change(s, c, len);
	put(w, previous, 32);
	put_number(w, len, 2);
	put(w, c, len);
}

/* For a key that is there, mostly to sign what is mostly signed, and for anybody. */
static void put_grant(struct writer *w, const struct nlf_step *s)
{
	static const uint8_t nobody[65];
	uint64_t random = (uint64_t)s->expand[0] << 16 | s->expand[1] << 8 | s->expand[2];
	uint8_t input[32], jti[16], name[32], operation = 1 + !(s->value[5].arg % 8);
	struct timespec now;
	unsigned int i;

	clock_gettime(CLOCK_BOOTTIME, &now);
	element(s, &random, name);
	ec_sha256(world->hsm_id, 32, input);
	for (i = 0; i < sizeof(jti); i++)
		jti[i] = (uint8_t)random_next(&random);
	put(w, world->instance_id, 16);
	put(w, name, 32);
	put_number(w, s->value[6].sel >= 240 ? s->value[6].arg : operation, 1);
	put_number(w, operation, 2);
	put_number(w, s->value[7].sel >= 240 ? s->value[7].arg : 0, 4);
	put(w, input, 32);
	put(w, s->value[8].sel >= 192 ? fixed.manager[0].public : nobody, 65);
	put(w, jti, 16);
	put_number(w, (uint64_t)now.tv_sec * 1000 + s->value[7].arg % 80 * 1000, 8);
}

static size_t build(const struct nlf_step *s, uint8_t type, uint8_t *out)
{
	unsigned int manager = manager_slot(s->order[1]), signer = manager;
	struct writer w = { .p = out };
	uint8_t hsm_id[32];

	memcpy(hsm_id, world->hsm_id, 32);
	if (s->value[2].sel >= 240)
		hsm_id[s->value[2].arg % 32] ^= 1;
	if (s->value[3].sel >= 240)
		signer = (signer + 1) % MANAGERS;
	put(&w, "ZKHSM", 5);
	put_number(&w, type, 1);
	put_number(&w, 1, 2);
	put(&w, fixed.manager[manager].id, 32);
	put(&w, hsm_id, 32);
	put_number(&w, type == ZKHSM_ORDER_TYPE_GRANT ? s->order[2] % 12 == 1 :
		   number_of(s, manager), 8);
	switch (type) {
	case ZKHSM_ORDER_TYPE_LEASE:
		put_lease(&w, s, manager);
		break;
	case ZKHSM_ORDER_TYPE_TRUST_CHANGE:
		put_change(&w, s);
		break;
	case ZKHSM_ORDER_TYPE_GRANT:
		put_grant(&w, s);
		break;
	default:
		put_vote(&w, s);
	}
	payload_change(s, w.p, &w.len, VALUE_MAX - 128);
	ec_sign(fixed.manager[signer].key, w.p, w.len, w.p + w.len);
	signature_change(s, w.p + w.len);
	return w.len + 64;
}

size_t order_build(const struct nlf_step *s, uint8_t *out)
{
	return build(s, type_of(s), out);
}

size_t grant_build(const struct nlf_step *s, uint8_t *out)
{
	return build(s, ZKHSM_ORDER_TYPE_GRANT, out);
}
