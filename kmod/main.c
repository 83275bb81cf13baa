// SPDX-License-Identifier: GPL-2.0
/*
 * Load and unload: each mechanism in turn, what calls in from outside last in
 * and first out. A notifier may tell an event over the netlink family, and so
 * comes after it and goes before it: unregistering it waits for one that runs.
 */
#include <linux/module.h>

#include "box.h"
#include "grant.h"
#include "group.h"
#include "lease.h"
#include "nonce.h"
#include "seal.h"
#include "selftest.h"
#include "zkhsm.h"

static char *kpp_driver = "ecdh-nist-p256-generic";
module_param(kpp_driver, charp, 0444);
MODULE_PARM_DESC(kpp_driver,
		 "driver name of the KPP algorithm (default ecdh-nist-p256-generic, the one that blinds)");

static unsigned int evidence_rate = 5;
module_param(evidence_rate, uint, 0444);
MODULE_PARM_DESC(evidence_rate, "evidence per second on average (default 5)");

static unsigned int evidence_burst = 32;
module_param(evidence_burst, uint, 0444);
MODULE_PARM_DESC(evidence_burst, "evidence at once (default 32)");

static unsigned int nonce_slots = 1024;
module_param(nonce_slots, uint, 0444);
MODULE_PARM_DESC(nonce_slots, "nonces outstanding at a time (1 to 65536, default 1024)");

static unsigned int nonce_life_ms = 600000;
module_param(nonce_life_ms, uint, 0444);
MODULE_PARM_DESC(nonce_life_ms, "life of a nonce in milliseconds (at least 1000, default 600000)");

static unsigned int grant_slots = 16384;
module_param(grant_slots, uint, 0444);
MODULE_PARM_DESC(grant_slots, "used grants remembered at a time (1 to 65536, default 16384)");

static int __init check_parameters(void)
{
	if (evidence_rate && evidence_burst && nonce_slots && nonce_slots <= 65536 &&
	    nonce_life_ms >= 1000 && grant_slots && grant_slots <= 65536)
		return 0;
	pr_err("a module parameter is out of its range\n");
	return -EINVAL;
}

/* Arithmetic, and the proof that it is right on this kernel. */
static int __init init_crypto(void)
{
	int err;

	err = zkhsm_hash_init();
	if (err)
		return err;
	err = zkhsm_nonce_init();
	if (err)
		goto err_hash;
	err = zkhsm_group_init(kpp_driver);
	if (err)
		goto err_nonce;
	err = zkhsm_box_init();
	if (err)
		goto err_group;
	err = zkhsm_selftest();
	if (err)
		goto err_box;
	return 0;

err_box:
	zkhsm_box_exit();
err_group:
	zkhsm_group_exit();
err_nonce:
	zkhsm_nonce_exit();
err_hash:
	zkhsm_hash_exit();
	pr_err("not loaded: no cryptography with the KPP driver %s (%d)\n", kpp_driver, err);
	return err;
}

static void exit_crypto(void)
{
	zkhsm_box_exit();
	zkhsm_group_exit();
	zkhsm_nonce_exit();
	zkhsm_hash_exit();
}

static int __init init_state(void)
{
	int err;

	zkhsm_hsm_init();
	zkhsm_grant_used_init(grant_slots);
	zkhsm_lease_timer_init();
	err = zkhsm_evidence_init(evidence_rate, evidence_burst);
	if (err)
		return err;
	err = zkhsm_key_init();
	if (err)
		return err;
	err = zkhsm_outstanding_init(nonce_slots, nonce_life_ms);
	if (err)
		goto err_key;
	err = zkhsm_unseal_init();
	if (err)
		goto err_outstanding;
	return 0;

err_outstanding:
	zkhsm_outstanding_exit();
err_key:
	zkhsm_key_exit();
	return err;
}

/*
 * What is being unsealed, and what waits to be sealed, refers to keys and
 * elements; lists refer to keys, keys to elements, elements to votes, votes to
 * managers.
 */
static void exit_state(void)
{
	zkhsm_unseal_exit();
	zkhsm_seal_exit();
	zkhsm_share_exit();
	zkhsm_record_exit();
	zkhsm_grant_used_exit();
	zkhsm_outstanding_exit();
	zkhsm_list_exit();
	zkhsm_keystore_exit();
	zkhsm_element_exit();
	zkhsm_trust_exit();
	zkhsm_hsm_exit();
	zkhsm_key_exit();
}

static int __init zkhsm_init(void)
{
	int err;

	err = check_parameters();
	if (err)
		return err;
	err = zkhsm_access_init();
	if (err)
		return err;
	err = init_crypto();
	if (err)
		return err;
	err = init_state();
	if (err)
		goto err_crypto;
	err = zkhsm_netlink_init(kpp_driver);
	if (err)
		goto err_state;
	err = zkhsm_guard_init();
	if (err)
		goto err_netlink;
	pr_info("version " ZKHSM_VERSION_STRING ", %s\n", kpp_driver);
	return 0;

err_netlink:
	zkhsm_lease_timer_exit();
	zkhsm_netlink_exit();
err_state:
	exit_state();
err_crypto:
	exit_crypto();
	return err;
}

static void __exit zkhsm_exit(void)
{
	zkhsm_guard_exit();
	zkhsm_lease_timer_exit();
	zkhsm_netlink_exit();
	exit_state();
	exit_crypto();
}

module_init(zkhsm_init);
module_exit(zkhsm_exit);

MODULE_DESCRIPTION("Keys held in kernel memory, and zero-knowledge evidence about them");
MODULE_LICENSE("GPL");
MODULE_VERSION(ZKHSM_VERSION_STRING);
/* By name of algorithm nothing would be loaded before the first request fails. */
MODULE_SOFTDEP("pre: drbg hmac sha256_generic sha512_generic ecdh_generic gcm ghash_generic ctr");
