/* SPDX-License-Identifier: GPL-2.0 */
/*
 * compat.h - every difference between the supported kernels (6.1 and later)
 *
 * The only file of the module that may look at LINUX_VERSION_CODE. The rest
 * of the module is written for the newest kernel and includes this one where
 * an older kernel keeps something elsewhere or calls it otherwise.
 */
#ifndef ZKHSM_COMPAT_H
#define ZKHSM_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/version.h>

/* crypto_memneq() moved to crypto/utils.h in 6.4. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#include <crypto/utils.h>
#else
#include <crypto/algapi.h>
#endif

/* asm/unaligned.h became linux/unaligned.h in 6.12. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/*
 * From 6.2 on an extended acknowledgment has room for a formatted sentence.
 * Before, the fixed sentence that was set first stays.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define zkhsm_extack_format(extack, ...)	NL_SET_ERR_MSG_FMT(extack, __VA_ARGS__)
#else
#define zkhsm_extack_format(extack, ...)		\
do {							\
	(void)(extack);					\
	no_printk(__VA_ARGS__);				\
} while (0)
#endif

/* pre_doit took a struct genl_ops; all we read of either is .cmd. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define genl_split_ops	genl_ops
#endif

/* From 6.5 on a cache can be asked for that shares its slabs with no other. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define SLAB_NO_MERGE	0
#endif

/* hrtimer_setup() came with 6.13, and hrtimer_init() went. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define zkhsm_hrtimer_setup(timer, fn, clock, mode)	hrtimer_setup(timer, fn, clock, mode)
#else
static inline void zkhsm_hrtimer_setup(struct hrtimer *timer,
				       enum hrtimer_restart (*fn)(struct hrtimer *),
				       clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

#endif /* ZKHSM_COMPAT_H */
