/* SPDX-License-Identifier: GPL-2.0 */
/*
 * agent_kernel.h - the kernel as an agent sees it, without a kernel
 *
 * Definitions, for the one file of a test program: tests/unit/prover.c behind
 * the library's netlink functions, which these replace. Who is pinned, orders in
 * turn, and what leases answer are as the kernel has them; it verifies nothing.
 * All of it is guarded by fake_lock, and each change wakes who waits on
 * fake_changed.
 */
#ifndef AGENT_KERNEL_H
#define AGENT_KERNEL_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fake_manager.h"
#include "no_kek.h"
#include "prover.h"

#define KERNEL_MADE_MAX	256

/* A pinned manager. */
struct kernel_manager {
	uint8_t id[32];
	uint64_t last_number;
	uint32_t lease_number;		/* n of the evidence that its lease answers; 0: none */
	unsigned int leases, late;	/* taken, and refused as replays */
};

/* One evidence. */
struct kernel_made {
	size_t count;
	struct zkhsm_challenge challenges[ZKHSM_MANAGERS_MAX];
	uint8_t digest[32];
	uint32_t number;
};

static struct {
	struct prover *p;
	int open_ret, evidence_ret, list_ret;	/* what to refuse with */
	struct kernel_manager managers[ZKHSM_MANAGERS_MAX];
	size_t pinned;
	unsigned int unpins;		/* how often one is unpinned right before evidence */
	unsigned int applied;
	struct kernel_made made[KERNEL_MADE_MAX];
	size_t evidence;
	/* With a KEK: what waits to be stored, the store's answer, and what has been. */
	uint32_t kek_class, unsealed;
	int store_ret;
	unsigned int stored, changes;	/* how often something changes before evidence */
	bool locked;			/* the store's lock is taken */
	uint8_t asked_for[32];		/* the manager of the last zkhsm_trust_get() */
	unsigned int refuse_leases;	/* how many, with this */
	int lease_ret;
	uint32_t lease_reason;
	uint8_t lease_log[64][32];	/* whose lease was taken, in turn */
	size_t leases;
	struct zkhsm_order_result trust_change;	/* what becomes of one */
} kernel;

static inline int kernel_refuse(struct zkhsm_error *err, int code, uint32_t reason)
{
	zkhsm_fail(err, code, "the kernel refuses");
	if (err)
		err->reason = reason;
	return code;
}

static inline void kernel_pin(const uint8_t id[32])
{
	struct kernel_manager *m = &kernel.managers[kernel.pinned++];

	memset(m, 0, sizeof(*m));
	memcpy(m->id, id, 32);
}

/* With fake_lock. */
static inline struct kernel_manager *kernel_manager(const uint8_t id[32])
{
	for (size_t i = 0; i < kernel.pinned; i++) {
		if (memcmp(kernel.managers[i].id, id, 32) == 0)
			return &kernel.managers[i];
	}
	return NULL;
}

static inline void kernel_lock(void)
{
	pthread_mutex_lock(&fake_lock);
}

static inline int kernel_unlock(int ret)
{
	pthread_cond_broadcast(&fake_changed);
	pthread_mutex_unlock(&fake_lock);
	return ret;
}

static inline uint64_t kernel_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int zkhsm_nl_open(struct zkhsm_nl **nl, struct zkhsm_error *err)
{
	*nl = kernel.open_ret ? NULL : (struct zkhsm_nl *)&kernel;
	return kernel.open_ret ? zkhsm_fail(err, kernel.open_ret, "no module") : 0;
}

void zkhsm_nl_close(struct zkhsm_nl *nl)
{
	(void)nl;
}

int zkhsm_hsm_get(struct zkhsm_nl *nl, struct zkhsm_hsm_info *out, struct zkhsm_error *err)
{
	(void)nl;
	(void)err;
	kernel_lock();
	memset(out, 0, sizeof(*out));
	out->initialised = true;
	memcpy(out->hsm_id, kernel.p->hsm_id, 32);
	memcpy(out->identity, kernel.p->identity, 65);
	memcpy(out->instance_id, kernel.p->instance_id, 16);
	memcpy(out->configuration, kernel.p->config_bytes, kernel.p->config_len);
	out->configuration_len = kernel.p->config_len;
	out->kek_class = kernel.kek_class;
	out->unsealed = kernel.unsealed;
	return kernel_unlock(0);
}

int zkhsm_store_open(const char *path, const struct zkhsm_store_owner *make,
		     struct zkhsm_store **out, struct zkhsm_error *err)
{
	(void)path;
	(void)make;
	kernel_lock();
	if (kernel.locked)
		return kernel_unlock(zkhsm_fail(err, -EBUSY, "somebody else has it"));
	kernel.locked = true;
	*out = (struct zkhsm_store *)&kernel;
	return kernel_unlock(0);
}

void zkhsm_store_close(struct zkhsm_store *s)
{
	(void)s;
	kernel_lock();
	kernel.locked = false;
	kernel_unlock(0);
}

int zkhsm_store_sync(struct zkhsm_store *s, struct zkhsm_nl *nl,
		     const struct zkhsm_seal_request *request, struct zkhsm_stored *out,
		     struct zkhsm_error *err)
{
	(void)s;
	(void)nl;
	(void)request;
	memset(out, 0, sizeof(*out));
	kernel_lock();
	if (kernel.store_ret)
		return kernel_unlock(zkhsm_fail(err, kernel.store_ret, "disk"));
	kernel.stored++;
	kernel.unsealed = 0;
	out->changed = true;
	return kernel_unlock(0);
}

/* With fake_lock; sets a refusal, and returns it. */
static inline int kernel_look(const struct zkhsm_challenge *c, size_t count,
			      struct zkhsm_error *err)
{
	if (kernel.unpins) {
		kernel.unpins--;
		kernel.pinned--;
	}
	if (kernel.changes) {
		kernel.changes--;
		kernel.unsealed = 1;
	}
	for (size_t i = 0; i < count; i++) {
		if (!kernel_manager(c[i].manager_id))
			return kernel_refuse(err, -ENOKEY, ZKHSM_REASON_NOT_PINNED);
		for (size_t j = 0; j < i; j++) {
			if (!memcmp(c[i].manager_id, c[j].manager_id, 32))
				return kernel_refuse(err, -EINVAL, ZKHSM_REASON_REPEATED);
		}
	}
	if (kernel.unsealed)
		return kernel_refuse(err, -EAGAIN, ZKHSM_REASON_UNSEALED);
	if (kernel.evidence_ret)
		return kernel_refuse(err, kernel.evidence_ret, ZKHSM_REASON_RATE);
	return 0;
}

int zkhsm_evidence_get(struct zkhsm_nl *nl, const struct zkhsm_challenge *c, size_t count,
		       const uint8_t *expected, struct zkhsm_evidence *out, struct zkhsm_error *err)
{
	struct zkhsm_challenge challenges[ZKHSM_MANAGERS_MAX];
	struct kernel_made *made;
	struct zkhsm_statement s;
	int ret;

	(void)nl;
	(void)expected;
	kernel_lock();
	ret = kernel_look(c, count, err);
	if (ret)
		return kernel_unlock(ret);
	for (size_t i = 0; i < count; i++) {
		challenges[i] = c[i];
		challenges[i].last_number = kernel_manager(c[i].manager_id)->last_number;
		/* A test that needs it has said so with the number alone. */
		memset(challenges[i].last_digest, challenges[i].last_number ? 1 : 0, 32);
	}
	made = &kernel.made[kernel.evidence++ % KERNEL_MADE_MAX];
	prover_statement(kernel.p, challenges, count, &s);
	out->evidence_len = prover_evidence(kernel.p, &s, out->evidence);
	made->count = count;
	memcpy(made->challenges, s.challenges, sizeof(s.challenges));
	made->number = s.number;
	zkhsm_sha256(out->evidence, out->evidence_len - ZKHSM_PROOF_LEN, made->digest);
	prover_announcement(kernel.p, out->announcement);
	out->announcement_len = PROVER_ANNOUNCEMENT_LEN;
	memcpy(out->list_digest, kernel.p->list_digest, 32);
	memcpy(out->config_digest, kernel.p->config_digest, 32);
	out->number = s.number;
	return kernel_unlock(0);
}

int zkhsm_list_get(struct zkhsm_nl *nl, const uint8_t digest[32], uint8_t **list, size_t *len,
		   struct zkhsm_error *err)
{
	(void)nl;
	kernel_lock();
	if (kernel.list_ret || memcmp(digest, kernel.p->list_digest, 32) != 0)
		return kernel_unlock(kernel_refuse(err, kernel.list_ret ? kernel.list_ret : -EAGAIN,
						   ZKHSM_REASON_LIST_MOVED));
	*list = malloc(kernel.p->list_len);
	memcpy(*list, kernel.p->list, kernel.p->list_len);
	*len = kernel.p->list_len;
	return kernel_unlock(0);
}

int zkhsm_trust_get(struct zkhsm_nl *nl, const uint8_t id[32], struct zkhsm_manager_info *out,
		    struct zkhsm_error *err)
{
	const struct kernel_manager *m;

	(void)nl;
	memset(out, 0, sizeof(*out));
	kernel_lock();
	memcpy(kernel.asked_for, id, 32);
	m = kernel_manager(id);
	if (!m)
		return kernel_unlock(kernel_refuse(err, -ENOKEY, ZKHSM_REASON_NOT_PINNED));
	out->last_number = m->last_number;
	return kernel_unlock(0);
}

int zkhsm_trust_list(struct zkhsm_nl *nl, int (*fn)(const struct zkhsm_manager_info *m, void *arg),
		     void *arg, struct zkhsm_error *err)
{
	struct zkhsm_manager_info info = { .label = "" };
	int ret = 0;

	(void)nl;
	(void)err;
	kernel_lock();
	for (size_t i = 0; i < kernel.pinned && !ret; i++) {
		memcpy(info.manager_id, kernel.managers[i].id, 32);
		ret = fn(&info, arg);
	}
	return kernel_unlock(ret);
}

/* With fake_lock. */
static inline int kernel_lease(struct kernel_manager *m, const struct zkhsm_order *o,
			       struct zkhsm_order_result *out, struct zkhsm_error *err)
{
	const struct kernel_made *made = NULL;

	if (kernel.refuse_leases) {
		kernel.refuse_leases--;
		return kernel_refuse(err, kernel.lease_ret, kernel.lease_reason);
	}
	for (size_t i = 0; i < kernel.evidence && i < KERNEL_MADE_MAX; i++) {
		if (memcmp(kernel.made[i].digest, o->statement, 32) == 0)
			made = &kernel.made[i];
	}
	if (!made)
		return kernel_refuse(err, -EKEYEXPIRED, ZKHSM_REASON_NONCE);
	if (made->number <= m->lease_number) {
		m->late++;
		return kernel_refuse(err, -EALREADY, ZKHSM_REASON_REPLAY);
	}
	if (o->least > m->last_number)
		return kernel_refuse(err, -EAGAIN, ZKHSM_REASON_OUT_OF_TURN);
	m->lease_number = made->number;
	m->leases++;
	memcpy(kernel.lease_log[kernel.leases++ % 64], m->id, 32);
	out->expires_ms = kernel_now() + o->ttl_ms;
	return 0;
}

/* With fake_lock. */
static inline int kernel_numbered(struct kernel_manager *m, const struct zkhsm_order *o,
				  struct zkhsm_order_result *out, struct zkhsm_error *err)
{
	if (o->number <= m->last_number)
		return kernel_refuse(err, -EALREADY, ZKHSM_REASON_REPLAY);
	if (o->type == ZKHSM_ORDER_TYPE_TRUST_CHANGE)
		*out = kernel.trust_change;
	m->last_number = o->number;
	kernel.applied++;
	kernel.unsealed = kernel.kek_class != 0;
	out->in_turn = true;
	return 0;
}

int zkhsm_order_apply(struct zkhsm_nl *nl, const uint8_t *order, size_t len,
		      struct zkhsm_order_result *out, struct zkhsm_error *err)
{
	struct kernel_manager *m;
	struct zkhsm_order o;
	int ret;

	(void)nl;
	memset(out, 0, sizeof(*out));
	if (zkhsm_order_decode(&o, order, len))
		return kernel_refuse(err, -EBADMSG, ZKHSM_REASON_MALFORMED);
	kernel_lock();
	m = kernel_manager(o.manager_id);
	if (!m)
		ret = kernel_refuse(err, -ENOKEY, ZKHSM_REASON_NOT_PINNED);
	else if (o.type == ZKHSM_ORDER_TYPE_LEASE)
		ret = kernel_lease(m, &o, out, err);
	else
		ret = kernel_numbered(m, &o, out, err);
	out->type = o.type;
	out->number = o.number;
	return kernel_unlock(ret);
}

/* Of files that are linked along and not reached from here. */
int zkhsm_nl_subscribe(struct zkhsm_nl *nl, struct zkhsm_error *err)
{
	(void)nl;
	return zkhsm_fail(err, -EPERM, "not here");
}

int zkhsm_nl_fd(const struct zkhsm_nl *nl)
{
	(void)nl;
	return -1;
}

int zkhsm_nl_events(struct zkhsm_nl *nl, void (*fn)(const struct zkhsm_event_info *e, void *arg),
		    void *arg, struct zkhsm_error *err)
{
	(void)nl;
	(void)fn;
	(void)arg;
	return zkhsm_fail(err, -EIO, "not here");
}

#endif /* AGENT_KERNEL_H */
