// SPDX-License-Identifier: GPL-2.0
/*
 * lists.c - a list by its digest, wherever it is
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manager.h"

int zkhsmd_list_find(struct zkhsmd *m, struct zkhsmd_store *store, const uint8_t digest[32],
		     struct zkhsm_keylist **out)
{
	uint8_t *bytes;
	size_t len;
	int ret;

	*out = zkhsmd_cache_get(m->lists, digest);
	if (!*out)
		*out = zkhsmd_cache_get(m->guest_lists, digest);
	if (*out)
		return 0;
	ret = store->ops->list_get(store, digest, &bytes, &len);
	if (ret)
		return ret;
	ret = zkhsm_keylist_new(bytes, len, out, NULL);
	free(bytes);
	/* The store checks its pages, not our blobs. */
	if (!ret && memcmp(zkhsm_keylist_digest(*out), digest, 32) != 0) {
		zkhsm_keylist_free(*out);
		ret = -EUCLEAN;
	}
	if (ret)
		return ret == -ENOMEM ? ret : -EUCLEAN;
	zkhsmd_cache_put(m->lists, *out);
	return 0;
}
