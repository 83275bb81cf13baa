// SPDX-License-Identifier: GPL-2.0
/*
 * lists.c - lists and configurations for a manager that asks for them
 *
 * The list sent last is kept, in memory and in the state directory, so that
 * the next one can go as a difference. Losing it costs bytes, nothing else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"

#define LIST_MAX_LEN	(ZKHSM_LIST_HEAD_LEN + (size_t)ZKHSM_KEYS_MAX * ZKHSM_LIST_ENTRY_MAX_LEN)
#define LIST_TYPE	"application/vnd.zkhsm.list"
#define DELTA_TYPE	"application/vnd.zkhsm.list-delta"
#define CONFIG_TYPE	"application/vnd.zkhsm.configuration"

static void list_path(const struct manager *m, char path[512])
{
	snprintf(path, 512, "%s/list-%s.bin", m->agent->config.state_dir, m->config.name);
}

void lists_load(struct manager *m)
{
	struct zkhsm_error err;
	char path[512];
	uint8_t *data;
	size_t len;

	list_path(m, path);
	if (zkhsm_read_file(path, LIST_MAX_LEN, &data, &len, &err))
		return;
	free(m->list.data);
	m->list.data = data;
	m->list.len = len;
	zkhsm_sha256(data, len, m->list.digest);
}

void lists_forget(struct manager *m)
{
	char path[512];

	free(m->list.data);
	memset(&m->list, 0, sizeof(m->list));
	list_path(m, path);
	unlink(path);
}

/* Steals @data. */
static void keep_list(struct manager *m, const uint8_t digest[32], uint8_t *data, size_t len)
{
	struct zkhsm_error err;
	char path[512];

	free(m->list.data);
	m->list.data = data;
	m->list.len = len;
	memcpy(m->list.digest, digest, 32);
	list_path(m, path);
	if (zkhsm_write_file(path, data, len, 0600, &err))
		log_event(LOG_LEVEL_WARNING, "list-not-kept", "manager", m->config.name,
			  "error", err.text, NULL);
}

/* @path of the request; announcement | @body. 0, or -ESTALE when the base is not known there. */
static int put(struct zkhsm_https *h, const char *path, const char *type,
	       const struct zkhsm_evidence *e, const uint8_t *body, size_t len, uint64_t *sent,
	       struct zkhsm_error *err)
{
	size_t total = e->announcement_len + len;
	struct zkhsm_response r;
	uint8_t *all;
	int ret;

	all = malloc(total);
	if (!all)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	memcpy(all, e->announcement, e->announcement_len);
	memcpy(all + e->announcement_len, body, len);
	ret = zkhsm_https_do(h, "PUT", path, type, all, total, &r, err);
	free(all);
	if (ret)
		return ret;
	*sent += total;
	if (r.status == 409)
		ret = zkhsm_fail(err, -ESTALE, "the manager does not know the base list");
	else if (r.status < 200 || r.status > 299)
		ret = zkhsm_response_problem(&r, err);
	zkhsm_response_free(&r);
	return ret;
}

static bool is_cached(const struct manager *m, const json_t *known_list)
{
	const char *hex = json_string_value(known_list);
	uint8_t digest[32];

	return m->list.data && hex && !zkhsm_unhex(hex, digest, sizeof(digest)) &&
	       memcmp(digest, m->list.digest, sizeof(digest)) == 0;
}

/* -ESTALE: send it whole. */
static int send_delta(struct manager *m, struct zkhsm_https *h, const char *path,
		      const struct zkhsm_evidence *e, const uint8_t *list, size_t len,
		      uint64_t *sent, struct zkhsm_error *err)
{
	char with_base[512], *base;
	uint8_t *delta = NULL;
	size_t delta_len = 0;
	int ret;

	ret = zkhsm_list_delta_make(m->list.data, m->list.len, list, len, &delta, &delta_len, err);
	/* A cached list that is no list, or everything changed. */
	if (ret || delta_len >= len) {
		free(delta);
		return -ESTALE;
	}
	base = zkhsm_hex(m->list.digest, sizeof(m->list.digest));
	snprintf(with_base, sizeof(with_base), "%s&base=%s", path, base ? base : "");
	free(base);
	ret = put(h, with_base, DELTA_TYPE, e, delta, delta_len, sent, err);
	free(delta);
	return ret;
}

int lists_send(struct manager *m, struct zkhsm_https *h, struct zkhsm_nl *nl,
	       const uint8_t hsm_id[32], const uint8_t identity[65],
	       const struct zkhsm_evidence *e, const json_t *known_list, uint64_t *sent,
	       struct zkhsm_error *err)
{
	char *digest = zkhsm_hex(e->list_digest, 32), *hsm = zkhsm_hex(hsm_id, 32);
	char *point = zkhsm_hex(identity, 65), path[384];
	uint8_t *list = NULL;
	size_t len = 0;
	int ret;

	if (!digest || !hsm || !point) {
		ret = zkhsm_fail(err, -ENOMEM, "out of memory");
		goto out;
	}
	ret = zkhsm_list_get(nl, e->list_digest, &list, &len, err);
	if (ret)
		goto out;
	snprintf(path, sizeof(path), "/v1/lists/%s?hsm_id=%s&identity=%s", digest, hsm, point);
	ret = -ESTALE;
	if (is_cached(m, known_list))
		ret = send_delta(m, h, path, e, list, len, sent, err);
	if (ret == -ESTALE)
		ret = put(h, path, LIST_TYPE, e, list, len, sent, err);
	if (!ret) {
		keep_list(m, e->list_digest, list, len);
		list = NULL;
	}
out:
	free(list);
	free(digest);
	free(hsm);
	free(point);
	return ret;
}

int configuration_send(struct zkhsm_https *h, struct zkhsm_nl *nl, const uint8_t hsm_id[32],
		       const struct zkhsm_evidence *e, uint64_t *sent, struct zkhsm_error *err)
{
	char *digest, *hsm, path[256];
	struct zkhsm_hsm_info info;
	struct zkhsm_response r;
	uint8_t now[32];
	int ret;

	ret = zkhsm_hsm_get(nl, &info, err);
	if (ret)
		return ret;
	zkhsm_sha256(info.configuration, info.configuration_len, now);
	if (memcmp(now, e->config_digest, 32) != 0)
		return zkhsm_fail(err, -EAGAIN, "the configuration changed meanwhile");
	digest = zkhsm_hex(now, sizeof(now));
	hsm = zkhsm_hex(hsm_id, 32);
	snprintf(path, sizeof(path), "/v1/configurations/%s?hsm_id=%s", digest ? digest : "",
		 hsm ? hsm : "");
	free(digest);
	free(hsm);
	ret = zkhsm_https_do(h, "PUT", path, CONFIG_TYPE, info.configuration,
			     info.configuration_len, &r, err);
	if (ret)
		return ret;
	*sent += info.configuration_len;
	if (r.status < 200 || r.status > 299)
		ret = zkhsm_response_problem(&r, err);
	zkhsm_response_free(&r);
	return ret;
}
