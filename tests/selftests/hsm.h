/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every test starts from: a freshly loaded module, an HSM in it, users,
 * keys and managers. The request helpers send exactly what they are given.
 */
#ifndef ZKHSM_HSM_H
#define ZKHSM_HSM_H

#include <openssl/evp.h>
#include <stdint.h>

#include "ec.h"
#include "ktap.h"
#include "nlraw.h"

/* Not in any password file; nothing else runs as one of them. */
#define UID_OWNER	60001
#define UID_AGENT	60002
#define UID_OTHER	60003

#define SIGN_PROVE	(ZKHSM_KEY_USAGE_SIGN | ZKHSM_KEY_USAGE_PROVE)

/*
 * module.c: the module file is $ZKHSM_MODULE, or zkhsm.ko beside the tests'
 * directory, or what modprobe finds. 0 or a negative errno.
 */
int module_load(const char *params);
int module_unload(void);
/* Even while something holds it; taints the kernel, and lockdep is off from then on. */
int module_unload_forced(void);
bool module_loaded(void);
/* With lockdep, KASAN and the like, arithmetic takes many times longer. */
bool kernel_is_slow(void);
/* Ends the program when the module does not go or does not come. */
void module_reload(const char *params);

struct hsm {
	struct nlraw nl;
	uint8_t id[32];
	uint8_t identity[65];
	struct nlraw_answer a;
};

/* An identity in a module that has none yet; the agent is UID_AGENT. */
void hsm_start(struct hsm *h, uint32_t quorum, uint32_t stop, uint32_t wipe);
/* The same in a module that was loaded for it; without quorums, all are 1. */
void hsm_fresh(struct hsm *h, const char *params);
void hsm_fresh_quorum(struct hsm *h, const char *params, uint32_t quorum, uint32_t stop,
		      uint32_t wipe);
/* Another socket to the same module, opened by the calling process. */
void hsm_reopen(struct hsm *h);
void hsm_close(struct hsm *h);
/* The attributes of hsm-get are in h->a. */
void hsm_get(struct hsm *h);

/* All return the errno, 0 when done; the answer is in h->a. */
struct nl_msg *key_new_msg(const struct hsm *h, const char *id);
int key_new(struct hsm *h, const char *id);
int key_new_owned(struct hsm *h, const char *id, uint32_t uid);
int key_import_serial(struct hsm *h, const char *id, int32_t serial);
/* Through a "logon" key in the process keyring, revoked afterwards. */
int key_import(struct hsm *h, const char *id, const uint8_t scalar[32]);
struct nl_msg *id_msg(const struct hsm *h, uint8_t cmd, const char *id);
int key_get(struct hsm *h, const char *id);
int key_del(struct hsm *h, const char *id);
int key_set_u32(struct hsm *h, const char *id, int attr, uint32_t value);
int key_sign(struct hsm *h, const char *id, const uint8_t digest[32]);
int key_prove(struct hsm *h, const char *id, const void *user, size_t user_len,
	      const void *other, size_t other_len);
/* Public key, element name, state of a key that must be there. */
void key_public(struct hsm *h, const char *id, uint8_t public[65]);
void key_element(struct hsm *h, const char *id, uint8_t element[32]);
uint32_t key_state(struct hsm *h, const char *id);
/* Creates "prefix0000" up to @count. */
void key_new_many(struct hsm *h, const char *prefix, unsigned int count);

/* keyring.c; a serial or a negative errno */
int32_t keyring_add(const char *type, const void *payload, size_t len);
void keyring_drop(int32_t serial);

/* manager.c */
struct manager {
	EVP_PKEY *key;
	uint8_t public[65];
	uint8_t id[32];
};

void manager_new(struct manager *m);
void manager_free(struct manager *m);
int manager_pin(struct hsm *h, const struct manager *m);
int manager_unpin(struct hsm *h, const struct manager *m);
/* A new manager that is pinned. */
void manager_new_pinned(struct hsm *h, struct manager *m);

/* One challenge; @nonce may be NULL for a random one. */
void put_challenge(struct nl_msg *msg, const uint8_t manager_id[32], const uint8_t *nonce);
int evidence_get(struct hsm *h, const struct manager *m);

#define ORDER_MAX	(ZKHSM_ORDER_MAX_LEN + 16)

struct order {
	uint8_t bytes[ORDER_MAX];
	size_t len;
};

/* An order piece by piece: what all begin with, then the body, then order_sign(). */
void order_begin(struct order *o, const struct manager *m, uint8_t type, const uint8_t hsm_id[32],
		 uint64_t number);
void order_put(struct order *o, const void *data, size_t len);
void order_put_number(struct order *o, uint64_t value, unsigned int bytes);
/* Their number, then a sorted copy of them. */
void order_put_elements(struct order *o, const uint8_t (*elements)[32], size_t count);
/* A revoke, hold or release; the caller says everything. */
void order_make(struct order *o, const struct manager *m, uint8_t type, const uint8_t hsm_id[32],
		uint64_t number, uint8_t reason, const uint8_t (*elements)[32], size_t count);
/* Puts a signature of @m over the first @signed_len bytes behind them. */
void order_sign(struct order *o, const struct manager *m, size_t signed_len);
int order_apply(struct hsm *h, const struct order *o);
/* The common case: one element, made, applied. */
int order_one(struct hsm *h, const struct manager *m, uint8_t type, uint64_t number,
	      const uint8_t element[32]);

#endif /* ZKHSM_HSM_H */
