/* SPDX-License-Identifier: GPL-2.0 */
/*
 * alert.h - what somebody has to look at: raised by what was seen, stored, told to
 * the webhooks, and closed by an administrator or by what shows that it is over
 *
 * One alert is open for a code, HSM, element and source at a time: while it is, its
 * count and last time go on, and nobody is told again. Once it was acknowledged, or
 * has been closed, the next one is a new alert.
 */
#ifndef ZKHSM_ALERT_H
#define ZKHSM_ALERT_H

#include "manager.h"

#define ZKHSMD_ALERT_TEXT	383
#define ZKHSMD_NOTE_MAX		255
#define ZKHSMD_WHO_MAX		127
#define ZKHSMD_SOURCE_MAX	47

/**
 * struct zkhsmd_alert - one as it is raised
 * @code:	one of zkhsmd_alert_codes, each of which has a paragraph in
 *		Documentation/runbook.rst
 * @hsm_id, @element, @key_id, @source: what it is about, zero where it is about none
 * @text:	one sentence
 */
struct zkhsmd_alert {
	char code[ZKHSMD_CODE_MAX + 1];
	uint8_t hsm_id[32], element[32];
	char key_id[ZKHSM_ID_MAX_LEN + 1];
	char source[ZKHSMD_SOURCE_MAX + 1];
	char text[ZKHSMD_ALERT_TEXT + 1];
};

enum zkhsmd_alert_state {
	ZKHSMD_ALERT_OPEN = 1, ZKHSMD_ALERT_ACKNOWLEDGED, ZKHSMD_ALERT_CLOSED,
};

/**
 * struct zkhsmd_alert_row - one as it is stored
 * @who, @note, @done_ms: of whoever changed its state last; "" and 0 while it is open
 */
struct zkhsmd_alert_row {
	int64_t row;
	struct zkhsmd_alert a;
	int64_t first_ms, last_ms;
	uint64_t count;
	enum zkhsmd_alert_state state;
	char who[ZKHSMD_WHO_MAX + 1], note[ZKHSMD_NOTE_MAX + 1];
	int64_t done_ms;
};

/* One webhook that has not been told of one alert. */
struct zkhsmd_delivery {
	int64_t row, alert;
	char hook[33];
	uint64_t attempts;
	int64_t next_ms;
};

/* What snprintf() cut in the middle of a character of UTF-8, cut before it. */
void zkhsmd_cut_text(char *text);

/* Ends with NULL. */
extern const char *const zkhsmd_alert_codes[];

/* Fills in all but element, key_id and source, which are zero then. @hsm_id may be NULL. */
void zkhsmd_alert_make(struct zkhsmd_alert *a, const char *code, const uint8_t *hsm_id,
		       const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Within the writer's transaction. */
int zkhsmd_alert_raise(struct zkhsmd *m, struct zkhsmd_store *store, const struct zkhsmd_alert *a);
/* On the loop: by a job of its own. */
void zkhsmd_alert_later(struct zkhsmd *m, const struct zkhsmd_alert *a);
/*
 * Within the writer's transaction: what was open of this code and HSM (or NULL) is over,
 * because of what this administrator did, or by itself (NULL).
 */
int zkhsmd_alert_over(struct zkhsmd *m, struct zkhsmd_store *store, const char *code,
		      const uint8_t *hsm_id, const struct server_request *rq, const char *note);
/* For administrators and webhooks. */
json_t *zkhsmd_alert_json(const struct zkhsmd_alert_row *r);
const char *zkhsmd_alert_state_name(enum zkhsmd_alert_state state);

/* store_sqlite_alert.c */
int sq_alert_raise(struct zkhsmd_store *s, const struct zkhsmd_alert *a, int64_t now_ms,
		   struct zkhsmd_alert_row *out);
int sq_alert_get(struct zkhsmd_store *s, int64_t row, struct zkhsmd_alert_row *out);
int sq_alert_put(struct zkhsmd_store *s, const struct zkhsmd_alert_row *r);
int sq_alert_each(struct zkhsmd_store *s, int state, int64_t after, uint64_t limit,
		  int (*fn)(const struct zkhsmd_alert_row *r, void *arg),
		  void *arg);
int sq_alert_live(struct zkhsmd_store *s, const char *code, const uint8_t *hsm_id,
		  uint64_t *count);
int sq_alert_over(struct zkhsmd_store *s, const char *code, const uint8_t *hsm_id,
		  const char *who, const char *note, int64_t now_ms, uint64_t *count);
int sq_alert_trim(struct zkhsmd_store *s, uint64_t max);
int sq_delivery_add(struct zkhsmd_store *s, const struct zkhsmd_delivery *d, uint64_t max);
int sq_delivery_put(struct zkhsmd_store *s, const struct zkhsmd_delivery *d);
int sq_delivery_del(struct zkhsmd_store *s, int64_t row);
int sq_delivery_clear(struct zkhsmd_store *s, const char *hook);
int sq_delivery_due(struct zkhsmd_store *s, const char *hook, int64_t now_ms,
		    struct zkhsmd_delivery *out);
int sq_delivery_hooks(struct zkhsmd_store *s, int (*fn)(const char *hook, void *arg), void *arg);

#endif /* ZKHSM_ALERT_H */
