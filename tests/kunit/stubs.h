/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stubs.h - both ends of each wrapped function, see Kbuild
 *
 * The names are the linker's: --wrap=NAME.
 */
#ifndef ZKHSM_KUNIT_STUBS_H
#define ZKHSM_KUNIT_STUBS_H

#include <crypto/hash.h>

#include <linux/ktime.h>
#include <linux/netlink.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include "scalar.h"

void __real_get_random_bytes(void *buf, size_t len);
void __wrap_get_random_bytes(void *buf, size_t len);

bool __real_zkhsm_scalar_in_range(const struct zkhsm_scalar *a, const struct zkhsm_modulus *m);
bool __wrap_zkhsm_scalar_in_range(const struct zkhsm_scalar *a, const struct zkhsm_modulus *m);

int __real_crypto_shash_update(struct shash_desc *desc, const u8 *data, unsigned int len);
int __wrap_crypto_shash_update(struct shash_desc *desc, const u8 *data, unsigned int len);

int __real_crypto_shash_tfm_digest(struct crypto_shash *tfm, const u8 *data, unsigned int len,
				   u8 *out);
int __wrap_crypto_shash_tfm_digest(struct crypto_shash *tfm, const u8 *data, unsigned int len,
				   u8 *out);

int __real_crypto_shash_setkey(struct crypto_shash *tfm, const u8 *key, unsigned int len);
int __wrap_crypto_shash_setkey(struct crypto_shash *tfm, const u8 *key, unsigned int len);

void __real_zkhsm_fault_report(const char *what);
void __wrap_zkhsm_fault_report(const char *what);

int __real_zkhsm_keyring_read(s32 serial, u8 *secret, size_t len, struct netlink_ext_ack *extack);
int __wrap_zkhsm_keyring_read(s32 serial, u8 *secret, size_t len, struct netlink_ext_ack *extack);

ktime_t __real_ktime_get_with_offset(enum tk_offsets offs);
ktime_t __wrap_ktime_get_with_offset(enum tk_offsets offs);

bool __real_mod_delayed_work_on(int cpu, struct workqueue_struct *wq, struct delayed_work *dwork,
				unsigned long delay);
bool __wrap_mod_delayed_work_on(int cpu, struct workqueue_struct *wq, struct delayed_work *dwork,
				unsigned long delay);

#endif /* ZKHSM_KUNIT_STUBS_H */
