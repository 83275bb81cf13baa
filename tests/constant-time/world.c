// SPDX-License-Identifier: GPL-2.0
/*
 * world.c - the kernel around the module's cryptography, in user space
 *
 * Compiled with the headers of the very kernel whose objects it is linked to,
 * so that what they inline finds its structures. Hash, HMAC and KPP are
 * stand-ins: what the kernel does with a secret after we hand it over is not
 * what this test is about (threat-model.rst, "Side channels").
 */
#include <linux/bug.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/key.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/rwsem.h>
#include <linux/scatterlist.h>
#include <linux/key-type.h>
#include <keys/user-type.h>
#include <crypto/hash.h>
#include <crypto/internal/hash.h>

#include "schnorr.h"
#include "seal.h"
#include "zkhsm.h"
#include "taint.h"

/* One thread. */
void mutex_lock(struct mutex *lock) { }
void mutex_unlock(struct mutex *lock) { }
void __mutex_init(struct mutex *lock, const char *name, struct lock_class_key *key) { }
void down_read(struct rw_semaphore *sem) { }
void up_read(struct rw_semaphore *sem) { }
void __init_swait_queue_head(struct swait_queue_head *q, const char *name,
			     struct lock_class_key *key) { }

void wait_for_completion(struct completion *c)
{
	taint_expect(0, "nothing here is asynchronous");
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
void crypto_req_done(void *req, int err)
#else
void crypto_req_done(struct crypto_async_request *req, int err)
#endif
{
	taint_expect(0, "nothing here is asynchronous");
}

int _printk(const char *fmt, ...)
{
	taint_expect(0, fmt);
	return 0;
}

/* The seed, the entropy of each nonce: secrets. */
void get_random_bytes(void *buf, size_t len)
{
	host_random(buf, len);
}

int wait_for_random_bytes(void)
{
	return 0;
}

/* Hash and HMAC. The state of a hash is a pointer to the host's. */
static u8 hmac_key[128];
static unsigned int hmac_key_len;

static int hash_init(struct shash_desc *desc)
{
	*(void **)shash_desc_ctx(desc) = host_hash_new();
	return 0;
}

static struct shash_alg sha256_alg = {
	.init = hash_init, .digestsize = 32, .descsize = 8, .statesize = 8,
};
static struct shash_alg hmac_alg = { .digestsize = 64 };
static struct crypto_shash sha256 = { .descsize = 8, .base.__crt_alg = &sha256_alg.base };
static struct crypto_shash hmac = { .base.__crt_alg = &hmac_alg.base };

struct crypto_shash *crypto_alloc_shash(const char *alg_name, u32 type, u32 mask)
{
	return strcmp(alg_name, "sha256") ? &hmac : &sha256;
}

int crypto_shash_update(struct shash_desc *desc, const u8 *data, unsigned int len)
{
	host_hash_update(*(void **)shash_desc_ctx(desc), data, len);
	return 0;
}

int crypto_shash_final(struct shash_desc *desc, u8 *out)
{
	host_hash_final(*(void **)shash_desc_ctx(desc), out);
	return 0;
}

int crypto_shash_setkey(struct crypto_shash *tfm, const u8 *key, unsigned int keylen)
{
	memcpy(hmac_key, key, keylen);
	hmac_key_len = keylen;
	return 0;
}

int crypto_shash_tfm_digest(struct crypto_shash *tfm, const u8 *data, unsigned int len, u8 *out)
{
	void *hash;

	if (tfm == &hmac) {
		host_hmac_sha512(hmac_key, hmac_key_len, data, len, out);
		return 0;
	}
	hash = host_hash_new();
	host_hash_update(hash, data, len);
	host_hash_final(hash, out);
	return 0;
}

/* A list of one; the address is where the test's own drivers look. */
void sg_init_one(struct scatterlist *sg, const void *buf, unsigned int len)
{
	sg->dma_address = (unsigned long)buf;
	sg->length = len;
}

/* One keyring key that the caller possesses. */
struct key_type key_type_logon = { .name = "logon" };
struct key_type key_type_user = { .name = "user" };
static struct key keyring_key = { .type = &key_type_logon, .state = KEY_IS_POSITIVE };
static u8 payload[sizeof(struct user_key_payload) + ZKHSM_SHARE_LEN] __aligned(8);

void world_put_keyring_key(const u8 *secret, size_t len);
void world_put_keyring_key(const u8 *secret, size_t len)
{
	struct user_key_payload *p = (struct user_key_payload *)payload;

	p->datalen = len;
	memcpy(payload + sizeof(*p), secret, len);
	keyring_key.payload.data[0] = p;
}

key_ref_t lookup_user_key(key_serial_t serial, unsigned long flags, enum key_need_perm need)
{
	return make_key_ref(&keyring_key, true);
}

void key_put(struct key *key) { }

/* Time stands still, and so nothing that is put off is done. */
struct workqueue_struct *system_wq;

ktime_t ktime_get_with_offset(enum tk_offsets offs)
{
	return 0;
}

unsigned long nsecs_to_jiffies(u64 n)
{
	return 0;
}

bool mod_delayed_work_on(int cpu, struct workqueue_struct *wq, struct delayed_work *dwork,
			 unsigned long delay)
{
	return false;
}

bool cancel_delayed_work_sync(struct delayed_work *dwork)
{
	return false;
}

void delayed_work_timer_fn(struct timer_list *t)
{
	taint_expect(0, "no timer runs");
}

void do_trace_netlink_extack(const char *msg) { }

/* Not inlined at -O1: whether a sentence that was cut is complained of. */
int net_ratelimit(void)
{
	return 0;
}

/* As kek.c has it, which brings the TPM with it. */
int zkhsm_kek_id(const u8 key[ZKHSM_KEK_LEN], u8 id[ZKHSM_KEK_ID_LEN])
{
	static const u8 label[15] = "zkhsm kek id v1";
	u8 mac[ZKHSM_HMAC_SIZE];
	int err = zkhsm_hmac_sha512(key, ZKHSM_KEK_LEN, label, sizeof(label), mac);

	memcpy(id, mac, ZKHSM_KEK_ID_LEN);
	return err;
}

/* Names of records are public. */
bool zkhsm_id_valid(const u8 *id, size_t len)
{
	return true;
}

/* Of the module's own: what only passes errors on. */
int zkhsm_refuse(struct netlink_ext_ack *extack, int err, enum zkhsm_reason reason,
		 const char *sentence)
{
	return err;
}

int zkhsm_refuse_failure(struct netlink_ext_ack *extack, int err)
{
	return err;
}

void zkhsm_fault_report(const char *what)
{
	taint_faults++;
}
