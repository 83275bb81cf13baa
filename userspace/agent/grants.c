// SPDX-License-Identifier: GPL-2.0
/*
 * grants.c - the grants in a request to sign, for the kernel to judge
 *
 * Here only their form is looked at: whose they are, what for, and whether they
 * have been used, is what the kernel knows.
 */
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "grants.h"

void grants_free(struct grants *g)
{
	for (size_t i = 0; i < g->grants.count; i++)
		free((void *)(uintptr_t)g->orders[i].data);
	memset(g, 0, sizeof(*g));
}

static bool refuse(struct server_request *rq, const char *why)
{
	server_reply_problem(rq, 400, "request", "Malformed request", NULL, "%s", why);
	return false;
}

static bool read_signature(struct server_request *rq, const char *text, struct grants *out)
{
	uint8_t *data = NULL;
	size_t len;
	bool ok;

	if (!text)
		return true;
	ok = zkhsm_unb64(text, &data, &len) == 0 && len == sizeof(out->client_signature);
	if (ok) {
		memcpy(out->client_signature, data, len);
		out->grants.client_signature = out->client_signature;
	}
	free(data);
	return ok ? true : refuse(rq, "client_signature is not base64url of 64 bytes");
}

bool grants_read(struct server_request *rq, const json_t *orders, const char *client_signature,
		 struct grants *out)
{
	const json_t *order;
	size_t i;

	memset(out, 0, sizeof(*out));
	out->grants.orders = out->orders;
	if (!orders)
		return !client_signature ||
		       refuse(rq, "client_signature is of no use without grants");
	if (!json_is_array(orders) || !json_array_size(orders) ||
	    json_array_size(orders) > ARRAY_SIZE(out->orders))
		return refuse(rq, "grants is not an array of 1 to 16");
	json_array_foreach(orders, i, order) {
		const char *text = json_string_value(order);
		uint8_t *data;
		size_t len;

		if (!text || zkhsm_unb64(text, &data, &len))
			return refuse(rq, "a grant is not base64url");
		out->orders[i] = (struct zkhsm_bytes){ .data = data, .len = len };
		out->grants.count++;
		if (len != ZKHSM_GRANT_LEN)
			return refuse(rq, "a grant has another length than grants have");
	}
	return read_signature(rq, client_signature, out);
}
