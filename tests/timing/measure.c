// SPDX-License-Identifier: GPL-2.0
/*
 * measure.c - Welch's t-test on times, a fixed secret against random ones
 *
 * After Reparaz, Balasch, Verbauwhede, "Dude, is my code constant time?" (DATE
 * 2017). The classes are interleaved in random order, both go through the
 * same preparation, and what the machine adds (interrupts, neighbours) only
 * ever adds: so the test is made on all times and again without the slowest
 * 1, 5, 10, 25 and 50 in a hundred.
 *
 * Where a call uses a nonce, its times are also told apart by properties of
 * the nonce: a signer that tells the length of its nonces loses its key
 * (Minerva, CVE-2019-15809), whatever the key does to the time.
 *
 * A statistic is beyond the limit when its absolute value is 4.5 or more, which
 * happens by chance once in 10^5; more often where nearly all times are the
 * same few ticks, and there are dozens of statistics. So a leak, in the code and
 * in its leaky variants alike, is what is beyond the limit at the same cut and in
 * the same direction in two out of three series, each measured afresh with
 * other random secrets; the third only when the first two do not agree.
 */
#include <immintrin.h>
#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include <openssl/rand.h>

#include "timing.h"

#define LIMIT		4.5
#define MOST		200000	/* samples of a series */
#define LEAST		200
#define WARM_UP		50

static const double crops[] = { 1, 0.99, 0.95, 0.9, 0.75, 0.5, 0.25, 0.1 };
#define CROPS (sizeof(crops) / sizeof(crops[0]))

static double seconds = 2;	/* of a series */

static const struct {
	const char *name;
	unsigned char head[4], tail;
} fixed[] = {
	{ "2", { 0 }, 2 },
	{ "2^254+2", { 0x40 }, 2 },
	{ "n-5", { 0xff, 0xff, 0xff, 0xff }, 0x4c },
};
static const unsigned char order[32] = {
	0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
	0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};

static struct sample {
	double ticks;
	bool random;
	bool drawn;	/* the nonce */
	unsigned char nonce[32];
} samples[MOST];
static double sorted[MOST];

/* Classes of samples: 0, 1, or neither. A scalar that is fixed has no property. */
static int by_secret(const struct sample *s)
{
	return s->random;
}

static int by_length(const struct sample *s)
{
	return s->drawn ? s->nonce[0] < 0x20 : -1;
}

static int by_lowest_bit(const struct sample *s)
{
	return s->drawn ? s->nonce[31] & 1 : -1;
}

static int by_weight(const struct sample *s)
{
	int i, weight = 0;

	for (i = 0; i < 32; i++)
		weight += __builtin_popcount(s->nonce[i]);
	return !s->drawn || weight == 128 ? -1 : weight > 128;
}

/* How often a bit differs from the one before it: a ladder swaps then. */
static int by_changes(const struct sample *s)
{
	int i, changes = 0;

	for (i = 0; i < 32; i++) {
		unsigned int wide = s->nonce[i] << 8 | (i < 31 ? s->nonce[i + 1] : 0);

		changes += __builtin_popcount((wide ^ wide >> 1) >> 8 & 0x7f) +
			   ((wide >> 8 ^ wide >> 7) & 1);
	}
	return !s->drawn || changes == 128 ? -1 : changes > 128;
}

static const struct {
	const char *name;
	int (*class)(const struct sample *s);
} by_nonce[] = {
	{ "nonces of 253 bits or fewer", by_length },
	{ "nonces that are odd", by_lowest_bit },
	{ "nonces of more ones than zeros", by_weight },
	{ "nonces that change more often than not", by_changes },
};

#define NONCES (sizeof(by_nonce) / sizeof(by_nonce[0]))

/* For each cut: -1, 0, 1. */
struct verdict {
	int t[CROPS], z[CROPS];
};

struct moments {
	double n, mean, m2;
};

static void add_moment(struct moments *m, double x)
{
	double delta = x - m->mean;

	m->n++;
	m->mean += delta / m->n;
	m->m2 += delta * (x - m->mean);
}

static double welch(const struct moments *a, const struct moments *b)
{
	double var = a->m2 / (a->n - 1) / a->n + b->m2 / (b->n - 1) / b->n;

	if (a->n < 30 || b->n < 30)
		return 0;
	if (var > 0)
		return (b->mean - a->mean) / sqrt(var);
	return a->mean == b->mean ? 0 : 1e9;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* How many of a class are among the fastest, against how many should be. */
static double imbalance(const double all[2], const double fast[2])
{
	double n = all[0] + all[1], k = fast[0] + fast[1], p = all[1] / n;

	if (k < 60 || n - k < 60)
		return 0;
	return (k * p - fast[1]) / sqrt(k * p * (1 - p) * (n - k) / (n - 1));
}

static int beyond_limit(double statistic)
{
	return (statistic >= LIMIT) - (statistic <= -LIMIT);
}

/* Which statistics are beyond the limit, and in what direction. Says everything. */
static void evaluate(const char *what, unsigned int count,
		     int (*class)(const struct sample *s), struct verdict *v)
{
	double t[CROPS], z[CROPS], all[2] = { 0 }, fast[2];
	unsigned int crop, i;
	struct moments m[2];

	for (crop = 0; crop < CROPS; crop++) {
		double limit = sorted[(unsigned int)((count - 1) * crops[crop])];

		memset(m, 0, sizeof(m));
		for (i = 0; i < count; i++) {
			int c = class(&samples[i]);

			if (c >= 0 && samples[i].ticks <= limit)
				add_moment(&m[c], samples[i].ticks);
		}
		fast[0] = m[0].n;
		fast[1] = m[1].n;
		if (!crop)
			memcpy(all, fast, sizeof(all));
		t[crop] = welch(&m[0], &m[1]);
		z[crop] = imbalance(all, fast);
		v->t[crop] = beyond_limit(t[crop]);
		v->z[crop] = beyond_limit(z[crop]);
	}
	printf("# %s: %.0f samples, t =", what, all[0] + all[1]);
	for (crop = 0; crop < CROPS; crop++)
		printf(" %+.1f", t[crop]);
	printf(", z =");
	for (crop = 1; crop < CROPS; crop++)
		printf(" %+.1f", z[crop]);
	printf("; fastest tenth %+.3f %% of %.0f ticks\n",
	       100 * (m[1].mean - m[0].mean) / m[0].mean, m[0].mean);
}

/* Of the processor's time, so that a series is as long on a busy machine... */
static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t ticks(void)
{
	unsigned int core;
	uint64_t t = __rdtscp(&core);

	_mm_lfence();
	return t;
}

static unsigned int random_number(void)
{
	static unsigned int pool[4096], left;

	if (!left) {
		if (RAND_bytes((unsigned char *)pool, sizeof(pool)) != 1)
			abort();
		left = sizeof(pool) / sizeof(pool[0]);
	}
	return pool[--left];
}

static bool is_random[TIMING_POOL];

/* Half of the places, drawn anew each time. */
static void draw_places(void)
{
	unsigned int i;

	for (i = 0; i < TIMING_POOL; i++)
		is_random[i] = i & 1;
	for (i = TIMING_POOL - 1; i; i--) {
		unsigned int j = random_number() % (i + 1);
		bool other = is_random[j];

		is_random[j] = is_random[i];
		is_random[i] = other;
	}
}

static void fill_pool(const struct timing_target *target, unsigned int kind)
{
	unsigned char secret[32], other[32];
	unsigned int i;

	memset(secret, 0, sizeof(secret));
	memcpy(secret, fixed[kind].head, 4);
	if (fixed[kind].head[0] == 0xff)
		memcpy(secret, order, 31);
	secret[31] = fixed[kind].tail;
	if (target->fix)
		target->fix(secret);
	draw_places();
	for (i = 0; i < TIMING_POOL; i++) {
		do {
			if (RAND_bytes(other, sizeof(other)) != 1)
				abort();
		} while (memcmp(other, order, 31) >= 0);
		target->pool(i, is_random[i] ? other : secret);
	}
}

static unsigned int series(const struct timing_target *target)
{
	double end = now(CLOCK_PROCESS_CPUTIME_ID) + seconds;
	/* ...up to a point. */
	double latest = now(CLOCK_MONOTONIC) + 3 * seconds;
	unsigned int i, count = 0;

	for (i = 0; i < target->samples + WARM_UP; i++) {
		struct sample *s = &samples[count];
		unsigned int which = random_number() % TIMING_POOL;
		uint64_t start, stop;

		if (i % 64 == 0 && (now(CLOCK_PROCESS_CPUTIME_ID) > end ||
				    now(CLOCK_MONOTONIC) > latest))
			break;

		s->random = is_random[which];
		target->set(which);
		_mm_mfence();
		start = ticks();
		target->call();
		stop = ticks();
		s->ticks = (double)(stop - start);
		memcpy(s->nonce, timing_nonce, sizeof(s->nonce));
		s->drawn = s->random || !target->scalar;
		count += i >= WARM_UP;
	}
	for (i = 0; i < count; i++)
		sorted[i] = samples[i].ticks;
	qsort(sorted, count, sizeof(sorted[0]), compare);
	return count;
}

static bool has_nonce(unsigned int count)
{
	static const unsigned char zero[32];

	return count && memcmp(samples[count - 1].nonce, zero, sizeof(zero));
}

/* What one series says: by the secret, and by each property of the nonce. */
struct verdicts {
	struct verdict by[1 + NONCES];
};

static void look(const struct timing_target *target, unsigned int kind, struct verdicts *v)
{
	unsigned int i, count;
	char what[100];

	memset(v, 0, sizeof(*v));
	fill_pool(target, kind);
	count = series(target);
	if (count < LEAST) {
		printf("%s: %u samples only, the machine is too busy\n", target->name, count);
		exit(1);
	}
	snprintf(what, sizeof(what), "%s, %s against random", target->name, fixed[kind].name);
	evaluate(what, count, by_secret, &v->by[0]);
	for (i = 0; has_nonce(count) && i < NONCES; i++) {
		snprintf(what, sizeof(what), "%s, %s", target->name, by_nonce[i].name);
		evaluate(what, count, by_nonce[i].class, &v->by[i + 1]);
	}
}

/* Where two series are beyond the limit together, as bits of comparisons. */
static unsigned int agree(const struct verdicts *a, const struct verdicts *b)
{
	unsigned int i, crop, both = 0;

	for (i = 0; i < 1 + NONCES; i++)
		for (crop = 0; crop < CROPS; crop++)
			both |= (a->by[i].t[crop] * b->by[i].t[crop] > 0 ||
				 a->by[i].z[crop] * b->by[i].z[crop] > 0) << i;
	return both;
}

static bool quiet(const struct verdicts *v)
{
	static const struct verdicts none;

	return !memcmp(v, &none, sizeof(none));
}

static unsigned int leaks(const struct timing_target *target, unsigned int kind)
{
	struct verdicts first, second, third;
	unsigned int both;

	look(target, kind, &first);
	look(target, kind, &second);
	both = agree(&first, &second);
	if (both || (quiet(&first) && quiet(&second)))
		return both;
	look(target, kind, &third);
	return agree(&first, &third) | agree(&second, &third);
}

int main(int argc, char **argv)
{
	const struct timing_target *target;
	const char *wanted = argc > 1 ? argv[1] : "", *only = argc > 3 ? argv[3] : "";
	cpu_set_t set;
	unsigned int kind;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2)
		seconds = atof(argv[2]);
	CPU_ZERO(&set);
	CPU_SET((unsigned int)sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
	timing_init();

	/* One line per comparison, which tests/timing/run reads. */
	for (target = timing_targets; target->name; target++) {
		if (*wanted && strcmp(wanted, target->name))
			continue;
		for (kind = 0; kind < sizeof(fixed) / sizeof(fixed[0]); kind++)
			if (!*only || !strcmp(only, fixed[kind].name))
				printf("%s %s, fixed %s\n", leaks(target, kind) ? "leaky" : "clean",
				       target->name, fixed[kind].name);
	}
	return 0;
}
