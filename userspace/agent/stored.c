// SPDX-License-Identifier: GPL-2.0
/*
 * stored.c - what the kernel sealed, into the store
 */
#include "agent.h"

static void log_stored(const struct zkhsm_stored *s, int64_t ms)
{
	log_event(s->note[0] ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "stored",
		  "sequence", LOG_NUMBER(s->sequence), "records", LOG_NUMBER(s->records),
		  "removed", LOG_NUMBER(s->removed), "full", s->full ? "yes" : NULL,
		  "ms", LOG_NUMBER(ms), "error", s->note[0] ? s->note : NULL, NULL);
}

int agent_store(struct agent *a, struct zkhsm_nl *nl, struct zkhsm_error *err)
{
	int64_t start = monotonic_ms();
	struct zkhsm_stored stored;
	struct zkhsm_hsm_info hsm;
	struct zkhsm_store *s;
	int ret;

	/* Mostly there is nothing to do, and then no lock to take either. */
	ret = zkhsm_hsm_get(nl, &hsm, err);
	if (ret || !hsm.initialised || !hsm.kek_class || !hsm.unsealed)
		return ret;
	ret = zkhsm_store_open(a->config.store, NULL, &s, err);
	if (ret)
		return ret;
	ret = zkhsm_store_sync(s, nl, NULL, &stored, err);
	zkhsm_store_close(s);
	if (!ret && stored.changed)
		log_stored(&stored, monotonic_ms() - start);
	return ret;
}

void agent_store_anyway(struct agent *a)
{
	struct zkhsm_error err = { 0 };
	struct zkhsm_nl *nl;

	/* Without a module there is nothing to store; attesting says so. */
	if (zkhsm_nl_open(&nl, NULL))
		return;
	if (agent_store(a, nl, &err))
		log_event(LOG_LEVEL_ERROR, "store", "error", err.text, NULL);
	zkhsm_nl_close(nl);
}
