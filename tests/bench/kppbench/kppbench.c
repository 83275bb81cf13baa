// SPDX-License-Identifier: GPL-2.0
/*
 * kppbench - what one generate_public_key of the kernel's KPP takes
 *
 * The yardstick of the benchmark: evidence is compared with one plain scalar
 * multiplication by the driver that zkhsm uses, on the same machine in the
 * same minute. It cannot be asked for from user space, hence this module; it
 * is loaded by tests/bench alone and holds no secret worth the name.
 *
 *	insmod kppbench.ko runs=31
 *	cat /sys/module/kppbench/parameters/median_ns
 */
#include <crypto/ecdh.h>
#include <crypto/kpp.h>
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/sort.h>

#define DRIVER		"ecdh-nist-p256-generic"
#define SCALAR_SIZE	32
#define POINT_SIZE	64
#define MAX_RUNS	1001

static unsigned int runs = 31;
module_param(runs, uint, 0444);
MODULE_PARM_DESC(runs, "how often, 1 to 1001");

static unsigned long median_ns;
module_param(median_ns, ulong, 0444);
MODULE_PARM_DESC(median_ns, "result: median of generate_public_key, nanoseconds");

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static int set_random_secret(struct crypto_kpp *tfm)
{
	u8 scalar[SCALAR_SIZE], packed[64];
	struct ecdh params = { .key = scalar, .key_size = sizeof(scalar) };
	int ret;

	get_random_bytes(scalar, sizeof(scalar));
	scalar[0] &= 0x7f;	/* below n; both ends, since 6.1 looks at the swapped value */
	scalar[31] = (scalar[31] & 0x7f) | 1;
	ret = crypto_ecdh_encode_key(packed, crypto_ecdh_key_len(&params), &params);
	if (!ret)
		ret = crypto_kpp_set_secret(tfm, packed, crypto_ecdh_key_len(&params));
	return ret;
}

static int measure(struct crypto_kpp *tfm, struct kpp_request *req, u8 *point, u64 *ns)
{
	struct scatterlist dst;
	unsigned int i;
	ktime_t start;
	int ret;

	for (i = 0; i < runs; i++) {
		ret = set_random_secret(tfm);
		if (ret)
			return ret;
		sg_init_one(&dst, point, POINT_SIZE);
		kpp_request_set_input(req, NULL, 0);
		kpp_request_set_output(req, &dst, POINT_SIZE);
		kpp_request_set_callback(req, 0, NULL, NULL);
		start = ktime_get();
		ret = crypto_kpp_generate_public_key(req);
		if (ret)
			return ret;
		ns[i] = ktime_to_ns(ktime_sub(ktime_get(), start));
	}
	sort(ns, runs, sizeof(*ns), compare, NULL);
	median_ns = ns[runs / 2];
	return 0;
}

static int __init kppbench_init(void)
{
	struct kpp_request *req = NULL;
	struct crypto_kpp *tfm;
	u8 *point = NULL;
	u64 *ns = NULL;
	int ret = -ENOMEM;

	if (!runs || runs > MAX_RUNS)
		return -EINVAL;
	tfm = crypto_alloc_kpp(DRIVER, 0, CRYPTO_ALG_ASYNC);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	req = kpp_request_alloc(tfm, GFP_KERNEL);
	point = kmalloc(POINT_SIZE, GFP_KERNEL);
	ns = kcalloc(runs, sizeof(*ns), GFP_KERNEL);
	if (req && point && ns)
		ret = measure(tfm, req, point, ns);
	kfree(ns);
	kfree(point);
	kpp_request_free(req);
	crypto_free_kpp(tfm);
	return ret;
}

static void __exit kppbench_exit(void)
{
}

module_init(kppbench_init);
module_exit(kppbench_exit);
MODULE_DESCRIPTION("time of one generate_public_key, for tests/bench");
MODULE_LICENSE("GPL");
