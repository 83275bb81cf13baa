// SPDX-License-Identifier: GPL-2.0
/*
 * Evidence as a manager sees it: fetched over raw netlink, verified by
 * libzkhsm against the list that the kernel hands out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "hsm.h"
#include "zkhsm.h"

#define LIST_MAX	(4u << 20)
#define MANY		1000
#define MANY_SLOW	150

static struct hsm h;
static struct manager m;

struct list {
	uint8_t *bytes;
	size_t len;
	uint32_t length;		/* as the chunks say */
	unsigned int chunks;
	bool in_order;
};

struct attested {
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len;
	uint8_t announcement[256];
	size_t announcement_len;
	uint8_t list_digest[32];
	uint8_t config_digest[32];
	uint32_t number;
	struct zkhsm_statement statement;
};

static void start(void)
{
	if (h.nl.sock)
		return;
	hsm_fresh(&h, "evidence_rate=1000 evidence_burst=1000");
	manager_new_pinned(&h, &m);
}

static void take_chunk(const struct nlmsghdr *nh, void *arg)
{
	struct nlattr *tb[ZKHSM_A_LIST_MAX + 1];
	struct list *l = arg;
	size_t n;

	if (nla_parse(tb, ZKHSM_A_LIST_MAX, genlmsg_attrdata(nlmsg_data(nh), 0),
		      genlmsg_attrlen(nlmsg_data(nh), 0), NULL) ||
	    !tb[ZKHSM_A_LIST_CHUNK] || !tb[ZKHSM_A_LIST_OFFSET] || !tb[ZKHSM_A_LIST_LENGTH]) {
		l->in_order = false;
		return;
	}
	n = (size_t)nla_len(tb[ZKHSM_A_LIST_CHUNK]);
	if (nla_get_u32(tb[ZKHSM_A_LIST_OFFSET]) != l->len || l->len + n > LIST_MAX) {
		l->in_order = false;
		return;
	}
	memcpy(l->bytes + l->len, nla_data(tb[ZKHSM_A_LIST_CHUNK]), n);
	l->len += n;
	l->length = nla_get_u32(tb[ZKHSM_A_LIST_LENGTH]);
	l->chunks++;
}

static struct nl_msg *list_msg(const uint8_t digest[32])
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_LIST_GET);

	if (digest)
		nla_put(msg, ZKHSM_A_LIST_DIGEST, 32, digest);
	return msg;
}

/* The bytes of L; the chunks must follow one another and have the digest asked for. */
static void fetch(const uint8_t digest[32], struct list *l)
{
	uint8_t found[32];

	memset(l, 0, sizeof(*l));
	l->in_order = true;
	l->bytes = malloc(LIST_MAX);
	require(l->bytes, "no memory");
	nlraw_dump(&h.nl, list_msg(digest), take_chunk, l, &h.a);
	check_done(&h.a, "list-get dump");
	ec_sha256(l->bytes, l->len, found);
	check(l->in_order && l->len == l->length, "chunks do not make up the list");
	check(!memcmp(found, digest, 32), "the list has another digest");
}

static void take(struct attested *a)
{
	const struct nlattr *e = nlraw_attr(&h.a, ZKHSM_A_EVIDENCE_EVIDENCE);
	const struct nlattr *n = nlraw_attr(&h.a, ZKHSM_A_EVIDENCE_ANNOUNCEMENT);
	const uint8_t *l = nlraw_bytes(&h.a, ZKHSM_A_EVIDENCE_LIST_DIGEST, 32);
	const uint8_t *c = nlraw_bytes(&h.a, ZKHSM_A_EVIDENCE_CONFIGURATION_DIGEST, 32);

	require(!h.a.error, "evidence-get: %s %s", strerrorname_np(h.a.error), h.a.text);
	require(e && n && l && c && nla_len(e) <= (int)sizeof(a->evidence) &&
		nla_len(n) <= (int)sizeof(a->announcement), "evidence-get: incomplete reply");
	memset(a, 0, sizeof(*a));
	a->len = (size_t)nla_len(e);
	memcpy(a->evidence, nla_data(e), a->len);
	a->announcement_len = (size_t)nla_len(n);
	memcpy(a->announcement, nla_data(n), a->announcement_len);
	memcpy(a->list_digest, l, 32);
	memcpy(a->config_digest, c, 32);
	a->number = nlraw_u32(&h.a, ZKHSM_A_EVIDENCE_NUMBER);
}

/* Against list and configuration as the kernel gives them out now. */
static void verify(struct attested *a, uint32_t count)
{
	struct zkhsm_announcement announcement;
	struct zkhsm_statement unused;
	struct zkhsm_keylist *keys = NULL;
	struct zkhsm_error err = { 0 };
	const struct nlattr *config;
	uint8_t digest[32];
	struct list l;
	int ret;

	fetch(a->list_digest, &l);
	ret = zkhsm_keylist_new(l.bytes, l.len, &keys, &err);
	free(l.bytes);
	require(!ret, "L: %s", err.text);
	hsm_get(&h);
	config = nlraw_attr(&h.a, ZKHSM_A_HSM_CONFIGURATION);
	require(config, "no configuration");
	ec_sha256(nla_data(config), (size_t)nla_len(config), digest);
	check(!memcmp(digest, a->config_digest, 32), "digest of the configuration");

	ret = zkhsm_verify_evidence(a->evidence, a->len, keys, nla_data(config),
				    (size_t)nla_len(config), &a->statement, &err);
	check(!ret, "evidence over %u keys: %s", count, err.text);
	check(a->statement.list_count == count, "count %u, expected %u", a->statement.list_count,
	      count);
	check(a->statement.number == a->number, "number in S and in the reply");
	check(!memcmp(a->statement.hsm_id, h.id, 32), "hsm_id");
	check(!memcmp(a->statement.identity, h.identity, 65), "identity");

	ret = zkhsm_verify_announcement(h.identity, a->announcement, a->announcement_len,
					&announcement, &err);
	check(!ret && !memcmp(announcement.list_digest, a->list_digest, 32) &&
	      announcement.list_len == l.len && announcement.list_count == count,
	      "announcement: %s", err.text);

	/* The verifier must be able to say no. */
	a->evidence[a->len - 1] ^= 1;
	ret = zkhsm_verify_evidence(a->evidence, a->len, keys, NULL, 0, &unused, &err);
	check(ret == -EKEYREJECTED, "altered evidence: %d", ret);
	a->evidence[a->len - 1] ^= 1;
	zkhsm_keylist_free(keys);
}

static void attest(struct attested *a, uint32_t count)
{
	evidence_get(&h, &m);
	take(a);
	verify(a, count);
}

static void few_keys(void)
{
	static struct attested first, a;

	start();
	attest(&first, 0);
	key_new_many(&h, "few-", 1);
	attest(&a, 1);
	check(a.number == first.number + 1, "n goes up by one");
	check(!memcmp(a.statement.instance_id, first.statement.instance_id, 16), "instance id");
	check(memcmp(a.statement.lease_nonce, first.statement.lease_nonce, 32), "lease nonce");
	check(a.statement.uptime_ms >= first.statement.uptime_ms, "uptime");
	check(memcmp(a.evidence + a.len - 97, first.evidence + first.len - 97, 65), "V");
	key_new(&h, "few-1");
	key_new(&h, "few-2");
	attest(&a, 3);
	first = a;
	/* Nothing changed: the same list, other evidence. */
	attest(&a, 3);
	check(!memcmp(a.list_digest, first.list_digest, 32), "the list changed by itself");
	check(memcmp(a.evidence + a.len - 97, first.evidence + first.len - 97, 97), "proof");
	key_del(&h, "few-1");
	attest(&a, 2);
}

static void one_state(const char *id, uint32_t state)
{
	uint8_t element[32];

	key_new(&h, id);
	switch (state) {
	case ZKHSM_KEY_STATE_HELD:
	case ZKHSM_KEY_STATE_COMPROMISED:
		key_element(&h, id, element);
		order_one(&h, &m, state == ZKHSM_KEY_STATE_HELD ? ZKHSM_ORDER_TYPE_HOLD :
			  ZKHSM_ORDER_TYPE_REVOKE, state, element);
		break;
	case ZKHSM_KEY_STATE_DEACTIVATED:
		key_set_u32(&h, id, ZKHSM_A_KEY_STATE, state);
		break;
	}
	require(!h.a.error, "%s: %s", id, h.a.text);
	check(key_state(&h, id) == state, "%s is not in state %u", id, state);
}

/* All states but compromised are covered by the proof; L tells of every one. */
static void mixed_states(void)
{
	static struct attested a;
	struct nl_msg *msg;

	start();
	msg = key_new_msg(&h, "s-pre");
	nla_put_u32(msg, ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_PRE_ACTIVE);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "pre-active");
	attest(&a, 3);
	check(!a.statement.challenges[0].last_number, "last number before any order");
	one_state("s-active", ZKHSM_KEY_STATE_ACTIVE);
	one_state("s-held", ZKHSM_KEY_STATE_HELD);
	one_state("s-deactivated", ZKHSM_KEY_STATE_DEACTIVATED);
	attest(&a, 6);
	one_state("s-compromised", ZKHSM_KEY_STATE_COMPROMISED);
	one_state("s-compromised-2", ZKHSM_KEY_STATE_ACTIVE);
	attest(&a, 8);
	/* Orders 3 and 5 came without 1, 2 and 4. */
	check(!a.statement.challenges[0].last_number, "the counter moved out of turn");
}

static void challenges(void)
{
	static struct manager more[ZKHSM_MANAGERS_MAX];
	static struct attested a;
	uint8_t nonce[ZKHSM_MANAGERS_MAX][32];
	struct nl_msg *msg;
	int i, j;

	start();
	more[0] = m;
	for (i = 1; i < ZKHSM_MANAGERS_MAX; i++)
		manager_new_pinned(&h, &more[i]);
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_EVIDENCE_GET);
	for (i = 0; i < ZKHSM_MANAGERS_MAX; i++) {
		memset(nonce[i], i + 1, 32);
		put_challenge(msg, more[i].id, nonce[i]);
	}
	nlraw_do(&h.nl, msg, &h.a);
	take(&a);
	hsm_get(&h);
	verify(&a, nlraw_u32(&h.a, ZKHSM_A_HSM_KEY_COUNT));
	check(a.statement.challenge_count == ZKHSM_MANAGERS_MAX, "16 challenges");
	for (i = 0; i < ZKHSM_MANAGERS_MAX; i++)
		for (j = 0; j < ZKHSM_MANAGERS_MAX; j++)
			if (!memcmp(a.statement.challenges[i].manager_id, more[j].id, 32))
				check(!memcmp(a.statement.challenges[i].nonce, nonce[j], 32),
				      "another manager's nonce");

	msg = nlraw_msg(&h.nl, ZKHSM_CMD_EVIDENCE_GET);
	for (i = 0; i <= ZKHSM_MANAGERS_MAX; i++)
		put_challenge(msg, more[i % ZKHSM_MANAGERS_MAX].id, NULL);
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_LENGTH, "17 challenges");

	msg = nlraw_msg(&h.nl, ZKHSM_CMD_EVIDENCE_GET);
	put_challenge(msg, more[3].id, NULL);
	put_challenge(msg, more[5].id, NULL);
	put_challenge(msg, more[3].id, NULL);
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_REPEATED, "a manager twice");
	for (i = 1; i < ZKHSM_MANAGERS_MAX; i++) {
		manager_unpin(&h, &more[i]);
		manager_free(&more[i]);
	}
}

static void strangers_challenge(void)
{
	struct nl_msg *msg;
	struct manager x;

	start();
	manager_new(&x);
	evidence_get(&h, &x);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NOT_PINNED, "a manager that nobody pinned");
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_EVIDENCE_GET);
	put_challenge(msg, m.id, NULL);
	put_challenge(msg, x.id, NULL);
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NOT_PINNED, "one pinned, one not");
	manager_free(&x);
}

static int expecting(const uint8_t digest[32])
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_EVIDENCE_GET);

	put_challenge(msg, m.id, NULL);
	nla_put(msg, ZKHSM_A_EVIDENCE_LIST_DIGEST, 32, digest);
	return nlraw_do(&h.nl, msg, &h.a);
}

static void expected_list(void)
{
	static struct attested a;
	uint8_t digest[32];
	uint32_t nonces;

	start();
	evidence_get(&h, &m);
	take(&a);
	memcpy(digest, a.list_digest, 32);
	expecting(digest);
	check_done(&h.a, "the list expected");
	hsm_get(&h);
	nonces = nlraw_u32(&h.a, ZKHSM_A_HSM_NONCES);
	digest[0] ^= 1;
	expecting(digest);
	check_refused(&h.a, EAGAIN, ZKHSM_REASON_LIST_MOVED, "another list expected");
	key_new(&h, "moved");
	digest[0] ^= 1;
	expecting(digest);
	check_refused(&h.a, EAGAIN, ZKHSM_REASON_LIST_MOVED, "the list moved on");
	hsm_get(&h);
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_NONCES) == nonces, "a refusal cost a nonce");
}

/* Two copies are kept; an older one is gone. */
static void older_lists(void)
{
	static struct attested a[3];
	char id[] = "older-0";
	struct list l;
	int i;

	start();
	for (i = 0; i < 3; i++) {
		id[6] = (char)('0' + i);
		key_new(&h, id);
		evidence_get(&h, &m);
		take(&a[i]);
	}
	for (i = 1; i < 3; i++) {
		fetch(a[i].list_digest, &l);
		free(l.bytes);
		nlraw_do(&h.nl, list_msg(a[i].list_digest), &h.a);
		check_done(&h.a, "list-get");
		check(nlraw_u32(&h.a, ZKHSM_A_LIST_LENGTH) == l.len, "length");
	}
	nlraw_do(&h.nl, list_msg(NULL), &h.a);
	check(nlraw_bytes(&h.a, ZKHSM_A_LIST_DIGEST, 32) &&
	      !memcmp(nlraw_bytes(&h.a, ZKHSM_A_LIST_DIGEST, 32), a[2].list_digest, 32),
	      "the newest list");
	nlraw_do(&h.nl, list_msg(a[0].list_digest), &h.a);
	check_refused(&h.a, EAGAIN, ZKHSM_REASON_LIST_MOVED, "list-get of an older list");
	nlraw_dump(&h.nl, list_msg(a[0].list_digest), NULL, NULL, &h.a);
	check_refused(&h.a, EAGAIN, ZKHSM_REASON_LIST_MOVED, "dump of an older list");
	memset(a[0].list_digest, 0x55, 32);
	nlraw_do(&h.nl, list_msg(a[0].list_digest), &h.a);
	check_refused(&h.a, EAGAIN, ZKHSM_REASON_LIST_MOVED, "list-get of no list");
}

#define UNREAD	100

/* A dump that is left unread keeps no list: when two newer ones came, it ends. */
static void unread_dump(void)
{
	static struct attested a;
	struct nl_msg *msg;
	struct nlraw nl;
	char id[] = "newer-0";
	int i, fd;

	start();
	key_new_many(&h, "unread-", UNREAD);
	evidence_get(&h, &m);
	take(&a);
	/* Nothing was received from this socket yet, so the first part is a small one. */
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	require(fd >= 0 && !nlraw_adopt(&nl, fd, &h.nl), "socket");
	msg = nlraw_msg(&nl, ZKHSM_CMD_LIST_GET);
	nla_put(msg, ZKHSM_A_LIST_DIGEST, 32, a.list_digest);
	check(!nlraw_send(&nl, msg, NLM_F_DUMP), "send");
	for (i = 0; i < 2; i++) {
		id[6] = (char)('0' + i);
		key_new(&h, id);
		evidence_get(&h, &m);
		check_done(&h.a, "evidence over a newer list");
	}

	nlraw_receive(&nl, NULL, NULL, &h.a);
	nlraw_close(&nl);
	/* At the end of a dump older kernels tell the sentence, but not the reason. */
	check(h.a.error == EAGAIN && h.a.text[0] &&
	      (!h.a.reason || h.a.reason == ZKHSM_REASON_LIST_MOVED),
	      "a list that is gone: %s reason %u \"%s\"", strerrorname_np(h.a.error), h.a.reason,
	      h.a.text);
	check(h.a.messages, "none of it came before");
}

static void many_keys(void)
{
	static struct attested a;
	const uint32_t count = kernel_is_slow() ? MANY_SLOW : MANY;
	uint32_t before;

	start();
	hsm_get(&h);
	before = nlraw_u32(&h.a, ZKHSM_A_HSM_KEY_COUNT);
	key_new_many(&h, "many-", count - before);
	attest(&a, count);
	/* One statement and one proof, however many keys. */
	check(a.len < 600, "%zu bytes of evidence", a.len);
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "few_keys", few_keys },
		{ "mixed_states", mixed_states },
		{ "challenges", challenges },
		{ "strangers_challenge", strangers_challenge },
		{ "expected_list", expected_list },
		{ "older_lists", older_lists },
		{ "unread_dump", unread_dump },
		{ "many_keys", many_keys },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
