// SPDX-License-Identifier: GPL-2.0
/*
 * policy_match.c - whether a rule is about an HSM, or a key
 *
 * Lists of patterns are read as ssh_config(5) reads them: one with "!" in front that
 * matches takes out what the others name, wherever it stands.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "policy_private.h"

/*
 * Most patterns are a word, or one with "*" behind it, and each is held against as
 * many as a hundred thousand keys on the writer.
 */
static bool matches(const char *pattern, const char *text)
{
	size_t plain = strcspn(pattern, "*?[\\");

	if (strncmp(pattern, text, plain) != 0)
		return false;
	if (!pattern[plain])
		return !text[plain];
	return strcmp(pattern + plain, "*") == 0 || fnmatch(pattern, text, 0) == 0;
}

bool policy_match(const struct conf_list *patterns, const char *text)
{
	bool found = false;

	for (size_t i = 0; i < patterns->count; i++) {
		const char *pattern = patterns->items[i].text;
		bool out = *pattern == '!';

		if (!matches(pattern + out, text))
			continue;
		if (out)
			return false;
		found = true;
	}
	return found;
}

/* An HSM's id in the place of a pattern of its name. */
static bool names_id(const struct conf_list *patterns, const uint8_t id[32])
{
	uint8_t named[32];

	for (size_t i = 0; i < patterns->count; i++) {
		if (zkhsm_unhex(patterns->items[i].text, named, sizeof(named)) == 0 &&
		    memcmp(named, id, sizeof(named)) == 0)
			return true;
	}
	return false;
}

bool policy_match_hsm(const struct policy_rule *r, const struct zkhsmd_hsm *h)
{
	if (!r->hsms.count && !r->clusters.count)
		return true;
	/* One in no cluster is not in one that "*" names. */
	return policy_match(&r->hsms, h->name) || names_id(&r->hsms, h->id) ||
	       (h->cluster[0] && policy_match(&r->clusters, h->cluster));
}

const struct conf_list *policy_key_patterns(const struct policy_rule *r)
{
	switch (r->kind) {
	case POLICY_KEYS:
		return &((const struct policy_keys *)r)->keys;
	case POLICY_REPLICAS:
		return &((const struct zkhsmd_replicas *)r)->keys;
	case POLICY_GRANTS:
		return &((const struct policy_grants *)r)->keys;
	case POLICY_HSMS:
	case POLICY_KINDS:
		break;
	}
	return NULL;
}

bool policy_match_key(const struct policy_rule *r, const struct zkhsm_list_entry *e)
{
	const struct conf_list *patterns = policy_key_patterns(r);
	char id[ZKHSM_ID_MAX_LEN + 1];

	memcpy(id, e->id, e->id_len);
	id[e->id_len] = '\0';
	return patterns && policy_match(patterns, id);
}
