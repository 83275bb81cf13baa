// SPDX-License-Identifier: GPL-2.0
/* Dumps: who was there all the time is told exactly once, and nobody twice. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stress.h"
#include "wire.h"

#define SEEN_MAX	(SLOTS + 64)

struct seen {
	char id[ZKHSM_ID_MAX_LEN + 1];
	uint8_t public[65];
	uint32_t state;
};

struct dump {
	unsigned int count;
	struct seen seen[SEEN_MAX];
	unsigned int disorder, malformed;
};

static void take_key(const struct nlmsghdr *nh, void *arg)
{
	struct nlattr *tb[ZKHSM_A_KEY_MAX + 1];
	struct dump *d = arg;
	struct seen *s, *last;

	if (d->count == SEEN_MAX ||
	    nla_parse(tb, ZKHSM_A_KEY_MAX, genlmsg_attrdata(nlmsg_data(nh), 0),
		      genlmsg_attrlen(nlmsg_data(nh), 0), NULL) ||
	    !tb[ZKHSM_A_KEY_ID] || !tb[ZKHSM_A_KEY_PUBLIC] || !tb[ZKHSM_A_KEY_STATE] ||
	    nla_len(tb[ZKHSM_A_KEY_PUBLIC]) != 65) {
		d->malformed++;
		return;
	}
	last = d->count ? &d->seen[d->count - 1] : NULL;
	s = &d->seen[d->count++];
	nla_strlcpy(s->id, tb[ZKHSM_A_KEY_ID], sizeof(s->id));
	memcpy(s->public, nla_data(tb[ZKHSM_A_KEY_PUBLIC]), 65);
	s->state = nla_get_u32(tb[ZKHSM_A_KEY_STATE]);
	/* In ascending order no id is there twice. */
	if (last && zkhsm_id_compare((const uint8_t *)last->id, strlen(last->id),
				     (const uint8_t *)s->id, strlen(s->id)) >= 0)
		d->disorder++;
}

static const struct seen *find(const struct dump *d, const char *id)
{
	unsigned int i;

	for (i = 0; i < d->count; i++)
		if (!strcmp(d->seen[i].id, id))
			return &d->seen[i];
	return NULL;
}

/* An owner sees his own keys, root sees all. */
static bool may_see(enum kind kind, const struct view *before, const struct view *after,
		    bool all)
{
	if (all)
		return true;
	return (kind == KIND_OWNED || kind == KIND_QUIET) &&
	       may_be_open(before->given, after->given);
}

static bool must_see(enum kind kind, const struct view *before, const struct view *after,
		     bool all)
{
	if (!view_must_be_there(before, after))
		return false;
	if (all)
		return true;
	return (kind == KIND_OWNED || kind == KIND_QUIET) &&
	       !may_be_closed(before->given, after->given);
}

static void check_slot(const struct record *r, const struct view *before,
		       const struct view *after, const struct seen *s, bool all)
{
	if (!s) {
		check(!must_see(r->kind, before, after, all), "%s was there and was not told",
		      r->id);
		return;
	}
	check(may_see(r->kind, before, after, all), "%s is none of the requester's", r->id);
	check(!(before->flags & DELETED), "%s was told after its deletion", r->id);
	if (!(after->flags & CREATED))
		return;
	check(!memcmp(s->public, r->public, 65), "%s was told with another key", r->id);
	check(state_possible(before, after, s->state),
	      "%s was told in state %u, flags %x before, %x after", r->id, s->state,
	      before->flags, after->flags);
}

static void dump(struct worker *w, bool all)
{
	struct dump *d = calloc(1, sizeof(*d));
	struct view before[SLOTS];
	int slots[SLOTS], index;
	unsigned int i;

	if (!check(d, "no memory"))
		return;
	for (i = 0; i < SLOTS; i++) {
		struct record *r = record_of(w->world, i, &slots[i]);

		before[i] = r ? look(r) : (struct view){ 0 };
	}
	nlraw_dump(&w->h.nl, nlraw_msg(&w->h.nl, ZKHSM_CMD_KEY_GET), take_key, d, &w->h.a);
	for (i = 0; i < SLOTS && !unsettled(w); i++) {
		struct record *r = record_of(w->world, i, &index);
		struct view after = r ? look(r) : (struct view){ 0 };

		if (r && index == slots[i] && !unsettled(w))
			check_slot(r, &before[i], &after, find(d, r->id), all);
	}
	check(!d->disorder && !d->malformed, "%u keys out of order, %u malformed", d->disorder,
	      d->malformed);
	if (settled(w, "key dump"))
		judge(w, "key dump", !w->h.a.error);
	free(d);
}

void dump_all_keys(struct worker *w)
{
	dump(w, true);
}

void dump_own_keys(struct worker *w)
{
	dump(w, false);
}

struct managers_seen {
	unsigned int times[MANAGERS];
	uint64_t number[MANAGERS];
};

static void take_manager(const struct nlmsghdr *nh, void *arg)
{
	struct nlattr *tb[ZKHSM_A_MANAGER_MAX + 1];
	struct managers_seen *s = arg;
	unsigned int i;

	if (nla_parse(tb, ZKHSM_A_MANAGER_MAX, genlmsg_attrdata(nlmsg_data(nh), 0),
		      genlmsg_attrlen(nlmsg_data(nh), 0), NULL) ||
	    !tb[ZKHSM_A_MANAGER_MANAGER_ID] || !tb[ZKHSM_A_MANAGER_LAST_NUMBER])
		return;
	for (i = 0; i < MANAGERS; i++) {
		if (memcmp(nla_data(tb[ZKHSM_A_MANAGER_MANAGER_ID]), managers[i].id, 32))
			continue;
		s->times[i]++;
		memcpy(&s->number[i], nla_data(tb[ZKHSM_A_MANAGER_LAST_NUMBER]), 8);
	}
}

/* Counters only go up, and never beyond what has been signed. */
static void check_managers(struct worker *w, const struct managers_seen *s,
			   const uint64_t acked[MANAGERS], unsigned int guest)
{
	unsigned int now = atomic_load(&w->world->guest.phase), i;

	for (i = 0; i < MANAGERS && !unsettled(w); i++) {
		uint64_t drawn = atomic_load(&w->world->orders[i].drawn);

		if (i == GUEST)
			check(s->times[i] <= 1 && (s->times[i] || may_be_closed(guest, now)) &&
			      (!s->times[i] || may_be_open(guest, now)),
			      "the guest was told %u times", s->times[i]);
		else
			check(s->times[i] == 1, "manager %u was told %u times", i, s->times[i]);
		if (s->times[i] && !unsettled(w))
			check(s->number[i] >= acked[i] && s->number[i] <= drawn,
			      "counter %llu of manager %u is not in %llu..%llu",
			      (unsigned long long)s->number[i], i, (unsigned long long)acked[i],
			      (unsigned long long)drawn);
	}
}

void dump_managers(struct worker *w)
{
	unsigned int agent = atomic_load(&w->world->agent.phase);
	unsigned int guest = atomic_load(&w->world->guest.phase), i;
	struct managers_seen s = { 0 };
	uint64_t acked[MANAGERS];

	for (i = 0; i < MANAGERS; i++)
		acked[i] = atomic_load(&w->world->orders[i].acked);
	nlraw_dump(&w->h.nl, nlraw_msg(&w->h.nl, ZKHSM_CMD_TRUST_GET), take_manager, &s, &w->h.a);
	if (!w->h.a.error)
		check_managers(w, &s, acked, guest);
	if (settled(w, "trust dump"))
		judge(w, "trust dump", !w->h.a.error ||
		      (is(&w->h.a, EACCES, ZKHSM_REASON_NOT_AGENT) &&
		       may_be_closed(agent, atomic_load(&w->world->agent.phase))));
}
