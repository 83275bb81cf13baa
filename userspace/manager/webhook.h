/* SPDX-License-Identifier: GPL-2.0 */
/*
 * webhook.h - alerts told to others: what waits is in the store, one thread sends it
 *
 * At least once: what was sent and not noted when the manager ended is sent again, with
 * the same id. For each webhook one request is under way at a time, so that one that
 * hangs delays nobody else's, and evidence waits for none.
 */
#ifndef ZKHSM_WEBHOOK_H
#define ZKHSM_WEBHOOK_H

#include "alert.h"
#include "policy.h"

#define ZKHSMD_WEBHOOK_ID	64

/**
 * struct zkhsmd_sending - one request
 * @id:		for the receiver, who takes each only once
 * @body:	owned
 * @sent:	taken by the receiver, with a 2xx
 * @why:	why not, for the log
 */
struct zkhsmd_sending {
	struct zkhsmd_delivery d;
	struct zkhsmd_hook hook;
	char id[ZKHSMD_WEBHOOK_ID];
	char *body;
	bool sent;
	char why[160];
	struct zkhsmd_sending *next;
};

/* webhook.c: on the loop, but for what says otherwise */
struct zkhsmd_webhooks;

int zkhsmd_webhooks_start(struct zkhsmd *m, struct zkhsm_error *err);
/* What is under way is given up, and sent again after the next start. */
void zkhsmd_webhooks_stop(struct zkhsmd *m);
/* In tick.c. */
void zkhsmd_webhooks_tick(struct zkhsmd *m, struct zkhsmd_time now);
/* Within the writer's transaction: each webhook of the policy has to be told of this one. */
int zkhsmd_webhooks_queue(struct zkhsmd *m, struct zkhsmd_store *store, int64_t alert);

/* webhook_send.c: the thread */
struct zkhsmd_sender;

int zkhsmd_sender_new(struct zkhsmd_sender **out, struct zkhsm_error *err);
void zkhsmd_sender_free(struct zkhsmd_sender *s);
void zkhsmd_sender_put(struct zkhsmd_sender *s, struct zkhsmd_sending *one);
bool zkhsmd_sender_ready(struct zkhsmd_sender *s);	/* some are done */
/* Those, as a chain. */
struct zkhsmd_sending *zkhsmd_sender_take(struct zkhsmd_sender *s);
void zkhsmd_sending_free(struct zkhsmd_sending *one);
/*
 * "v1," and the base64 of HMAC-SHA-256 over ID.TIMESTAMP.BODY, as the Standard Webhooks
 * have it. @secret is what the file has: "whsec_" and base64, or the key itself.
 */
int zkhsmd_webhook_sign(const uint8_t *secret, size_t len, const char *id, int64_t timestamp,
			const char *body, char out[64]);

#endif /* ZKHSM_WEBHOOK_H */
