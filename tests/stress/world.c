// SPDX-License-Identifier: GPL-2.0
/* The module's comings and goings. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stress.h"

#define PARAMS	"evidence_rate=100000 evidence_burst=100000 nonce_slots=65536"
/* More than enough, also for a machine that checks everything: a hang, not a delay. */
#define PATIENCE	300
#define HAMMER		40	/* requests to a module that is not there, or new */

static bool wait_until(bool (*there)(unsigned int arg), unsigned int arg)
{
	time_t end = time(NULL) + PATIENCE;

	while (!there(arg)) {
		if (time(NULL) > end)
			return false;
		breathe();
	}
	return true;
}

static bool all_parked(unsigned int arg)
{
	(void)arg;
	return atomic_load(&board->parked) >= atomic_load(&board->threads);
}

static bool heard(unsigned int epoch)
{
	return atomic_load(&board->heard) == epoch;
}

static unsigned int unsettled_answers(void)
{
	unsigned int sum = 0, i;

	for (i = 0; i < ROLES; i++)
		sum += atomic_load(&board->roles[i].unsettled);
	return sum;
}

static bool hammered(unsigned int sum)
{
	return unsettled_answers() >= sum || atomic_load(&board->over);
}

/* Identity and managers of a module that has just been loaded. */
void world_begin(struct hsm *h, unsigned int epoch)
{
	struct world *w = board_world(epoch);
	unsigned int i;

	hsm_start(h, 1, 1, 1);
	memcpy(w->hsm_id, h->id, sizeof(w->hsm_id));
	for (i = 0; i < MANAGERS; i++) {
		manager_pin(h, &managers[i]);
		require(!h->a.error, "trust-new: %s %s", strerrorname_np(h->a.error), h->a.text);
	}
	atomic_store(&board->loaded, epoch);
	require(wait_until(heard, epoch), "the listener does not follow");
	atomic_store(&board->epoch, epoch);
}

void world_first(void)
{
	module_reload(PARAMS);
	atomic_store(&board->epoch, 1);
}

/* Succeeds as soon as no dump is under way; that of a thread ends by itself. */
static bool unload(void)
{
	time_t end = time(NULL) + PATIENCE;
	unsigned int refused = 0;
	int ret;

	while ((ret = module_unload()) == -EAGAIN && time(NULL) <= end) {
		refused++;
		breathe();
	}
	if (refused)
		ktap_note("rmmod was refused %u times, for dumps under way", refused);
	return check(!ret, "rmmod: %s", strerrorname_np(-ret));
}

static void load(void)
{
	int ret = module_load(PARAMS);

	require(!ret, "insmod: %s", strerrorname_np(-ret));
}

void world_reload(struct hsm *h)
{
	unsigned int epoch = atomic_load(&board->epoch) + 1;
	unsigned int before = unsettled_answers();

	if (epoch / 2 + 1 >= WORLDS)
		return;
	atomic_store(&board->epoch, epoch);
	hsm_close(h);
	if (!unload())
		ktap_abort();
	check(!module_loaded(), "rmmod has returned and the module is there");
	require(wait_until(hammered, before + HAMMER), "nobody asks any more");
	load();
	require(wait_until(hammered, before + 2 * HAMMER), "nobody asks any more");
	/* Somebody may have made an identity; what is in there is nobody's. */
	atomic_store(&board->halt, true);
	require(wait_until(all_parked, 0), "not everybody comes to a halt");
	if (!unload())
		ktap_abort();
	load();
	world_begin(h, epoch + 1);
	atomic_store(&board->halt, false);
}

/*
 * A dump that somebody has begun keeps the module, whatever else goes on. Of
 * managers, for there may be no key: a dump of nothing ends where it begins.
 */
void world_refuse_unload(struct hsm *h)
{
	struct nlraw nl;
	int ret;

	require(!nlraw_open(&nl), "no family");
	nlraw_send(&nl, nlraw_msg(&nl, ZKHSM_CMD_TRUST_GET), NLM_F_DUMP);
	ret = module_unload();
	check(ret == -EAGAIN, "rmmod during a dump: %s", ret ? strerrorname_np(-ret) : "done");
	nlraw_receive(&nl, NULL, NULL, &h->a);
	check_done(&h->a, "a dump after rmmod was refused");
	nlraw_close(&nl);
}

struct ids {
	unsigned int count;
	char id[SLOTS + 64][ZKHSM_ID_MAX_LEN + 1];
};

static void take_id(const struct nlmsghdr *nh, void *arg)
{
	struct nlattr *id = nla_find(genlmsg_attrdata(nlmsg_data(nh), 0),
				     genlmsg_attrlen(nlmsg_data(nh), 0), ZKHSM_A_KEY_ID);
	struct ids *ids = arg;

	if (id && ids->count < SLOTS + 64)
		nla_strlcpy(ids->id[ids->count++], id, ZKHSM_ID_MAX_LEN + 1);
}

static void dump_ids(struct hsm *h, struct ids *ids)
{
	ids->count = 0;
	nlraw_dump(&h->nl, nlraw_msg(&h->nl, ZKHSM_CMD_KEY_GET), take_id, ids, &h->a);
	check_done(&h->a, "key dump");
}

/* What was made and not destroyed is there, and nothing else. */
void world_balance(struct hsm *h)
{
	struct world *w = board_world(atomic_load(&board->epoch));
	unsigned int due = atomic_load(&w->created) - atomic_load(&w->deleted);
	struct ids ids;

	hsm_get(h);
	check(nlraw_u32(&h->a, ZKHSM_A_HSM_KEY_COUNT) == due, "%u keys, %u made, %u deleted",
	      nlraw_u32(&h->a, ZKHSM_A_HSM_KEY_COUNT), atomic_load(&w->created),
	      atomic_load(&w->deleted));
	check(!nlraw_u32(&h->a, ZKHSM_A_HSM_FAULTS), "a recheck failed");
	dump_ids(h, &ids);
	check(ids.count == due, "%u keys are told", ids.count);
}

/* By now everybody is gone: nothing is refused any more, and nothing stays. */
void world_empty(struct hsm *h)
{
	struct ids ids;
	unsigned int i;
	int ret;

	dump_ids(h, &ids);
	for (i = 0; i < ids.count; i++) {
		key_del(h, ids.id[i]);
		check_done(&h->a, "key-del %s", ids.id[i]);
	}
	hsm_get(h);
	check(!nlraw_u32(&h->a, ZKHSM_A_HSM_KEY_COUNT), "%u keys are left",
	      nlraw_u32(&h->a, ZKHSM_A_HSM_KEY_COUNT));
	evidence_get(h, &managers[0]);
	check_done(&h->a, "evidence-get of nothing");
	hsm_close(h);
	ret = module_unload();
	check(!ret, "rmmod at the end: %s", strerrorname_np(-ret));
}
