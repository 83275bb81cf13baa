// SPDX-License-Identifier: GPL-2.0
/*
 * reload.c - SIGHUP: policy, certificates and log level are read again
 *
 * All of it or nothing: what is new is made beside what is in use, and takes its place
 * when nothing can fail any more. Connections and requests that are there go on with
 * what they have. What else zkhsmd.conf says counts at the next start, and a line in
 * the log says so when that has changed.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "audit_log.h"
#include "metrics.h"
#include "notify.h"
#include "reload.h"
#include "webhook.h"

#define SECRET_FILE_MAX	4096

static int check_ca(const char *path, struct zkhsm_error *err)
{
	X509_STORE *store = X509_STORE_new();
	int ret = 0;

	if (!store)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	if (X509_STORE_load_file(store, path) != 1)
		ret = zkhsm_fail(err, -EINVAL, "CA file %s: cannot be read, or has no certificate",
				 path);
	ERR_clear_error();
	X509_STORE_free(store);
	return ret;
}

static int check_hook(const struct zkhsmd_hook *hook, struct zkhsm_error *err)
{
	uint8_t *secret = NULL;
	struct zkhsm_error why = { .code = 0 };
	char signature[64];
	size_t len = 0;
	int ret = zkhsm_read_file(hook->secret_file, SECRET_FILE_MAX, &secret, &len, &why);

	if (ret)
		return zkhsm_fail(err, ret, "[webhook %s]: %s", hook->name, why.text);
	while (len && (secret[len - 1] == '\n' || secret[len - 1] == '\r'))
		len--;
	ret = zkhsmd_webhook_sign(secret, len, "", 0, "", signature);
	OPENSSL_cleanse(secret, len);
	free(secret);
	if (ret)
		return zkhsm_fail(err, ret, "[webhook %s]: %s is no secret that can be used",
				  hook->name, hook->secret_file);
	return hook->ca_file[0] ? check_ca(hook->ca_file, err) : 0;
}

int zkhsmd_check_files(struct zkhsmd *m, const struct zkhsmd_policy *p, struct zkhsm_error *err)
{
	const struct zkhsmd_hook *hooks;
	struct server_config config;
	size_t count;
	int ret;

	zkhsmd_server_config(m, &config);
	ret = server_check(&config, err);
	hooks = zkhsmd_policy_hooks(p, &count);
	for (size_t i = 0; !ret && i < count; i++)
		ret = check_hook(&hooks[i], err);
	return ret;
}

/* What a reload changes of it: only the loop reads these. */
static void take(struct zkhsmd_config *to, const struct zkhsmd_config *from)
{
	memcpy(to->certificate, from->certificate, sizeof(to->certificate));
	memcpy(to->private_key, from->private_key, sizeof(to->private_key));
	memcpy(to->admin_ca, from->admin_ca, sizeof(to->admin_ca));
	memcpy(to->policy, from->policy, sizeof(to->policy));
	memcpy(to->log_level, from->log_level, sizeof(to->log_level));
}

static bool needs_restart(const struct zkhsmd_config *is, const struct zkhsmd_config *now)
{
	struct zkhsmd_config same = *now;

	take(&same, is);
	return !zkhsmd_config_same(&same, is);
}

static int read_all(struct zkhsmd *m, struct zkhsmd_config *config, struct zkhsmd_policy **policy,
		    struct zkhsm_error *err)
{
	const struct zkhsmd_hook *hooks;
	size_t count;
	int ret = zkhsmd_config_load(m->config_path, config, err);

	*policy = NULL;
	if (!ret)
		ret = zkhsmd_policy_load(config->policy, policy, err);
	if (ret)
		return ret;
	hooks = zkhsmd_policy_hooks(*policy, &count);
	for (size_t i = 0; !ret && i < count; i++)
		ret = check_hook(&hooks[i], err);
	return ret;
}

static int reload(struct zkhsmd *m, struct zkhsm_error *err)
{
	struct zkhsmd_config config;
	struct zkhsmd_policy *policy;
	struct server_config tls;
	int ret = read_all(m, &config, &policy, err);

	if (ret)
		goto out;
	zkhsmd_server_config(m, &tls);
	tls.certificate = config.certificate;
	tls.private_key = config.private_key;
	tls.client_ca = config.admin_ca;
	/* The last thing that can fail. */
	ret = server_reload(m->server, &tls, err);
	if (ret)
		goto out;
	if (needs_restart(&m->config, &config))
		log_event(LOG_LEVEL_WARNING, "reload", "text",
			  "more has changed in the configuration than can be while the manager runs: that counts at the next start",
			  NULL);
	take(&m->config, &config);
	zkhsmd_policy_set(m, policy);
	policy = NULL;
	log_setup((enum log_level)zkhsmd_log_level(m->config.log_level),
		  getenv("JOURNAL_STREAM") != NULL);
out:
	zkhsmd_policy_put(policy);
	return ret;
}

/* What was wrong with an earlier reload is not any more. */
static int write_over(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	return zkhsmd_alert_over(job->m, store, "reload-failed", NULL, NULL,
				 "a later reload worked");
}

static void close_alert(struct zkhsmd *m)
{
	struct zkhsmd_job *job = zkhsmd_job_own(m, 0);

	if (!job)
		return;
	job->write = write_over;
	zkhsmd_job_submit(job);
}

static void done(struct zkhsmd *m)
{
	struct zkhsmd_policy *p = zkhsmd_policy_get(m);
	char *digest = zkhsm_hex(zkhsmd_policy_digest(p), 32);
	char id[ZKHSMD_POLICY_ID];

	zkhsmd_policy_id(p, ZKHSMD_NO_RULE, id);
	zkhsmd_metric_add(m, M_RELOADS, 1);
	log_event(LOG_LEVEL_INFO, "reloaded", "policy", m->config.policy, "id", id, "digest",
		  digest, NULL);
	zkhsmd_audit_own(m, "reload", json_pack("{s:s, s:s}", "policy", id, "digest",
						digest ? digest : ""));
	close_alert(m);
	free(digest);
	zkhsmd_policy_put(p);
}

static void failed(struct zkhsmd *m, const struct zkhsm_error *err)
{
	struct zkhsmd_alert a;

	zkhsmd_metric_add(m, M_RELOAD_FAILURES, 1);
	log_event(LOG_LEVEL_ERROR, "reload-failed", "text", err->text, NULL);
	zkhsmd_alert_make(&a, "reload-failed", NULL,
			  "what was there before stays in force: %s", err->text);
	zkhsmd_alert_later(m, &a);
}

static void on_hangup(evutil_socket_t number, short what, void *arg)
{
	struct zkhsm_error err = { .code = 0 };
	struct zkhsmd *m = arg;

	(void)number;
	(void)what;
	if (m->stopping)
		return;
	zkhsmd_notify_reloading();
	if (reload(m, &err))
		failed(m, &err);
	else
		done(m);
	zkhsmd_notify_ready(m);
}

int zkhsmd_reload_start(struct zkhsmd *m, struct zkhsm_error *err)
{
	m->hangup = evsignal_new(m->base, SIGHUP, on_hangup, m);
	if (!m->hangup || event_add(m->hangup, NULL))
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	return 0;
}

void zkhsmd_reload_stop(struct zkhsmd *m)
{
	if (m->hangup)
		event_free(m->hangup);
	m->hangup = NULL;
}
