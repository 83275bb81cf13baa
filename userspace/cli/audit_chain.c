// SPDX-License-Identifier: GPL-2.0
/*
 * audit_chain.c - an audit log, checked line by line
 *
 * The first fault ends it, and its message names the entry. Two of them need to see more
 * first: whether an entry that is missing here stands further on, and which of two that
 * do not fit each other was changed, which the third one knows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit_chain.h"

#define N(x)	((unsigned long long)(x))

/* What a line says that the chain is about. */
struct entry {
	uint64_t number;
	uint8_t previous[32], hash[32];
};

/* The one form in which an entry is written; anything else was changed, whatever it says. */
static bool is_canonical(const json_t *o, const char *line, size_t len)
{
	char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	bool same = text && strlen(text) == len && memcmp(text, line, len) == 0;

	free(text);
	return same;
}

static int read_entry(const struct audit_chain *c, const char *line, size_t len, struct entry *e,
		      struct zkhsm_error *err)
{
	json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *previous = json_string_value(json_object_get(o, "previous"));
	json_int_t number = json_integer_value(json_object_get(o, "number"));
	int ret = 0;

	if (number < 1 || !previous || zkhsm_unhex(previous, e->previous, 32) ||
	    !is_canonical(o, line, len))
		ret = zkhsm_fail(err, -EBADMSG,
				 "the line behind entry %llu was changed: it is not an entry as managers write them",
				 N(c->number));
	e->number = (uint64_t)number;
	zkhsm_sha256(line, len, e->hash);
	json_decref(o);
	return ret;
}

static const struct audit_head *head_of(const struct audit_chain *c, uint64_t number)
{
	for (size_t i = 0; i < c->head_count; i++) {
		if (c->heads[i].number == number)
			return &c->heads[i];
	}
	return NULL;
}

static int begin(struct audit_chain *c, const struct entry *e, struct zkhsm_error *err)
{
	static const uint8_t zero[32];
	const struct audit_head *head;

	if (e->number == 1) {
		if (memcmp(e->previous, zero, sizeof(zero)))
			return zkhsm_fail(err, -EKEYREJECTED,
					  "entry 1 was changed: it names one before it");
		return 0;
	}
	head = head_of(c, e->number - 1);
	if (!head)
		return zkhsm_fail(err, -EKEYREJECTED,
				  "entries 1 to %llu are missing: the log begins with entry %llu, and no head of entry %llu is known",
				  N(e->number - 1), N(e->number), N(e->number - 1));
	if (memcmp(e->previous, head->hash, sizeof(head->hash)))
		return zkhsm_fail(err, -EKEYREJECTED, "entry %llu does not follow %s", N(e->number),
				  head->what);
	return 0;
}

/* The third of three: with which of the two before does it agree? */
static int judge(const struct audit_chain *c, bool later_intact, struct zkhsm_error *err)
{
	return zkhsm_fail(err, -EKEYREJECTED, "entry %llu was changed: %s",
			  N(later_intact ? c->number - 1 : c->number), later_intact ?
			  "the entry behind it has another hash of it" :
			  "neither the entry before it nor the one behind it fits");
}

static int check_heads(const struct audit_chain *c, struct zkhsm_error *err)
{
	for (size_t i = 0; i < c->head_count; i++) {
		const struct audit_head *h = &c->heads[i];

		if (h->number == c->number && memcmp(h->hash, c->hash, sizeof(h->hash)))
			return zkhsm_fail(err, -EKEYREJECTED,
					  "entry %llu was changed: %s has another hash of it",
					  N(c->number), h->what);
	}
	return 0;
}

static void take(struct audit_chain *c, const struct entry *e)
{
	if (!c->first)
		c->first = e->number;
	c->number = e->number;
	memcpy(c->hash, e->hash, sizeof(c->hash));
}

static int missing(const struct audit_chain *c, struct zkhsm_error *err)
{
	if (c->gap_end > c->gap + 1)
		return zkhsm_fail(err, -EKEYREJECTED,
				  "entries %llu to %llu are missing: entry %llu follows entry %llu",
				  N(c->gap), N(c->gap_end - 1), N(c->gap_end), N(c->gap - 1));
	return zkhsm_fail(err, -EKEYREJECTED, "entry %llu is missing: entry %llu follows entry %llu",
			  N(c->gap), N(c->gap_end), N(c->gap - 1));
}

int audit_chain_line(struct audit_chain *c, const char *line, size_t len, struct zkhsm_error *err)
{
	struct entry e;
	int ret = read_entry(c, line, len, &e, err);

	/* Behind a gap only one thing is still to be found out. */
	if (c->gap) {
		if (ret || e.number != c->gap)
			return 0;
		return zkhsm_fail(err, -EKEYREJECTED,
				  "the order was changed: entry %llu stands behind entry %llu",
				  N(e.number), N(c->gap_end));
	}
	if (ret)
		return ret;
	if (c->suspect)
		return judge(c, memcmp(e.previous, c->hash, sizeof(c->hash)) == 0, err);
	if (!c->number)
		ret = begin(c, &e, err);
	else if (e.number <= c->number)
		ret = zkhsm_fail(err, -EKEYREJECTED,
				 "the order was changed: entry %llu stands behind entry %llu",
				 N(e.number), N(c->number));
	if (ret)
		return ret;
	if (c->number && e.number > c->number + 1) {
		c->gap = c->number + 1;
		c->gap_end = e.number;
		return 0;
	}
	if (c->number && memcmp(e.previous, c->hash, sizeof(c->hash)))
		c->suspect = true;
	take(c, &e);
	return c->suspect ? 0 : check_heads(c, err);
}

int audit_chain_end(const struct audit_chain *c, struct zkhsm_error *err)
{
	const struct audit_head *last = NULL;

	if (c->gap)
		return missing(c, err);
	for (size_t i = 0; i < c->head_count; i++) {
		if (!last || c->heads[i].number > last->number)
			last = &c->heads[i];
	}
	if (c->suspect && last && last->number == c->number)
		return judge(c, memcmp(last->hash, c->hash, sizeof(c->hash)) == 0, err);
	if (c->suspect)
		return zkhsm_fail(err, -EKEYREJECTED,
				  "entry %llu or entry %llu was changed: they do not fit each other",
				  N(c->number - 1), N(c->number));
	if (last && last->number > c->number)
		return zkhsm_fail(err, -EKEYREJECTED,
				  "the end was cut off: the log ends with entry %llu, %s is of entry %llu",
				  N(c->number), last->what, N(last->number));
	return 0;
}

int audit_head_read(const json_t *jwks, const char *jws, const char *what, struct audit_head *out,
		    struct zkhsm_error *err)
{
	json_int_t number, issued;
	json_t *payload;
	const char *hash;
	int ret = zkhsm_jws_verify(jwks, AUDIT_HEAD_TYPE, jws, &payload, err);

	if (ret)
		return ret;
	if (json_unpack(payload, "{s:I, s:s, s:I}", "number", &number, "hash", &hash, "iat", &issued) ||
	    number < 0 || zkhsm_unhex(hash, out->hash, sizeof(out->hash)))
		ret = zkhsm_fail(err, -EBADMSG, "%s does not say number, hash and time", what);
	out->number = (uint64_t)number;
	out->issued_s = issued;
	out->what = what;
	json_decref(payload);
	return ret;
}
