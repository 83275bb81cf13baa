// SPDX-License-Identifier: GPL-2.0
/*
 * duplicate_again.c - what others hold too, judged by a policy that has changed
 *
 * A key is judged when it appears. One that was declared then, and is not any more,
 * stays in the list: it is looked at again with the next evidence of any that has it,
 * before that gets its first lease by the new policy.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "holding.h"

static int add_element(const struct zkhsmd_holding *h, void *arg)
{
	return zkhsmd_elements_add(arg, h->element);
}

/* Whether its last lease was by another policy than that of @c. */
static int is_changed(const struct zkhsmd_case *c, bool *changed)
{
	struct zkhsmd_lease l;
	int ret = c->store->ops->lease_get(c->store, c->h->id, &l);

	*changed = !ret && memcmp(l.policy, zkhsmd_policy_digest(c->policy), sizeof(l.policy)) != 0;
	if (!ret)
		zkhsmd_lease_free(&l);
	return ret == -ENOENT ? 0 : ret;
}

int zkhsmd_holdings_again(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h)
{
	struct zkhsmd_elements shared = { .count = 0 };
	struct zkhsmd_case c;
	bool changed;
	int ret;

	if (h->quarantine)
		return 0;
	zkhsmd_case_begin(&c, m, store, h);
	c.again = true;
	ret = is_changed(&c, &changed);
	if (!ret && changed)
		ret = store->ops->holding_shared(store, h->id, add_element, &shared);
	for (size_t i = 0; !ret && i < shared.count; i++)
		ret = zkhsmd_case_judge(&c, shared.names[i]);
	free(shared.names);
	return zkhsmd_case_end(&c, ret);
}
