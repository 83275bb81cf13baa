// SPDX-License-Identifier: GPL-2.0
/*
 * Loading the module while memory gives out: it is refused with ENOMEM and
 * leaves nothing, or, where the fault was absorbed, it is loaded and can go.
 *
 * Each allocation costs a load, and most are those of the self-test, all by the
 * same few lines of the KPP driver. So only some of them are tried, more at the
 * beginning and the end of our init function; with ZKHSM_DEEP set in the
 * environment, every one from its beginning on. What the module loader itself
 * allocates before is not ours, and tracing warns when it gets none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults.h"
#include "leaks.h"

#define FIRST	16	/* hashes, transforms */
#define LAST	48	/* keys' cache, nonces, family */
#define STEP	4	/* among these */
#define SAMPLES	4	/* of the self-test's */

struct load {
	const char *params;
	int ret;
};

static void load(void *arg)
{
	struct load *l = arg;

	l->ret = module_load(l->params);
}

static void unload(void)
{
	int ret = module_loaded() ? module_unload() : 0;

	require(!ret, "rmmod: %s", strerrorname_np(-ret));
}

static void nothing_left(unsigned int nth)
{
	struct nlraw nl;
	int ret = nlraw_open(&nl);

	check(ret == -ENOENT, "load %u: the family: %s", nth,
	      ret ? strerrorname_np(-ret) : "there");
	if (!ret)
		nlraw_close(&nl);
	check(!module_loaded(), "load %u: refused, but there", nth);
	check(access("/sys/kernel/slab/zkhsm_key", F_OK), "load %u: its cache of keys is left",
	      nth);
}

static struct {
	unsigned int tried, refused, absorbed;
} counts;

static void one_load(unsigned int nth)
{
	struct load l = { "", 0 };
	bool fired;

	faults_arm(nth);
	load(&l);
	fired = faults_disarm();
	check(!l.ret || (fired && l.ret == -ENOMEM), "load %u: %s", nth, strerrorname_np(-l.ret));
	if (!l.ret)
		unload();
	nothing_left(nth);
	counts.tried++;
	counts.refused += l.ret < 0;
	counts.absorbed += fired && !l.ret;
}

/* Which of @total is to fail after the @nth; @init of them are over when init begins. */
static unsigned int next(unsigned int nth, unsigned int init, unsigned int total)
{
	const unsigned int first = init + FIRST, last = total - LAST;
	unsigned int to;

	if (getenv("ZKHSM_DEEP"))
		return nth + 1;
	if (nth < first || nth >= last)
		return nth + STEP;
	to = nth + (last - first) / SAMPLES + 1;
	return to < last ? to : last;
}

static void refused(void)
{
	struct load good = { "", 0 }, bad = { "evidence_rate=0", 0 };
	unsigned int nth, init, total;

	faults_begin();
	unload();
	/* Once before anything is counted: what the crypto API makes, it keeps. */
	require(!module_load(""), "insmod");
	unload();
	init = faults_count(load, &bad);
	require(bad.ret == -EINVAL, "a bad parameter: %s", strerrorname_np(-bad.ret));
	total = faults_count(load, &good);
	require(!good.ret, "insmod: %s", strerrorname_np(-good.ret));
	unload();
	require(total > init + FIRST + LAST, "%u allocations, %u before init", total, init);

	for (nth = init + 1; nth <= total; nth = next(nth, init, total))
		one_load(nth);
	ktap_note("%u allocations, %u before init; %u tried, %u refused, %u absorbed", total, init,
		  counts.tried, counts.refused, counts.absorbed);
	check(counts.refused, "no load was refused");
	/* What is counted differs by a few from load to load. */
	check(counts.refused + counts.absorbed >= counts.tried * 3 / 4,
	      "of %u faults only %u were met", counts.tried, counts.refused + counts.absorbed);
	check(!module_load(""), "a load with memory");
	unload();
	faults_end();
}

/*
 * sysfs_slab_add() of 6.12 does not put the kobject that it could not add, and
 * so loses its name. Every other leak is ours.
 */
static void no_leak(void)
{
	leaks_check("sysfs_slab_add");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "refused", refused },
		{ "no_leak", no_leak },
	};

	return faults_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
