// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * Encoders and decoders of the protocol's byte strings, see wire.h and
 * Documentation/protocol.rst. All of it is public data: no secret is ever
 * encoded here, so nothing needs to be constant time or wiped.
 */
#include "wire-io.h"

/*
 * zkhsm_statement_encode() - write S
 * @s: the statement; its challenges and groups must be in order already
 * @buf: where to
 * @size: room there, ZKHSM_STATEMENT_MAX_LEN is always enough
 *
 * Return: the length of S, or -EMSGSIZE.
 */
int zkhsm_statement_encode(const struct zkhsm_statement *s, u8 *buf, size_t size)
{
	struct zkhsm_writer w = { .p = buf, .left = size };
	u32 i;

	put_header(&w, ZKHSM_WIRE_STATEMENT);
	put(&w, s->hsm_id, sizeof(s->hsm_id));
	put(&w, s->identity, sizeof(s->identity));
	put_u32(&w, s->boot_count);
	put_u32(&w, s->fork_count);
	put_u32(&w, s->number);
	put(&w, s->instance_id, sizeof(s->instance_id));
	put_u64(&w, s->uptime_ms);
	put(&w, s->lease_nonce, sizeof(s->lease_nonce));
	put_u8(&w, s->challenge_count);
	for (i = 0; i < s->challenge_count; i++) {
		const struct zkhsm_challenge *c = &s->challenges[i];

		put(&w, c->manager_id, sizeof(c->manager_id));
		put(&w, c->nonce, sizeof(c->nonce));
		put_u64(&w, c->last_number);
		put(&w, c->last_digest, sizeof(c->last_digest));
	}
	put(&w, s->platform, sizeof(s->platform));
	put_u32(&w, s->module_version);
	put(&w, s->list_digest, sizeof(s->list_digest));
	put_u32(&w, s->list_count);
	put(&w, s->config_digest, sizeof(s->config_digest));
	put_u8(&w, s->group_count);
	for (i = 0; i < s->group_count; i++)
		put_u16(&w, s->groups[i]);
	return writer_end(&w);
}

static const u8 no_digest[ZKHSM_HASH_LEN];

static void take_challenges(struct zkhsm_reader *r, struct zkhsm_statement *s)
{
	u32 i;

	s->challenge_count = take_u8(r);
	if (!s->challenge_count || s->challenge_count > ZKHSM_MANAGERS_MAX) {
		r->bad = true;
		return;
	}
	for (i = 0; i < s->challenge_count; i++) {
		struct zkhsm_challenge *c = &s->challenges[i];

		take_bytes(r, c->manager_id, sizeof(c->manager_id));
		take_bytes(r, c->nonce, sizeof(c->nonce));
		c->last_number = take_u64(r);
		take_bytes(r, c->last_digest, sizeof(c->last_digest));
		if (i && memcmp(s->challenges[i - 1].manager_id, c->manager_id,
				sizeof(c->manager_id)) >= 0)
			r->bad = true;
		/* No order applied has one encoding: number and digest both zero. */
		if (!c->last_number && memcmp(c->last_digest, no_digest, sizeof(no_digest)))
			r->bad = true;
	}
}

static void take_groups(struct zkhsm_reader *r, struct zkhsm_statement *s)
{
	u32 i;

	s->group_count = take_u8(r);
	if (!s->group_count || s->group_count > ZKHSM_GROUPS_MAX) {
		r->bad = true;
		return;
	}
	for (i = 0; i < s->group_count; i++) {
		s->groups[i] = take_u16(r);
		if (i && s->groups[i - 1] >= s->groups[i])
			r->bad = true;
	}
	/* P-256 is the only suite of this version; the identity is always on it. */
	if (s->groups[0] != ZKHSM_SUITE_P256 || s->group_count != 1)
		r->bad = true;
}

static void take_statement(struct zkhsm_reader *r, struct zkhsm_statement *s)
{
	expect_header(r, ZKHSM_WIRE_STATEMENT);
	take_bytes(r, s->hsm_id, sizeof(s->hsm_id));
	take_bytes(r, s->identity, sizeof(s->identity));
	s->boot_count = take_u32(r);
	s->fork_count = take_u32(r);
	s->number = take_u32(r);
	take_bytes(r, s->instance_id, sizeof(s->instance_id));
	s->uptime_ms = take_u64(r);
	take_bytes(r, s->lease_nonce, sizeof(s->lease_nonce));
	take_challenges(r, s);
	take_bytes(r, s->platform, sizeof(s->platform));
	s->module_version = take_u32(r);
	take_bytes(r, s->list_digest, sizeof(s->list_digest));
	s->list_count = take_u32(r);
	take_bytes(r, s->config_digest, sizeof(s->config_digest));
	take_groups(r, s);
	if (s->list_count > ZKHSM_KEYS_MAX)
		r->bad = true;
}

/*
 * zkhsm_statement_decode() - read S and nothing after it
 *
 * Return: 0, or -EBADMSG; then *@s holds nothing that may be used.
 */
int zkhsm_statement_decode(struct zkhsm_statement *s, const u8 *buf, size_t len)
{
	struct zkhsm_reader r = { .p = buf, .left = len };

	memset(s, 0, sizeof(*s));
	take_statement(&r, s);
	return reader_end(&r);
}

/*
 * zkhsm_evidence_decode() - read S and find the proofs behind it
 *
 * Return: 0, or -EBADMSG, also when the proofs are not of the exact length that
 * the groups in S call for.
 */
int zkhsm_evidence_decode(struct zkhsm_statement *s, size_t *statement_len,
			  const u8 *buf, size_t len)
{
	struct zkhsm_reader r = { .p = buf, .left = len };

	memset(s, 0, sizeof(*s));
	take_statement(&r, s);
	if (r.bad)
		return -EBADMSG;
	*statement_len = len - r.left;
	take(&r, s->group_count * ZKHSM_PROOF_LEN);
	return reader_end(&r);
}

static bool id_char(u8 c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/*
 * zkhsm_id_valid() - whether a key may have this id
 *
 * Ids stand in URLs, log lines and shell commands, hence no other characters
 * than letters, digits and . _ @ - with a letter or digit first.
 */
bool zkhsm_id_valid(const u8 *id, size_t len)
{
	size_t i;

	if (!len || len > ZKHSM_ID_MAX_LEN || !id_char(id[0]))
		return false;
	for (i = 1; i < len; i++)
		if (!id_char(id[i]) && id[i] != '.' && id[i] != '_' && id[i] != '@' &&
		    id[i] != '-')
			return false;
	return true;
}

/*
 * zkhsm_id_compare() - the order of L: by bytes, and a prefix before what it begins
 */
int zkhsm_id_compare(const u8 *a, size_t a_len, const u8 *b, size_t b_len)
{
	int d = memcmp(a, b, a_len < b_len ? a_len : b_len);

	if (d)
		return d;
	return a_len < b_len ? -1 : a_len > b_len;
}

/* Return: ZKHSM_LIST_HEAD_LEN, or -EMSGSIZE. */
int zkhsm_list_head_encode(u32 count, u8 *buf, size_t size)
{
	struct zkhsm_writer w = { .p = buf, .left = size };

	put_header(&w, ZKHSM_WIRE_LIST);
	put_u32(&w, count);
	return writer_end(&w);
}

/* Return: the entry's length, or -EMSGSIZE. */
int zkhsm_list_entry_encode(const struct zkhsm_list_entry *e, u8 *buf, size_t size)
{
	struct zkhsm_writer w = { .p = buf, .left = size };

	put_u8(&w, e->id_len);
	put(&w, e->id, e->id_len);
	put_u16(&w, e->type);
	put_u8(&w, e->origin);
	put_u32(&w, e->usage);
	put_u32(&w, e->flags);
	put_u64(&w, e->created_ms);
	put_u8(&w, e->state);
	put_u16(&w, e->public_len);
	put(&w, e->public, e->public_len);
	return writer_end(&w);
}

/*
 * zkhsm_list_entry_decode() - read one entry where the reader stands
 *
 * Return: 0, or -EBADMSG.
 */
int zkhsm_list_entry_decode(struct zkhsm_reader *r, struct zkhsm_list_entry *e)
{
	const u8 *id, *public;

	memset(e, 0, sizeof(*e));
	e->id_len = take_u8(r);
	id = take(r, e->id_len);
	e->type = take_u16(r);
	e->origin = take_u8(r);
	e->usage = take_u32(r);
	e->flags = take_u32(r);
	e->created_ms = take_u64(r);
	e->state = take_u8(r);
	e->public_len = take_u16(r);
	public = take(r, e->public_len);

	if (r->bad || !zkhsm_id_valid(id, e->id_len) || e->type != ZKHSM_KEY_TYPE_EC_P256 ||
	    e->public_len != ZKHSM_POINT_LEN || public[0] != 4 ||
	    e->origin < ZKHSM_KEY_ORIGIN_GENERATED || e->origin > ZKHSM_KEY_ORIGIN_SYNCHRONISED ||
	    e->state < ZKHSM_KEY_STATE_PRE_ACTIVE || e->state > ZKHSM_KEY_STATE_COMPROMISED ||
	    e->usage & ~ZKHSM_KEY_USAGE_ALL || e->flags & ~ZKHSM_KEY_FLAG_ALL) {
		r->bad = true;
		return -EBADMSG;
	}
	memcpy(e->id, id, e->id_len);
	memcpy(e->public, public, e->public_len);
	return 0;
}

/*
 * zkhsm_list_begin() - start to walk L
 *
 * Return: 0, or -EBADMSG.
 */
int zkhsm_list_begin(struct zkhsm_list_reader *l, const u8 *buf, size_t len)
{
	memset(l, 0, sizeof(*l));
	l->r.p = buf;
	l->r.left = len;
	expect_header(&l->r, ZKHSM_WIRE_LIST);
	l->count = take_u32(&l->r);
	if (l->r.bad || l->count > ZKHSM_KEYS_MAX)
		return -EBADMSG;
	return 0;
}

/*
 * zkhsm_list_next() - the next entry of L
 *
 * Return: 1 with *@e set; 0 at the proper end; -EBADMSG otherwise, also when
 * entries are out of order or an id is there twice.
 */
int zkhsm_list_next(struct zkhsm_list_reader *l, struct zkhsm_list_entry *e)
{
	if (l->index == l->count)
		return reader_end(&l->r);
	if (zkhsm_list_entry_decode(&l->r, e))
		return -EBADMSG;
	if (l->index && zkhsm_id_compare(l->last_id, l->last_id_len, e->id, e->id_len) >= 0) {
		l->r.bad = true;
		return -EBADMSG;
	}
	memcpy(l->last_id, e->id, e->id_len);
	l->last_id_len = e->id_len;
	l->index++;
	return 1;
}

/* Return: the length of C, or -EMSGSIZE. */
int zkhsm_configuration_encode(const struct zkhsm_configuration *c, u8 *buf, size_t size)
{
	struct zkhsm_writer w = { .p = buf, .left = size };
	u32 i;

	put_header(&w, ZKHSM_WIRE_CONFIGURATION);
	put_u32(&w, c->flags);
	put_u8(&w, c->quorum);
	put_u8(&w, c->stop);
	put_u8(&w, c->wipe);
	put_u64(&w, c->enforce_grace_ms);
	put_u64(&w, c->max_ttl_ms);
	put_u8(&w, c->manager_count);
	for (i = 0; i < c->manager_count; i++)
		put(&w, c->managers[i], ZKHSM_POINT_LEN);
	return writer_end(&w);
}

/* One class of KEK at most, and a counter only of what is sealed. */
bool zkhsm_hsm_flags_valid(u32 flags)
{
	u32 kek = flags & ZKHSM_HSM_FLAG_KEK;

	if (flags & ~ZKHSM_HSM_FLAG_ALL || kek & (kek - 1))
		return false;
	return kek || !(flags & ZKHSM_HSM_FLAG_COUNTER);
}

/*
 * zkhsm_configuration_decode() - read C
 *
 * Return: 0, or -EBADMSG, also for a quorum of zero, unknown flags, and keys
 * that are unsorted or there twice.
 */
int zkhsm_configuration_decode(struct zkhsm_configuration *c, const u8 *buf, size_t len)
{
	struct zkhsm_reader r = { .p = buf, .left = len };
	u32 i;

	memset(c, 0, sizeof(*c));
	expect_header(&r, ZKHSM_WIRE_CONFIGURATION);
	c->flags = take_u32(&r);
	c->quorum = take_u8(&r);
	c->stop = take_u8(&r);
	c->wipe = take_u8(&r);
	c->enforce_grace_ms = take_u64(&r);
	c->max_ttl_ms = take_u64(&r);
	c->manager_count = take_u8(&r);
	if (c->manager_count > ZKHSM_MANAGERS_MAX || !zkhsm_hsm_flags_valid(c->flags) ||
	    !c->quorum || !c->stop || !c->wipe)
		return -EBADMSG;
	for (i = 0; i < c->manager_count; i++) {
		take_bytes(&r, c->managers[i], ZKHSM_POINT_LEN);
		if (c->managers[i][0] != 4 ||
		    (i && memcmp(c->managers[i - 1], c->managers[i], ZKHSM_POINT_LEN) >= 0))
			r.bad = true;
	}
	return reader_end(&r);
}

/* Return: ZKHSM_ANNOUNCEMENT_LEN, or -EMSGSIZE. */
int zkhsm_announcement_encode(const struct zkhsm_announcement *a, u8 *buf, size_t size)
{
	struct zkhsm_writer w = { .p = buf, .left = size };

	put_header(&w, ZKHSM_WIRE_ANNOUNCEMENT);
	put(&w, a->list_digest, sizeof(a->list_digest));
	put_u32(&w, a->list_len);
	put_u32(&w, a->list_count);
	return writer_end(&w);
}

/* Return: 0, or -EBADMSG. */
int zkhsm_announcement_decode(struct zkhsm_announcement *a, const u8 *buf, size_t len)
{
	struct zkhsm_reader r = { .p = buf, .left = len };

	memset(a, 0, sizeof(*a));
	expect_header(&r, ZKHSM_WIRE_ANNOUNCEMENT);
	take_bytes(&r, a->list_digest, sizeof(a->list_digest));
	a->list_len = take_u32(&r);
	a->list_count = take_u32(&r);
	if (a->list_count > ZKHSM_KEYS_MAX)
		r.bad = true;
	return reader_end(&r);
}

void zkhsm_element_input(u16 suite, const u8 public[ZKHSM_POINT_LEN],
			 u8 out[ZKHSM_ELEMENT_INPUT_LEN])
{
	put_unaligned_be16(suite, out);
	memcpy(out + 2, public + 1, ZKHSM_ELEMENT_INPUT_LEN - 2);
}
