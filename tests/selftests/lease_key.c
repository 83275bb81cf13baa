// SPDX-License-Identifier: GPL-2.0
/*
 * What leases let keys do: who has to grant, what takes a grant away, and what
 * a refusal and key-get say about it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "lessor.h"

#define HOUR	3600000ull
#define N	3
#define KEY	"leased"

static const uint8_t digest[32] = { 1 };
static struct hsm h;
static struct manager m[N];
static struct attested now;

/* Managers in the order in which the kernel names them. */
static int by_id(const void *a, const void *b)
{
	return memcmp(((const struct manager *)a)->id, ((const struct manager *)b)->id, 32);
}

static void start(uint32_t quorum)
{
	int i;

	hsm_close(&h);
	hsm_fresh_quorum(&h, LESSOR_PARAMS, quorum, 1, 1);
	for (i = 0; i < N; i++) {
		manager_free(&m[i]);
		manager_new_pinned(&h, &m[i]);
	}
	qsort(m, N, sizeof(m[0]), by_id);
	key_new_leased(&h, KEY);
	attest(&h, &m[0], &now);
}

static void lease(int who, uint8_t verdict, uint64_t ttl_ms)
{
	lease_all(&h, &m[who], &now, verdict, ttl_ms);
}

/* Of @element alone the contrary of @verdict. */
static void lease_but(int who, uint8_t verdict, const uint8_t element[32])
{
	const struct terms t = { .of = &now, .ttl_ms = HOUR, .verdict = verdict, .count = 1,
				 .exceptions = (const uint8_t (*)[32])element };

	lease_apply(&h, &m[who], &t);
	require(!h.a.error, "lease: %s", h.a.text);
}

static void works(const char *id, const char *when)
{
	key_sign(&h, id, digest);
	check_done(&h.a, "key-sign %s", when);
	key_prove(&h, id, "client", 6, NULL, 0);
	check_done(&h.a, "proof-get %s", when);
}

static void refused(const char *id, uint32_t reason, const char *when)
{
	key_prove(&h, id, "client", 6, NULL, 0);
	check_refused(&h.a, EKEYEXPIRED, reason, "proof-get %s", when);
	key_sign(&h, id, digest);
	check_refused(&h.a, EKEYEXPIRED, reason, "key-sign %s", when);
}

/* The sentence of the last refusal; kernels before 6.2 take none with values in it. */
static void says(const char *plain, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void says(const char *plain, const char *format, ...)
{
	unsigned int major = 0, minor = 0;
	struct utsname u;
	char text[128];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	require(!uname(&u) && sscanf(u.release, "%u.%u", &major, &minor) == 2, "uname");
	if (major < 6 || (major == 6 && minor < 2))
		snprintf(text, sizeof(text), "%s", plain);
	check(!strcmp(h.a.text, text), "\"%s\", expected \"%s\"", h.a.text, text);
}

static const char *hex(int who)
{
	static char text[9];

	snprintf(text, sizeof(text), "%02x%02x%02x%02x", m[who].id[0], m[who].id[1], m[who].id[2],
		 m[who].id[3]);
	return text;
}

/* A hold that does not stop the key alone takes back what the holder's own lease grants. */
static void own_vote(void)
{
	struct nl_msg *msg;
	uint8_t element[32];

	start(1);
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SET);
	nla_put_u32(msg, ZKHSM_A_HSM_STOP, 2);
	nla_put_u32(msg, ZKHSM_A_HSM_WIPE, 2);
	nlraw_do(&h.nl, msg, &h.a);
	require(!h.a.error, "hsm-set: %s", h.a.text);
	key_element(&h, KEY, element);
	order_one(&h, &m[0], ZKHSM_ORDER_TYPE_HOLD, 1, element);
	check_done(&h.a, "a hold, one of two");
	check(key_state(&h, KEY) == ZKHSM_KEY_STATE_ACTIVE, "one of two has held it");

	/* Signed before the hold, so that it asks for no order. */
	lease(0, GRANT, HOUR);
	refused(KEY, ZKHSM_REASON_LEASE_DENIED, "by the lease of its holder");
	order_one(&h, &m[0], ZKHSM_ORDER_TYPE_RELEASE, 2, element);
	check_done(&h.a, "release");
	works(KEY, "released by its holder");
}

/* One of one, with exceptions both ways; a key that requires none never notices. */
static void one_manager(void)
{
	uint8_t element[32];

	start(1);
	key_new(&h, "free");
	key_new_leased(&h, "second");
	key_element(&h, "second", element);
	refused(KEY, ZKHSM_REASON_NO_LEASE, "without a lease");
	says("no lease grants this key yet", "no lease grants this key yet, 1 are needed");
	works("free", "without a lease");
	attest(&h, &m[0], &now);
	check_done(&h.a, "evidence without a lease");
	lease(0, GRANT, HOUR);
	works(KEY, "granted");
	works("second", "granted");

	attest(&h, &m[0], &now);
	lease_but(0, GRANT, element);
	works(KEY, "granted but for another");
	refused("second", ZKHSM_REASON_LEASE_DENIED, "the exception");
	says("managers do not grant this key", "manager %s does not grant this key, 0 of 1 do",
	     hex(0));

	attest(&h, &m[0], &now);
	lease_but(0, DENY, element);
	refused(KEY, ZKHSM_REASON_LEASE_DENIED, "denied");
	works("second", "the exception");
	/* The lease before is gone, all of it. */
	attest(&h, &m[0], &now);
	lease(0, DENY, HOUR);
	refused("second", ZKHSM_REASON_LEASE_DENIED, "denied wholly");
	works("free", "denied");
	attest(&h, &m[0], &now);
	lease(0, GRANT, HOUR);
	works("second", "granted again");
}

static void two_of_three(void)
{
	start(2);
	lease(0, GRANT, HOUR);
	refused(KEY, ZKHSM_REASON_LEASE_QUORUM, "one of two");
	says("fewer managers grant this key than are needed", "1 of 2 managers grant this key");
	lease(1, DENY, HOUR);
	refused(KEY, ZKHSM_REASON_LEASE_DENIED, "one grants, one denies");
	says("managers do not grant this key", "manager %s does not grant this key, 1 of 2 do",
	     hex(1));
	/* A denial takes back no other's word. */
	lease(2, GRANT, HOUR);
	works(KEY, "two of three");
	attest(&h, &m[0], &now);
	lease(0, DENY, HOUR);
	refused(KEY, ZKHSM_REASON_LEASE_DENIED, "one of three left");
	lease(1, GRANT, HOUR);
	works(KEY, "another two");
	/* Fewer managers than the quorum. */
	manager_unpin(&h, &m[2]);
	refused(KEY, ZKHSM_REASON_LEASE_DENIED, "one of those was unpinned");
	manager_unpin(&h, &m[0]);
	refused(KEY, ZKHSM_REASON_LEASE_QUORUM, "one manager, quorum 2");
	manager_unpin(&h, &m[1]);
	refused(KEY, ZKHSM_REASON_NO_LEASE, "no manager");
	says("no lease grants this key yet", "no lease grants this key yet, 2 are needed");
}

static void changed(const char *how)
{
	refused(KEY, ZKHSM_REASON_LEASE_CHANGED, how);
	says("this key has changed since the leases were granted",
	     "changed since the lease of manager %s, 0 of 1 grant this key", hex(0));
	attest(&h, &m[0], &now);
	lease(0, GRANT, HOUR);
}

/* What a lease grants is what its evidence told, and nothing that came after. */
static void since_evidence(void)
{
	uint8_t scalar[32], element[32], public[65];

	start(1);
	ec_random_scalar(scalar);
	ec_public(scalar, public);
	ec_element(public, element);
	key_del(&h, KEY);
	key_import(&h, KEY, scalar);
	check_done(&h.a, "import");
	key_set_u32(&h, KEY, ZKHSM_A_KEY_FLAGS, ZKHSM_KEY_FLAG_LEASE_REQUIRED);
	check_done(&h.a, "lease-required");
	lease(0, GRANT, HOUR);
	changed("made after the evidence");
	works(KEY, "attested");

	/* Destroyed and imported again under its id, between evidence and lease, and after. */
	attest(&h, &m[0], &now);
	key_del(&h, KEY);
	key_import(&h, KEY, scalar);
	key_set_u32(&h, KEY, ZKHSM_A_KEY_FLAGS, ZKHSM_KEY_FLAG_LEASE_REQUIRED);
	lease(0, GRANT, HOUR);
	changed("imported again before the lease");
	works(KEY, "attested");
	key_del(&h, KEY);
	key_import(&h, KEY, scalar);
	key_set_u32(&h, KEY, ZKHSM_A_KEY_FLAGS, ZKHSM_KEY_FLAG_LEASE_REQUIRED);
	changed("imported again after the lease");
	works(KEY, "attested");

	key_set_u32(&h, KEY, ZKHSM_A_KEY_OWNER_UID, 0);
	works(KEY, "with an owner who is not in L");
	order_one(&h, &m[1], ZKHSM_ORDER_TYPE_HOLD, 1, element);
	order_one(&h, &m[1], ZKHSM_ORDER_TYPE_RELEASE, 2, element);
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_KEYS_CHANGED) == 1, "held and released");
	changed("held and released");
	key_set_u32(&h, KEY, ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_DEACTIVATED);
	key_set_u32(&h, KEY, ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_ACTIVE);
	changed("deactivated and active again");
	key_set_u32(&h, KEY, ZKHSM_A_KEY_USAGE, ZKHSM_KEY_USAGE_SIGN);
	key_sign(&h, KEY, digest);
	check_refused(&h.a, EKEYEXPIRED, ZKHSM_REASON_LEASE_CHANGED, "less usage");
}

/* A key may come pre-active, be attested, and then be activated: that is granted. */
static void activated(void)
{
	struct nl_msg *msg;

	start(1);
	msg = key_new_msg(&h, "later");
	nla_put_u32(msg, ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_PRE_ACTIVE);
	nla_put_u32(msg, ZKHSM_A_KEY_FLAGS, ZKHSM_KEY_FLAG_LEASE_REQUIRED);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "key-new");
	attest(&h, &m[0], &now);
	lease(0, GRANT, HOUR);
	key_sign(&h, "later", digest);
	check_refused(&h.a, EACCES, ZKHSM_REASON_STATE, "pre-active, although granted");
	key_set_u32(&h, "later", ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_ACTIVE);
	check_done(&h.a, "activate");
	works("later", "activated after the evidence");
	works(KEY, "beside it");
}

/* Set at any time, cleared never. */
static void flag(void)
{
	start(1);
	key_new(&h, "flag");
	works("flag", "without the flag");
	key_set_u32(&h, "flag", ZKHSM_A_KEY_FLAGS,
		    ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE | ZKHSM_KEY_FLAG_LEASE_REQUIRED);
	check_done(&h.a, "the flag is set");
	refused("flag", ZKHSM_REASON_NO_LEASE, "with the flag");
	key_set_u32(&h, "flag", ZKHSM_A_KEY_FLAGS, ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE);
	check_refused(&h.a, EPERM, ZKHSM_REASON_WIDENING, "the flag is cleared");
	refused("flag", ZKHSM_REASON_NO_LEASE, "as before");
	/* State and usage are looked at first: there is no way to ask about leases by them. */
	key_set_u32(&h, "flag", ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_DEACTIVATED);
	key_sign(&h, "flag", digest);
	check_refused(&h.a, EACCES, ZKHSM_REASON_STATE, "deactivated");
}

static void key_says(uint32_t granted, uint64_t until, const char *when)
{
	key_get(&h, KEY);
	check_done(&h.a, "key-get");
	check(nlraw_u32(&h.a, ZKHSM_A_KEY_LEASES_NEEDED) == 2, "needed, %s", when);
	check(nlraw_attr(&h.a, ZKHSM_A_KEY_LEASES_GRANTED) &&
	      nlraw_u32(&h.a, ZKHSM_A_KEY_LEASES_GRANTED) == granted, "granted, %s: %u", when,
	      nlraw_u32(&h.a, ZKHSM_A_KEY_LEASES_GRANTED));
	check(nlraw_attr(&h.a, ZKHSM_A_KEY_WORKS_UNTIL_MS) &&
	      nlraw_u64(&h.a, ZKHSM_A_KEY_WORKS_UNTIL_MS) == until,
	      "works until, %s: %llu, not %llu", when,
	      (unsigned long long)nlraw_u64(&h.a, ZKHSM_A_KEY_WORKS_UNTIL_MS),
	      (unsigned long long)until);
}

/* What key-get has of the @i-th pinned manager. */
static void manager_says(int i, uint32_t verdict, uint64_t expires)
{
	struct nlattr *tb[ZKHSM_A_KEY_LEASE_MAX + 1];
	const struct nlattr *attr;
	int rest, n = 0;

	nla_for_each_attr(attr, (const struct nlattr *)h.a.body, (int)h.a.body_len, rest) {
		if (nla_type(attr) != ZKHSM_A_KEY_LEASE || n++ != i)
			continue;
		require(!nla_parse_nested(tb, ZKHSM_A_KEY_LEASE_MAX, (struct nlattr *)attr, NULL) &&
			tb[ZKHSM_A_KEY_LEASE_MANAGER_ID] && tb[ZKHSM_A_KEY_LEASE_VERDICT],
			"a lease of key-get");
		check(!memcmp(nla_data(tb[ZKHSM_A_KEY_LEASE_MANAGER_ID]), m[i].id, 32), "manager");
		check(nla_get_u32(tb[ZKHSM_A_KEY_LEASE_VERDICT]) == verdict,
		      "manager %d: verdict %u", i,
		      nla_get_u32(tb[ZKHSM_A_KEY_LEASE_VERDICT]));
		check(expires ? tb[ZKHSM_A_KEY_LEASE_EXPIRES_MS] &&
				nla_get_u64(tb[ZKHSM_A_KEY_LEASE_EXPIRES_MS]) == expires :
				!tb[ZKHSM_A_KEY_LEASE_EXPIRES_MS], "manager %d: end", i);
	}
	check(n == N, "%d managers", n);
}

/* Ends are counted from each lease's own evidence; the second latest is the end of two. */
static void key_get_tells(void)
{
	struct attested first, second;

	start(2);
	first = now;
	key_says(0, 0, "no lease");
	manager_says(0, ZKHSM_LEASE_VERDICT_NONE, 0);
	lease(0, GRANT, HOUR);
	key_says(1, 0, "one lease");
	manager_says(0, GRANT, first.issued_ms + HOUR);
	attest(&h, &m[0], &second);
	now = second;
	lease(1, GRANT, 2 * HOUR);
	key_says(2, first.issued_ms + HOUR, "two leases");
	lease(2, GRANT, 3 * HOUR);
	key_says(3, second.issued_ms + 2 * HOUR, "three leases");
	hsm_set_u64(&h, ZKHSM_A_HSM_ENFORCE_GRACE_MS, 5000);
	key_says(3, second.issued_ms + 2 * HOUR + 5000, "three leases and grace");
	hsm_set_u64(&h, ZKHSM_A_HSM_MAX_TTL_MS, HOUR);
	key_says(3, second.issued_ms + HOUR + 5000, "a shorter max-ttl-ms");
	attest(&h, &m[0], &now);
	lease(1, DENY, HOUR);
	key_says(2, first.issued_ms + HOUR + 5000, "one denies");
	manager_says(1, DENY, now.issued_ms + HOUR);
	manager_says(2, GRANT, second.issued_ms + HOUR);
}

/* A key that changed, one that requires none, and C that enforces nothing. */
static void key_get_otherwise(void)
{
	start(2);
	lease(0, GRANT, HOUR);
	lease(1, GRANT, HOUR);
	key_set_u32(&h, KEY, ZKHSM_A_KEY_USAGE, ZKHSM_KEY_USAGE_SIGN);
	key_says(0, 0, "changed");
	manager_says(1, ZKHSM_LEASE_VERDICT_CHANGED, now.issued_ms + HOUR);
	hsm_set_u64(&h, ZKHSM_A_HSM_ENFORCE_GRACE_MS, UINT64_MAX);
	key_says(0, UINT64_MAX, "report only");
	check(nlraw_attr(&h.a, ZKHSM_A_KEY_UNLEASED_USES) &&
	      !nlraw_u64(&h.a, ZKHSM_A_KEY_UNLEASED_USES), "unleased uses");
	key_new(&h, "free");
	key_get(&h, "free");
	check(!nlraw_attr(&h.a, ZKHSM_A_KEY_LEASES_NEEDED) &&
	      !nlraw_attr(&h.a, ZKHSM_A_KEY_WORKS_UNTIL_MS) && !nlraw_attr(&h.a, ZKHSM_A_KEY_LEASE),
	      "leases of a key that requires none");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "one_manager", one_manager },
		{ "two_of_three", two_of_three },
		{ "own_vote", own_vote },
		{ "since_evidence", since_evidence },
		{ "activated", activated },
		{ "flag", flag },
		{ "key_get_tells", key_get_tells },
		{ "key_get_otherwise", key_get_otherwise },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
