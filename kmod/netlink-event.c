// SPDX-License-Identifier: GPL-2.0
/*
 * Events: told to whoever listens on the multicast group, after the change
 * and after the answer's memory. An event that finds no memory is lost, as one
 * that finds a full socket is, and told as that is: recv() says ENOBUFS, and
 * listeners resynchronise with a dump.
 *
 * What changed is told with zkhsm_lock held for reading since the change, so
 * that no other change comes in between. Otherwise the last that is told of a
 * key could be how it was before it was held, or deleted.
 */
#include "lease.h"
#include "netlink-gen.h"
#include "netlink.h"

/* With zkhsm_lock held nobody waits for memory: better to lose an event, and to say so. */
#define GFP_LOCKED	(GFP_NOWAIT | __GFP_NOWARN)

/*
 * A recheck can fail in the known answers at load, and a VM be forked at any
 * time: before the family has its group there is nobody to tell.
 */
static bool enabled;

void zkhsm_nl_events_enable(bool on)
{
	WRITE_ONCE(enabled, on);
}

static void event_lost(void)
{
	if (READ_ONCE(enabled))
		genl_set_err(&zkhsm_nl_family, &init_net, 0, ZKHSM_NLGRP_EVENTS, -ENOBUFS);
}

static struct sk_buff *event_new(u8 cmd, gfp_t gfp, void **hdr)
{
	struct sk_buff *skb;

	if (!READ_ONCE(enabled) ||
	    !genl_has_listeners(&zkhsm_nl_family, &init_net, ZKHSM_NLGRP_EVENTS))
		return NULL;
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, gfp);
	if (skb) {
		*hdr = genlmsg_put(skb, 0, 0, &zkhsm_nl_family, 0, cmd);
		if (*hdr)
			return skb;
		nlmsg_free(skb);
	}
	event_lost();
	return NULL;
}

static void event_send(struct sk_buff *skb, void *hdr, gfp_t gfp, int err)
{
	if (WARN_ON_ONCE(err)) {
		nlmsg_free(skb);
		event_lost();
		return;
	}
	genlmsg_end(skb, hdr);
	genlmsg_multicast(&zkhsm_nl_family, skb, 0, ZKHSM_NLGRP_EVENTS, gfp);
}

static int fill_hsm(struct sk_buff *skb, enum zkhsm_event event, const struct zkhsm_hsm_info *info)
{
	if (nla_put_u32(skb, ZKHSM_A_HSM_EVENT, event) ||
	    nla_put(skb, ZKHSM_A_HSM_INSTANCE_ID, sizeof(info->instance_id), info->instance_id) ||
	    nla_put_u32(skb, ZKHSM_A_HSM_FORK_COUNT, info->fork_count) ||
	    nla_put(skb, ZKHSM_A_HSM_GENERATION, sizeof(info->generation), &info->generation) ||
	    nla_put_u32(skb, ZKHSM_A_HSM_FAULTS, zkhsm_faults()))
		return -EMSGSIZE;
	if (!info->present)
		return 0;
	return nla_put(skb, ZKHSM_A_HSM_HSM_ID, sizeof(info->hsm_id), info->hsm_id);
}

/*
 * Something befell the HSM: it is told as it is by now. What it is told with,
 * instance and generation and faults, other events tell too: hence the lock, as
 * if this were the change.
 */
void zkhsm_nl_event_hsm(enum zkhsm_event event)
{
	struct zkhsm_hsm_info *info;
	struct sk_buff *skb;
	void *hdr;

	skb = event_new(ZKHSM_CMD_HSM_NTF, GFP_KERNEL, &hdr);
	if (!skb)
		return;
	info = kzalloc(sizeof(*info), GFP_KERNEL);
	if (!info) {
		nlmsg_free(skb);
		event_lost();
		return;
	}
	down_write(&zkhsm_lock);
	downgrade_write(&zkhsm_lock);
	zkhsm_hsm_read_locked(info);
	event_send(skb, hdr, GFP_LOCKED, fill_hsm(skb, event, info));
	up_read(&zkhsm_lock);
	kfree(info);
}

void zkhsm_nl_event_hsm_info(enum zkhsm_event event, const struct zkhsm_hsm_info *info)
{
	struct sk_buff *skb;
	void *hdr;

	lockdep_assert_held(&zkhsm_lock);

	skb = event_new(ZKHSM_CMD_HSM_NTF, GFP_LOCKED, &hdr);
	if (skb)
		event_send(skb, hdr, GFP_LOCKED, fill_hsm(skb, event, info));
}

void zkhsm_nl_event_key(enum zkhsm_event event, const struct zkhsm_key_info *info)
{
	struct sk_buff *skb;
	void *hdr;
	int err;

	lockdep_assert_held(&zkhsm_lock);

	skb = event_new(ZKHSM_CMD_KEY_NTF, GFP_LOCKED, &hdr);
	if (!skb)
		return;
	err = nla_put_u32(skb, ZKHSM_A_KEY_EVENT, event);
	event_send(skb, hdr, GFP_LOCKED, err ?: zkhsm_nl_fill_key(skb, info));
}

/* What an order, or a lower quorum, has changed. */
void zkhsm_nl_event_changes(const struct zkhsm_change *changes, u32 count)
{
	struct zkhsm_key_info info;
	u32 i;

	for (i = 0; i < count; i++) {
		zkhsm_key_read(changes[i].key, &info);
		zkhsm_nl_event_key(changes[i].event, &info);
		cond_resched();
	}
}

/* The same for the log, where each key is told as it is by now. */
void zkhsm_nl_audit_changes(const struct zkhsm_change *changes, u32 count)
{
	struct zkhsm_key_info info;
	u32 i;

	for (i = 0; i < count; i++) {
		down_read(&zkhsm_lock);
		zkhsm_key_read(changes[i].key, &info);
		up_read(&zkhsm_lock);
		zkhsm_audit(0, "op=key-state id=%s state=%u reason=%u", info.id, info.state,
			    info.reason);
		cond_resched();
	}
}

void zkhsm_nl_event_evidence(const struct zkhsm_evidence *ev)
{
	struct sk_buff *skb;
	void *hdr;
	int err;

	skb = event_new(ZKHSM_CMD_EVIDENCE_NTF, GFP_KERNEL, &hdr);
	if (!skb)
		return;
	err = nla_put_u32(skb, ZKHSM_A_EVIDENCE_EVENT, ZKHSM_EVENT_EVIDENCE) ?:
	      nla_put_u32(skb, ZKHSM_A_EVIDENCE_NUMBER, ev->number) ?:
	      nla_put(skb, ZKHSM_A_EVIDENCE_LIST_DIGEST, sizeof(ev->list_digest),
		      ev->list_digest);
	event_send(skb, hdr, GFP_KERNEL, err);
}

void zkhsm_nl_event_lease(enum zkhsm_event event, const struct zkhsm_lease_info *info)
{
	struct sk_buff *skb;
	void *hdr;
	int err;

	lockdep_assert_held(&zkhsm_lock);

	skb = event_new(ZKHSM_CMD_LEASE_NTF, GFP_LOCKED, &hdr);
	if (!skb)
		return;
	err = nla_put_u32(skb, ZKHSM_A_LEASE_EVENT, event);
	event_send(skb, hdr, GFP_LOCKED, err ?: zkhsm_nl_fill_lease(skb, info));
}

static int fill_trust(struct sk_buff *skb, enum zkhsm_event event,
		      const struct zkhsm_manager_info *info)
{
	return nla_put_u32(skb, ZKHSM_A_MANAGER_EVENT, event) ?:
	       nla_put(skb, ZKHSM_A_MANAGER_MANAGER_ID, sizeof(info->id), info->id) ?:
	       nla_put(skb, ZKHSM_A_MANAGER_PUBLIC, sizeof(info->pub), info->pub) ?:
	       nla_put_string(skb, ZKHSM_A_MANAGER_LABEL, info->label) ?:
	       nla_put(skb, ZKHSM_A_MANAGER_LAST_NUMBER, sizeof(info->last_number),
		       &info->last_number);
}

/* What a manager granted that is not pinned any more is gone too. */
void zkhsm_nl_event_trust(enum zkhsm_event event, const struct zkhsm_manager_info *info)
{
	struct zkhsm_lease_info lease = { .verdict = ZKHSM_LEASE_VERDICT_NONE };
	struct sk_buff *skb;
	void *hdr;

	lockdep_assert_held(&zkhsm_lock);

	skb = event_new(ZKHSM_CMD_TRUST_NTF, GFP_LOCKED, &hdr);
	if (skb)
		event_send(skb, hdr, GFP_LOCKED, fill_trust(skb, event, info));
	if (event != ZKHSM_EVENT_DELETED || !info->leased)
		return;
	memcpy(lease.manager_id, info->id, sizeof(lease.manager_id));
	memcpy(lease.label, info->label, sizeof(lease.label));
	zkhsm_nl_event_lease(event, &lease);
}
