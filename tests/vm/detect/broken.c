// SPDX-License-Identifier: GPL-2.0
/*
 * A module with one fault, chosen when it is loaded: what a machine must not
 * let pass. Never built into anything, loaded by tests/vm/detect/run alone.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

static char *fault = "none";
module_param(fault, charp, 0);
MODULE_PARM_DESC(fault, "which fault");

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
/* Volatile: the compiler sees through the faults otherwise. */
static volatile unsigned int eight = 8, forty = 40;
static volatile u8 sink;

static void use_after_free(void)
{
	u8 *p = kmalloc(64, GFP_KERNEL);

	if (!p)
		return;
	kfree(p);
	sink = *(volatile u8 *)(p + eight);
}

static void beyond_the_end(void)
{
	u8 *p = kmalloc(64, GFP_KERNEL);

	if (!p)
		return;
	sink = *(volatile u8 *)(p + 8 * eight);
	kfree(p);
}

static void leak(void)
{
	unsigned int i;

	/* One may still be found in a register or on the stack. */
	for (i = 0; i < 32; i++)
		sink = (unsigned long)kmalloc(200, GFP_KERNEL) >> 4;
}

static void wrong_order(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void without_rcu(void)
{
	static void __rcu *pointer;

	sink = !!rcu_dereference(pointer);
}

static const struct {
	const char *name;
	void (*commit)(void);
} faults[] = {
	{ "use-after-free", use_after_free },
	{ "beyond-the-end", beyond_the_end },
	{ "leak", leak },
	{ "wrong-order", wrong_order },
	{ "without-rcu", without_rcu },
};

static int __init broken_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(faults); i++)
		if (!strcmp(fault, faults[i].name))
			faults[i].commit();
	if (!strcmp(fault, "shift"))
		sink = 1U << forty;
	WARN_ON(!strcmp(fault, "warning"));
	if (!strcmp(fault, "panic"))
		panic("on purpose");
	if (!strcmp(fault, "oops"))
		sink = *(volatile u8 *)(unsigned long)eight;
	if (!strcmp(fault, "stays"))
		__module_get(THIS_MODULE);
	return strcmp(fault, "refuses") ? 0 : -EINVAL;
}

static void __exit broken_exit(void)
{
}

module_init(broken_init);
module_exit(broken_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("One fault of several, for the test of the test machines");
