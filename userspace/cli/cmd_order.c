// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_order.c - signed orders of managers
 */
#include <errno.h>
#include <stdlib.h>

#include "cli.h"

int cmd_order_apply(struct cli *cli)
{
	struct zkhsm_order_result result;
	char text[CLI_WHEN_SIZE];
	uint8_t *order;
	json_t *o;
	size_t len;
	int ret;

	ret = zkhsm_read_file(cli->args[0], ZKHSM_ORDER_MAX_LEN, &order, &len, &cli->err);
	if (ret)
		return ret;
	ret = cli_open(cli);
	ret = ret ? ret : zkhsm_order_apply(cli->nl, order, len, &result, &cli->err);
	free(order);
	ret = ret ? ret : cli_durable(cli);
	if (ret)
		return ret;
	o = json_order_result(&result);
	if (result.expires_ms) {
		const struct cli_clock now = cli_clock(0);

		json_put_boot_time(o, "expires", &now, result.expires_ms);
		if (!cli->json)
			json_put_text(o, "until", cli_when(&now, result.expires_ms, text));
	}
	ret = cli_emit(cli, o);
	/* The order was obeyed, and what it is for is not to be had. */
	if (!ret && result.outcome == ZKHSM_ORDER_OUTCOME_VOID)
		return CLI_FAILED;
	return ret;
}

static void put_lease(json_t *j, const struct zkhsm_order *o)
{
	json_put_hex(j, "statement", o->statement, 32);
	json_put_number(j, "least", o->least);
	json_put_limit(j, "ttl-ms", o->ttl_ms, "longest");
	json_put_text(j, "verdict", zkhsm_lease_verdict_name(o->verdict));
}

static void put_trust_change(json_t *j, const struct zkhsm_order *o)
{
	struct zkhsm_configuration c;

	json_put_hex(j, "previous", o->previous, 32);
	if (zkhsm_configuration_decode(&c, o->config, o->config_len))
		json_put_text(j, "configuration", NULL);
	else
		json_object_set_new(j, "configuration", json_configuration(&c));
}

static void put_grant(json_t *j, const struct zkhsm_order *o)
{
	uint8_t input[ZKHSM_GRANT_INPUT_LEN], digest[32];

	json_put_hex(j, "instance-id", o->instance_id, sizeof(o->instance_id));
	json_put_hex(j, "element", o->element, sizeof(o->element));
	json_put_text(j, "operation", zkhsm_grant_operation_name(o->operation));
	json_put_hex(j, "input", o->input, sizeof(o->input));
	if (zkhsm_grant_names_client(o))
		json_put_hex(j, "client", o->client, sizeof(o->client));
	json_put_hex(j, "jti", o->jti, sizeof(o->jti));
	json_put_number(j, "not-after-ms", o->not_after_ms);
	zkhsm_grant_digest_input(o, input);
	zkhsm_sha256(input, sizeof(input), digest);
	json_put_hex(j, "grant-digest", digest, sizeof(digest));
}

static bool names_elements(const struct zkhsm_order *o)
{
	return o->type != ZKHSM_ORDER_TYPE_TRUST_CHANGE && o->type != ZKHSM_ORDER_TYPE_GRANT;
}

static json_t *order_json(const struct zkhsm_order *o)
{
	json_t *j = json_object(), *elements = json_array();

	for (unsigned int i = 0; i < o->count; i++) {
		char *hex = zkhsm_hex(o->elements + (size_t)i * ZKHSM_HASH_LEN, ZKHSM_HASH_LEN);

		json_array_append_new(elements, json_string(hex ? hex : "?"));
		free(hex);
	}
	json_put_text(j, "type", order_type_name(o->type));
	json_put_hex(j, "manager-id", o->manager_id, 32);
	json_put_hex(j, "hsm-id", o->hsm_id, 32);
	json_put_number(j, "number", o->number);
	if (o->type == ZKHSM_ORDER_TYPE_LEASE)
		put_lease(j, o);
	else if (o->type == ZKHSM_ORDER_TYPE_TRUST_CHANGE)
		put_trust_change(j, o);
	else if (o->type == ZKHSM_ORDER_TYPE_GRANT)
		put_grant(j, o);
	else
		json_put_text(j, "reason", zkhsm_revocation_reason_name(o->reason));
	/* Of a lease these are the exceptions. */
	if (!names_elements(o))
		json_decref(elements);
	else
		json_object_set_new(j, o->type == ZKHSM_ORDER_TYPE_LEASE ? "exceptions" :
				    "elements", elements);
	return j;
}

/* Without --public it says what stands there, not that the manager said it. */
int cmd_order_show(struct cli *cli)
{
	uint8_t public[65], *data;
	struct zkhsm_order order;
	json_t *o = NULL;
	size_t len;
	int ret = 0;

	if (cli->value[OPT_PUBLIC])
		ret = cli_hex(cli, "--public", cli->value[OPT_PUBLIC], public, sizeof(public));
	ret = ret ? ret : zkhsm_read_file(cli->args[0], ZKHSM_ORDER_MAX_LEN, &data, &len,
					  &cli->err);
	if (ret)
		return ret;
	if (cli->value[OPT_PUBLIC])
		ret = zkhsm_order_verify(public, data, len, &order, &cli->err);
	else
		ret = zkhsm_order_decode(&order, data, len);
	if (!ret) {
		o = order_json(&order);
		json_object_set_new(o, "verified", json_boolean(cli->value[OPT_PUBLIC]));
		ret = cli_emit(cli, o);
	} else if (!cli->value[OPT_PUBLIC]) {
		zkhsm_fail(&cli->err, ret, ret == -EOPNOTSUPP ? "an order of a type unknown here" :
			   "not an order: malformed");
	}
	free(data);
	return ret;
}
