// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * Encoders and decoders of sealed heads, sealed records and shares, see
 * wire-seal.h and Documentation/protocol.rst.
 */
#include "wire-io.h"
#include "wire-seal.h"

static bool name_valid(const struct zkhsm_sealed *s)
{
	switch (s->kind) {
	case ZKHSM_RECORD_KIND_KEY:
		return zkhsm_id_valid(s->name, s->name_len);
	case ZKHSM_RECORD_KIND_VOTES:
		return s->name_len == ZKHSM_HASH_LEN;
	default:
		return false;
	}
}

/*
 * zkhsm_sealed_encode() - write what is before the ciphertext
 *
 * Return: its length, or -EMSGSIZE. @s->body_len bytes of ciphertext and
 * ZKHSM_SEAL_TAG_LEN of tag follow it directly.
 */
int zkhsm_sealed_encode(const struct zkhsm_sealed *s, u8 *buf, size_t size)
{
	struct zkhsm_writer w = { .p = buf, .left = size };

	put_header(&w, s->type);
	put(&w, s->kek_id, sizeof(s->kek_id));
	put(&w, s->hsm_id, sizeof(s->hsm_id));
	put_u64(&w, s->sequence);
	if (s->type == ZKHSM_WIRE_SEALED_HEAD) {
		put_u8(&w, s->kek_class);
		put_u32(&w, s->boot_count);
		put_u32(&w, s->records);
	} else {
		put_u8(&w, s->kind);
		put_u8(&w, s->name_len);
		put(&w, s->name, s->name_len);
	}
	put(&w, s->salt, sizeof(s->salt));
	put_u32(&w, s->body_len);
	return writer_end(&w);
}

static void take_head(struct zkhsm_reader *r, struct zkhsm_sealed *s)
{
	s->kek_class = take_u8(r);
	s->boot_count = take_u32(r);
	s->records = take_u32(r);
	if (s->kek_class < ZKHSM_KEK_CLASS_KEYRING || s->kek_class > ZKHSM_KEK_CLASS_TPM ||
	    !s->boot_count)
		r->bad = true;
}

static void take_name(struct zkhsm_reader *r, struct zkhsm_sealed *s)
{
	s->kind = take_u8(r);
	s->name_len = take_u8(r);
	if (s->name_len > sizeof(s->name)) {
		r->bad = true;
		return;
	}
	take_bytes(r, s->name, s->name_len);
	if (!r->bad && !name_valid(s))
		r->bad = true;
}

/*
 * zkhsm_sealed_decode() - read a sealed head or record, all but its body
 *
 * Return: 0; -EBADMSG; -EOPNOTSUPP when it begins as one of a later version,
 * of which nothing but the header has been looked at.
 */
int zkhsm_sealed_decode(struct zkhsm_sealed *s, const u8 *buf, size_t len)
{
	struct zkhsm_reader r = { .p = buf, .left = len };

	memset(s, 0, sizeof(*s));
	if (len < ZKHSM_HEADER_LEN || memcmp(buf, ZKHSM_MAGIC, ZKHSM_MAGIC_LEN) ||
	    (buf[5] != ZKHSM_WIRE_SEALED_HEAD && buf[5] != ZKHSM_WIRE_SEALED_RECORD))
		return -EBADMSG;
	if (get_unaligned_be16(buf + 6) > ZKHSM_WIRE_VERSION)
		return -EOPNOTSUPP;

	s->type = take_header(&r);
	take_bytes(&r, s->kek_id, sizeof(s->kek_id));
	take_bytes(&r, s->hsm_id, sizeof(s->hsm_id));
	s->sequence = take_u64(&r);
	if (s->type == ZKHSM_WIRE_SEALED_HEAD)
		take_head(&r, s);
	else
		take_name(&r, s);
	take_bytes(&r, s->salt, sizeof(s->salt));
	s->body_len = take_u32(&r);
	s->clear_len = len - r.left;
	s->body = take(&r, s->body_len);
	s->tag = take(&r, ZKHSM_SEAL_TAG_LEN);
	if (!s->sequence)
		r.bad = true;
	return reader_end(&r);
}

int zkhsm_key_body_encode(const struct zkhsm_key_body *b, u8 *buf, size_t size)
{
	struct zkhsm_writer w = { .p = buf, .left = size };

	put_u16(&w, b->type);
	put_u8(&w, b->origin);
	put_u32(&w, b->usage);
	put_u32(&w, b->flags);
	put_u64(&w, b->created_ms);
	put_u8(&w, b->state);
	put_u8(&w, b->resume);
	put_u8(&w, b->reason);
	put_u32(&w, b->owner);
	put(&w, b->public, sizeof(b->public));
	put(&w, b->secret, sizeof(b->secret));
	return writer_end(&w);
}

static bool state_valid(const struct zkhsm_key_body *b)
{
	if (b->state < ZKHSM_KEY_STATE_PRE_ACTIVE || b->state > ZKHSM_KEY_STATE_COMPROMISED)
		return false;
	if (b->state != ZKHSM_KEY_STATE_HELD)
		return b->resume == b->state;
	return b->resume == ZKHSM_KEY_STATE_PRE_ACTIVE || b->resume == ZKHSM_KEY_STATE_ACTIVE ||
	       b->resume == ZKHSM_KEY_STATE_DEACTIVATED;
}

/*
 * zkhsm_key_body_decode() - read the body of a record of kind key
 *
 * That the secret is in its range, or zero where there is none, is for the
 * caller, who does it without a branch. Return: 0 or -EBADMSG.
 */
int zkhsm_key_body_decode(struct zkhsm_key_body *b, const u8 *buf, size_t len)
{
	struct zkhsm_reader r = { .p = buf, .left = len };

	b->type = take_u16(&r);
	b->origin = take_u8(&r);
	b->usage = take_u32(&r);
	b->flags = take_u32(&r);
	b->created_ms = take_u64(&r);
	b->state = take_u8(&r);
	b->resume = take_u8(&r);
	b->reason = take_u8(&r);
	b->owner = take_u32(&r);
	take_bytes(&r, b->public, sizeof(b->public));
	take_bytes(&r, b->secret, sizeof(b->secret));
	if (b->type != ZKHSM_KEY_TYPE_EC_P256 || b->public[0] != 4 ||
	    b->origin < ZKHSM_KEY_ORIGIN_GENERATED || b->origin > ZKHSM_KEY_ORIGIN_SYNCHRONISED ||
	    b->usage & ~ZKHSM_KEY_USAGE_ALL || b->flags & ~ZKHSM_KEY_FLAG_ALL ||
	    !state_valid(b) || !reason_valid(b->reason))
		r.bad = true;
	return reader_end(&r);
}

int zkhsm_votes_head_encode(bool stopped, u16 count, u8 *buf, size_t size)
{
	struct zkhsm_writer w = { .p = buf, .left = size };

	put_u8(&w, stopped);
	put_u16(&w, count);
	return writer_end(&w);
}

int zkhsm_vote_entry_encode(const struct zkhsm_vote_entry *e, u8 *buf, size_t size)
{
	struct zkhsm_writer w = { .p = buf, .left = size };

	put(&w, e->manager_id, sizeof(e->manager_id));
	put_u64(&w, e->number);
	put_u8(&w, e->kind);
	put_u8(&w, e->reason);
	return writer_end(&w);
}

int zkhsm_votes_begin(struct zkhsm_votes_reader *v, const u8 *buf, size_t len)
{
	u8 stopped;

	memset(v, 0, sizeof(*v));
	v->r.p = buf;
	v->r.left = len;
	stopped = take_u8(&v->r);
	v->count = take_u16(&v->r);
	v->stopped = stopped;
	/* Without votes there is nothing to remember. */
	if (stopped > 1 || !v->count || v->r.left != (size_t)v->count * ZKHSM_VOTE_ENTRY_LEN)
		v->r.bad = true;
	return v->r.bad ? -EBADMSG : 0;
}

/*
 * zkhsm_votes_next() - the next vote
 *
 * That no manager is there twice is for the caller. Return: 1 with *@e set; 0
 * at the end; -EBADMSG.
 */
int zkhsm_votes_next(struct zkhsm_votes_reader *v, struct zkhsm_vote_entry *e)
{
	if (v->index == v->count)
		return reader_end(&v->r);
	take_bytes(&v->r, e->manager_id, sizeof(e->manager_id));
	e->number = take_u64(&v->r);
	e->kind = take_u8(&v->r);
	e->reason = take_u8(&v->r);
	if (v->r.bad || !e->number || e->kind < ZKHSM_WIRE_VOTE_RELEASE ||
	    e->kind > ZKHSM_WIRE_VOTE_CLEARED || !reason_valid(e->reason)) {
		v->r.bad = true;
		return -EBADMSG;
	}
	v->index++;
	return 1;
}

int zkhsm_head_body_encode(const struct zkhsm_head_body *b, u8 *buf, size_t size)
{
	struct zkhsm_writer w = { .p = buf, .left = size };

	put(&w, b->secret, sizeof(b->secret));
	put(&w, b->identity, sizeof(b->identity));
	put_u32(&w, b->agent);
	put_u32(&w, b->counter_index);
	put_u64(&w, b->counter);
	put(&w, b->set, sizeof(b->set));
	put_u16(&w, b->config_len);
	put(&w, b->config, b->config_len);
	put_u16(&w, b->manager_count);
	return writer_end(&w);
}

int zkhsm_manager_entry_encode(const struct zkhsm_manager_entry *e, u8 *buf, size_t size)
{
	struct zkhsm_writer w = { .p = buf, .left = size };

	put(&w, e->public, sizeof(e->public));
	put_u8(&w, e->label_len);
	put(&w, e->label, e->label_len);
	put_u8(&w, e->pinned);
	put_u64(&w, e->last_number);
	put(&w, e->last_digest, sizeof(e->last_digest));
	return writer_end(&w);
}

/* Return: 0 or -EBADMSG; C has not been looked into. */
int zkhsm_head_body_decode(struct zkhsm_head_body *b, struct zkhsm_managers_reader *m,
			   const u8 *buf, size_t len)
{
	struct zkhsm_reader r = { .p = buf, .left = len };

	take_bytes(&r, b->secret, sizeof(b->secret));
	take_bytes(&r, b->identity, sizeof(b->identity));
	b->agent = take_u32(&r);
	b->counter_index = take_u32(&r);
	b->counter = take_u64(&r);
	take_bytes(&r, b->set, sizeof(b->set));
	b->config_len = take_u16(&r);
	b->config = take(&r, b->config_len);
	b->manager_count = take_u16(&r);
	memset(m, 0, sizeof(*m));
	m->r = r;
	m->count = b->manager_count;
	if (r.bad || (b->counter && !b->counter_index))
		return -EBADMSG;
	return 0;
}

/* Return: 1 with *@e set; 0 at the proper end; -EBADMSG. */
int zkhsm_managers_next(struct zkhsm_managers_reader *m, struct zkhsm_manager_entry *e)
{
	static const u8 none[ZKHSM_HASH_LEN];
	u8 pinned;

	if (m->index == m->count)
		return reader_end(&m->r);
	memset(e, 0, sizeof(*e));
	take_bytes(&m->r, e->public, sizeof(e->public));
	e->label_len = take_u8(&m->r);
	if (e->label_len > sizeof(e->label)) {
		m->r.bad = true;
		return -EBADMSG;
	}
	take_bytes(&m->r, e->label, e->label_len);
	pinned = take_u8(&m->r);
	e->pinned = pinned;
	e->last_number = take_u64(&m->r);
	take_bytes(&m->r, e->last_digest, sizeof(e->last_digest));
	if (pinned > 1 || e->public[0] != 4 || memchr(e->label, 0, e->label_len) ||
	    (!e->last_number && memcmp(e->last_digest, none, sizeof(none))))
		m->r.bad = true;
	if (m->r.bad)
		return -EBADMSG;
	m->index++;
	return 1;
}

int zkhsm_share_encode(const struct zkhsm_share *s, u8 *buf, size_t size)
{
	struct zkhsm_writer w = { .p = buf, .left = size };

	put_header(&w, ZKHSM_WIRE_SHARE);
	put(&w, s->kek_id, sizeof(s->kek_id));
	put_u8(&w, s->threshold);
	put_u8(&w, s->index);
	put(&w, s->y, sizeof(s->y));
	return writer_end(&w);
}

/* @len is ZKHSM_SHARE_CHECKED_LEN. Return: 0 or -EBADMSG. */
int zkhsm_share_decode(struct zkhsm_share *s, const u8 *buf, size_t len)
{
	struct zkhsm_reader r = { .p = buf, .left = len };

	expect_header(&r, ZKHSM_WIRE_SHARE);
	take_bytes(&r, s->kek_id, sizeof(s->kek_id));
	s->threshold = take_u8(&r);
	s->index = take_u8(&r);
	take_bytes(&r, s->y, sizeof(s->y));
	if (s->threshold < 2 || s->threshold > ZKHSM_SHARES_MAX || !s->index ||
	    s->index > ZKHSM_SHARES_MAX)
		r.bad = true;
	return reader_end(&r);
}
