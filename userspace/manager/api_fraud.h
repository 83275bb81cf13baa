/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What administrators ask and do about alerts, quarantine and the history of keys.
 */
#ifndef ZKHSM_API_FRAUD_H
#define ZKHSM_API_FRAUD_H

#include "alert.h"
#include "holding.h"

/* A sentence of whoever does something; false when answered. */
bool zkhsmd_read_note(struct server_request *rq, const char *text, char out[ZKHSMD_NOTE_MAX + 1]);

void zkhsmd_api_alerts(struct server_request *rq);
void zkhsmd_api_alert_get(struct server_request *rq);
void zkhsmd_api_alert_post(struct server_request *rq);
void zkhsmd_api_quarantine(struct server_request *rq);
void zkhsmd_api_hsm_history(struct server_request *rq);
void zkhsmd_api_key_history(struct server_request *rq);

#endif /* ZKHSM_API_FRAUD_H */
