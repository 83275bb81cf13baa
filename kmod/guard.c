// SPDX-License-Identifier: GPL-2.0
/*
 * What would carry secrets or promises out of this machine's present:
 * hibernation, and copies of a virtual machine.
 */
#include <linux/notifier.h>
#include <linux/random.h>
#include <linux/suspend.h>

#include "lease.h"
#include "seal.h"

/* Also before there is an identity: shares, a KEK, keys that are being unsealed. */
static bool secrets_held(void)
{
	struct zkhsm_share_info share;

	zkhsm_share_read(&share);
	return zkhsm_hsm_present() || share.threshold || zkhsm_kek_kept() ||
	       zkhsm_unseal_under_way();
}

/* Hibernation writes memory, and so every secret, to a disk. Suspend to RAM does not. */
static int veto_hibernation(struct notifier_block *nb, unsigned long action, void *data)
{
	if (action != PM_HIBERNATION_PREPARE || !secrets_held())
		return NOTIFY_DONE;
	pr_warn("hibernation refused: secrets are held\n");
	return NOTIFY_BAD;
}

static struct notifier_block pm_block = { .notifier_call = veto_hibernation };

/*
 * Only kernels with CONFIG_VMGENID tell, and only under hypervisors that tell
 * them. The instance first, then the nonces: evidence that took its number
 * before the epoch changed is thrown away, any later one sees the new
 * instance. Leases last: none can come any more for what the old one said.
 */
static int vm_forked(struct notifier_block *nb, unsigned long action, void *data)
{
	zkhsm_hsm_forked();
	zkhsm_outstanding_drop_all();
	zkhsm_lease_drop_all();
	zkhsm_audit(0, "op=vm-forked");
	zkhsm_nl_event_hsm(ZKHSM_EVENT_FORKED);
	return NOTIFY_OK;
}

static struct notifier_block vmfork_block = { .notifier_call = vm_forked };

int __init zkhsm_guard_init(void)
{
	int err;

	err = register_pm_notifier(&pm_block);
	if (err)
		return err;
	err = register_random_vmfork_notifier(&vmfork_block);
	if (err)
		unregister_pm_notifier(&pm_block);
	return err;
}

void zkhsm_guard_exit(void)
{
	unregister_random_vmfork_notifier(&vmfork_block);
	unregister_pm_notifier(&pm_block);
}
