// SPDX-License-Identifier: GPL-2.0
/*
 * Orders of the managers, several senders to a manager: numbers are drawn in
 * one order and arrive in another, so that holds and revocations act ahead of
 * their turn, come again in turn, and no number is lost.
 */
#include <errno.h>
#include <stdlib.h>

#include "stress.h"

uint64_t order_draw(struct world *w, unsigned int m)
{
	return atomic_fetch_add(&w->orders[m].drawn, 1) + 1;
}

/* Until all orders before @number are known to have been applied. */
static bool wait_for_turn(struct worker *w, unsigned int m, uint64_t number)
{
	while (atomic_load(&w->world->orders[m].acked) < number - 1) {
		if (unsettled(w))
			return false;
		breathe();
	}
	return true;
}

/* What order-apply may say to an order that is sent for the first or second time. */
static bool answer_allowed(const struct nlraw_answer *a, uint8_t type, uint64_t number,
			   bool its_turn)
{
	if (a->error)
		return type == ZKHSM_ORDER_TYPE_RELEASE && !its_turn &&
		       is(a, EAGAIN, ZKHSM_REASON_OUT_OF_TURN);
	if (nlraw_u64(a, ZKHSM_A_ORDER_NUMBER) != number ||
	    nlraw_u32(a, ZKHSM_A_ORDER_KEYS_CHANGED) > 1 || nlraw_u32(a, ZKHSM_A_ORDER_DROPPED))
		return false;
	return !its_turn || nlraw_u32(a, ZKHSM_A_ORDER_IN_TURN);
}

/* A guess that comes true often: some releases are early, and told so. */
static bool send_until_turn(struct worker *w, unsigned int m, const struct order *o, uint8_t type,
			    uint64_t number, void (*applied)(void *arg), void *arg)
{
	bool its_turn = false;

	for (;;) {
		order_apply(&w->h, o);
		if (!settled(w, "order-apply"))
			return false;
		judge(w, "order-apply", answer_allowed(&w->h.a, type, number, its_turn));
		if (w->h.a.error && its_turn)
			return false;
		if (!w->h.a.error && applied) {
			applied(arg);
			applied = NULL;
		}
		if (!w->h.a.error && nlraw_u32(&w->h.a, ZKHSM_A_ORDER_IN_TURN)) {
			number_raise(&w->world->orders[m].acked, number);
			return true;
		}
		if (!wait_for_turn(w, m, number))
			return false;
		its_turn = true;
	}
}

bool order_send(struct worker *w, unsigned int m, uint8_t type, uint64_t number,
		const uint8_t element[32], void (*applied)(void *arg), void *arg)
{
	struct order *o = malloc(sizeof(*o));
	bool done;

	if (!check(o, "no memory"))
		return false;
	order_make(o, &managers[m], type, w->h.id, number,
		   ZKHSM_REVOCATION_REASON_KEY_COMPROMISE, (const uint8_t (*)[32])element, 1);
	done = send_until_turn(w, m, o, type, number, applied, arg);
	free(o);
	return done;
}

struct hold {
	struct toggle *t;
	int index;
};

static void is_held(void *arg)
{
	struct hold *h = arg;

	hold_all(h->index);
	toggle_leave(h->t, CLOSED);
}

/* Manager 0 holds what is free and releases what it holds. */
static void flip(struct worker *w, struct toggle *t, const uint8_t element[32], int index,
		 bool releases)
{
	struct hold h = { t, index };

	if (toggle_take(t, OPEN)) {
		atomic_store(&t->order, order_draw(w->world, 0));
		order_send(w, 0, ZKHSM_ORDER_TYPE_HOLD, atomic_load(&t->order), element, is_held,
			   &h);
	} else if (releases && toggle_take(t, CLOSED)) {
		if (order_send(w, 0, ZKHSM_ORDER_TYPE_RELEASE, order_draw(w->world, 0), element,
			       NULL, NULL))
			toggle_leave(t, OPEN);
	} else {
		breathe();
	}
}

void hold_and_release(struct worker *w)
{
	unsigned int slot = pick(w, SLOTS / KINDS) * KINDS + (pick(w, 4) ? KIND_HELD : KIND_REVOKED);
	struct record *r;
	int index;

	r = record_of(w->world, slot, &index);
	if (!r || (atomic_load(&r->flags) & (CREATED | DELETED)) != CREATED) {
		breathe();
		return;
	}
	/* A release would take back also what manager 1 has said. */
	flip(w, &r->held, r->element, index, r->kind == KIND_HELD);
}

/* The elements of secrets that come and go, here or not. */
void bury(struct worker *w)
{
	unsigned int i = pick(w, SCALARS);

	flip(w, &w->world->tombs[i], scalar_elements[i], -1, true);
}
