// SPDX-License-Identifier: GPL-2.0
/*
 * What the linker puts between the module and a few functions that it calls:
 * see Kbuild. Without a test that asks for something they are the functions.
 */
#include <crypto/hash.h>
#include <linux/random.h>

#include "kunit.h"
#include "stubs.h"

struct kunit_stubs stubs;

int stubs_reset(struct kunit *test)
{
	memset(&stubs, 0, sizeof(stubs));
	return 0;
}

void stubs_restore(struct kunit *test)
{
	kpp_end();
	memset(&stubs, 0, sizeof(stubs));
}

void __wrap_get_random_bytes(void *buf, size_t len)
{
	if (stubs.entropy_fixed)
		memset(buf, stubs.entropy, len);
	else
		__real_get_random_bytes(buf, len);
}

bool __wrap_zkhsm_scalar_in_range(const struct zkhsm_scalar *a, const struct zkhsm_modulus *m)
{
	stubs.range_asked++;
	if (stubs.refuse_range) {
		stubs.refuse_range--;
		return false;
	}
	return __real_zkhsm_scalar_in_range(a, m);
}

static bool hash_fails(void)
{
	return ++stubs.hash_calls == stubs.hash_fails_at;
}

int __wrap_crypto_shash_update(struct shash_desc *desc, const u8 *data, unsigned int len)
{
	return hash_fails() ? -ENODATA : __real_crypto_shash_update(desc, data, len);
}

int __wrap_crypto_shash_tfm_digest(struct crypto_shash *tfm, const u8 *data, unsigned int len,
				   u8 *out)
{
	return hash_fails() ? -ENODATA : __real_crypto_shash_tfm_digest(tfm, data, len, out);
}

int __wrap_crypto_shash_setkey(struct crypto_shash *tfm, const u8 *key, unsigned int len)
{
	if (len <= sizeof(stubs.hmac_key)) {
		memcpy(stubs.hmac_key, key, len);
		stubs.hmac_key_len = len;
	}
	return __real_crypto_shash_setkey(tfm, key, len);
}

void __wrap_zkhsm_fault_report(const char *what)
{
	stubs.faults++;
	stubs.fault = what;
	if (!stubs.swallow_faults)
		__real_zkhsm_fault_report(what);
}

int __wrap_zkhsm_keyring_read(s32 serial, u8 *secret, size_t len, struct netlink_ext_ack *extack)
{
	if (!stubs.keyring)
		return __real_zkhsm_keyring_read(serial, secret, len, extack);
	if (stubs.keyring_len != len)
		return -EINVAL;
	memcpy(secret, stubs.keyring, len);
	return 0;
}

ktime_t __wrap_ktime_get_with_offset(enum tk_offsets offs)
{
	ktime_t now = __real_ktime_get_with_offset(offs);

	if (offs == TK_OFFS_BOOT && stubs.boottime_stands)
		return ns_to_ktime(stubs.boottime_stands);
	return offs == TK_OFFS_BOOT ? ktime_add_ns(now, stubs.boottime_ahead) : now;
}

bool __wrap_mod_delayed_work_on(int cpu, struct workqueue_struct *wq, struct delayed_work *dwork,
				unsigned long delay)
{
	stubs.work = dwork;
	stubs.work_delay = delay;
	return __real_mod_delayed_work_on(cpu, wq, dwork, delay);
}
