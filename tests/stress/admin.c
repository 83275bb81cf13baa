// SPDX-License-Identifier: GPL-2.0
/* The HSM's own attributes, and a manager that is pinned and unpinned for ever. */
#include <errno.h>
#include <string.h>

#include "stress.h"

#define GRAVES		16

/* There is an identity: hsm-new is always refused, except by a module that has just come. */
static void new_again(struct worker *w)
{
	nlraw_do(&w->h.nl, nlraw_msg(&w->h.nl, ZKHSM_CMD_HSM_NEW), &w->h.a);
	if (settled(w, "hsm-new"))
		judge(w, "hsm-new", is(&w->h.a, EEXIST, ZKHSM_REASON_IDENTITY_EXISTS));
}

static void set_quorums(struct worker *w, uint32_t stop, uint32_t wipe)
{
	struct nl_msg *msg = nlraw_msg(&w->h.nl, ZKHSM_CMD_HSM_SET);

	nla_put_u32(msg, ZKHSM_A_HSM_STOP, stop);
	nla_put_u32(msg, ZKHSM_A_HSM_WIPE, wipe);
	nlraw_do(&w->h.nl, msg, &w->h.a);
	if (!settled(w, "hsm-set"))
		return;
	if (wipe < stop)
		judge(w, "hsm-set", is(&w->h.a, EINVAL, ZKHSM_REASON_CONFIG));
	else
		judge(w, "hsm-set", !w->h.a.error &&
		      nlraw_u32(&w->h.a, ZKHSM_A_HSM_STOP) == stop &&
		      nlraw_u32(&w->h.a, ZKHSM_A_HSM_WIPE) == wipe);
}

/* For a moment somebody else is the agent. */
static void set_agent(struct worker *w, struct toggle *t, uint32_t uid, unsigned int to)
{
	struct nl_msg *msg = nlraw_msg(&w->h.nl, ZKHSM_CMD_HSM_SET);

	nla_put_u32(msg, ZKHSM_A_HSM_AGENT_UID, uid);
	nlraw_do(&w->h.nl, msg, &w->h.a);
	if (!settled(w, "hsm-set of the agent"))
		return;
	judge(w, "hsm-set of the agent",
	      !w->h.a.error && nlraw_u32(&w->h.a, ZKHSM_A_HSM_AGENT_UID) == uid);
	toggle_leave(t, to);
}

void change_hsm(struct worker *w)
{
	struct toggle *t = &w->world->agent;

	/* The agent has much to do: it is not kept from it for long. */
	if (toggle_take(t, CLOSED)) {
		set_agent(w, t, UID_AGENT, OPEN);
		return;
	}
	switch (pick(w, 12)) {
	case 0:
		if (!pick(w, 4) && toggle_take(t, OPEN))
			set_agent(w, t, UID_OTHER, CLOSED);
		break;
	case 1:
		new_again(w);
		break;
	case 2:
		set_quorums(w, 2, 1);
		break;
	case 3:
		/* To stop stays one vote: what is held is held. */
		set_quorums(w, 1, 1 + pick(w, 2));
		break;
	default:
		breathe();
	}
}

void get_hsm(struct worker *w)
{
	unsigned long long before = atomic_load(&w->world->generation);
	uint64_t generation;
	const uint8_t *id;

	nlraw_do(&w->h.nl, nlraw_msg(&w->h.nl, ZKHSM_CMD_HSM_GET), &w->h.a);
	generation = nlraw_u64(&w->h.a, ZKHSM_A_HSM_GENERATION);
	id = nlraw_bytes(&w->h.a, ZKHSM_A_HSM_HSM_ID, 32);
	if (!settled(w, "hsm-get"))
		return;
	judge(w, "hsm-get", !w->h.a.error);
	check(id && !memcmp(id, w->world->hsm_id, 32), "the HSM is another one");
	check(generation >= before, "generation %llu after %llu had been seen",
	      (unsigned long long)generation, before);
	check(!nlraw_u32(&w->h.a, ZKHSM_A_HSM_FAULTS), "a recheck failed");
	number_raise(&w->world->generation, generation);
}

/* An order of the guest about one of a few elements that are not here. */
static void guest_order(struct worker *w, bool pinned)
{
	struct world *world = w->world;
	uint8_t grave[32] = { (uint8_t)pick(w, GRAVES), 0xde, 0xad };
	struct order o;

	if (pinned) {
		order_send(w, GUEST, ZKHSM_ORDER_TYPE_HOLD, order_draw(world, GUEST), grave, NULL,
			   NULL);
		return;
	}
	order_make(&o, &managers[GUEST], ZKHSM_ORDER_TYPE_HOLD, w->h.id,
		   atomic_load(&world->orders[GUEST].acked) + 1, 0, (const uint8_t (*)[32])grave, 1);
	order_apply(&w->h, &o);
	if (settled(w, "order of an unpinned manager"))
		judge(w, "order of an unpinned manager",
		      is(&w->h.a, ENOKEY, ZKHSM_REASON_NOT_PINNED));
}

/* Its counter survives, or its old orders would no longer be replays. */
static void pin(struct worker *w, struct toggle *t)
{
	manager_pin(&w->h, &managers[GUEST]);
	if (!settled(w, "trust-new"))
		return;
	judge(w, "trust-new", !w->h.a.error && nlraw_u64(&w->h.a, ZKHSM_A_MANAGER_LAST_NUMBER) ==
	      atomic_load(&w->world->orders[GUEST].acked));
	toggle_leave(t, OPEN);
	manager_pin(&w->h, &managers[GUEST]);
	if (settled(w, "trust-new again"))
		judge(w, "trust-new again", is(&w->h.a, EEXIST, ZKHSM_REASON_ALREADY_PINNED));
}

static void unpin(struct worker *w, struct toggle *t)
{
	manager_unpin(&w->h, &managers[GUEST]);
	if (!settled(w, "trust-del"))
		return;
	judge(w, "trust-del", !w->h.a.error);
	toggle_leave(t, CLOSED);
}

void change_trust(struct worker *w)
{
	struct toggle *t = &w->world->guest;
	bool pinned = atomic_load(&t->phase) % 4 == OPEN;

	if (pick(w, 3))
		guest_order(w, pinned);
	else if (toggle_take(t, OPEN))
		unpin(w, t);
	else if (toggle_take(t, CLOSED))
		pin(w, t);
}
