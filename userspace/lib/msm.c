// SPDX-License-Identifier: GPL-2.0
/*
 * The bucket method (Pippenger; Bernstein, Doumen, Lange, Oosterwijk, "Faster
 * batch forgery identification", section 4) on P-256.
 *
 * Coefficients are cut into digits of @bits bits with a sign. For each place
 * the points are sorted into buckets by their digit there, and the buckets
 * summed by pairs: one affine addition is a slope, and the inversions of a whole
 * round of pairs are made one by Montgomery's trick, which leaves 6
 * multiplications for an addition where Jacobian coordinates take 11.
 * sum(digit * bucket) is then a running sum. What is exact where, points that
 * are equal, opposite or infinity, is the business of p256_point.c. Below FEW
 * points buckets are mostly empty: then msm_few.c.
 */
#include "msm.h"

#include <stdlib.h>

#include "msm_few.h"
#include "zkhsm.h"

#define COEFFICIENT_BITS 128
#define FEW		96		/* measured */
/* Points at a time: more would not stay in a processor's cache. */
#define CHUNK		4096
/* Points of one or more places that are summed together, to share inversions. */
#define GROUP		4096
#define BITS_MIN	2
#define BITS_MAX	10
#define PLACES_MAX	(COEFFICIENT_BITS / BITS_MIN + 1)

struct pair {
	uint32_t left, right;		/* of @items; the sum goes into @left */
	struct p256_fe below, before;	/* to be inverted; the product of those before */
};

struct bucket {
	uint32_t start, count;		/* of @items, @stride apart */
};

struct zkhsm_msm {
	struct p256_jacobian sum;	/* of the chunks before */
	size_t count, size;
	struct p256_affine *points;	/* @size of them, here and below */
	uint8_t (*coefficients)[16];
	int16_t *digits;		/* of the point @i at the place @p: [p * count + i] */
	struct p256_affine *items;	/* @size + GROUP */
	struct pair *pairs;		/* half of that */
	struct bucket *buckets;		/* of the places in a group, one after the other */
	size_t buckets_size;
	struct msm_few *few;		/* instead of all these from @digits on */
};

static unsigned int places_of(unsigned int bits)
{
	/* One more than full, for the last carry. */
	return COEFFICIENT_BITS / bits + 1;
}

static size_t half_of(unsigned int bits)
{
	return (size_t)1 << (bits - 1);
}

static size_t places_together(size_t count, unsigned int bits)
{
	size_t n = GROUP / (count ? count : 1), places = places_of(bits);

	return n < 1 ? 1 : n < places ? n : places;
}

/* In multiplications: 6 for each addition, 27 for a bucket's part in the running sum. */
static unsigned int best_bits(size_t count)
{
	unsigned int best = BITS_MIN;
	size_t cost, least = SIZE_MAX;

	for (unsigned int bits = BITS_MIN; bits <= BITS_MAX; bits++) {
		cost = places_of(bits) * (6 * count + 27 * half_of(bits));
		if (cost < least) {
			least = cost;
			best = bits;
		}
	}
	return best;
}

static bool make_room(struct zkhsm_msm *m)
{
	size_t most = places_of(BITS_MIN) * half_of(BITS_MIN);

	m->points = malloc(m->size * sizeof(*m->points));
	m->coefficients = malloc(m->size * sizeof(*m->coefficients));
	if (m->size < FEW) {
		m->few = malloc(m->size * sizeof(*m->few));
		return m->points && m->coefficients && m->few;
	}
	/* The last chunk can have any number of points up to this, and its own best width. */
	for (unsigned int bits = BITS_MIN + 1; bits <= best_bits(m->size); bits++) {
		if (places_of(bits) * half_of(bits) > most)
			most = places_of(bits) * half_of(bits);
	}
	m->buckets_size = most;
	m->digits = malloc(m->size * PLACES_MAX * sizeof(*m->digits));
	m->items = malloc((m->size + GROUP) * sizeof(*m->items));
	m->pairs = malloc((m->size + GROUP) / 2 * sizeof(*m->pairs));
	m->buckets = malloc(m->buckets_size * sizeof(*m->buckets));
	return m->points && m->coefficients && m->digits && m->items && m->pairs && m->buckets;
}

struct zkhsm_msm *zkhsm_msm_new(size_t points)
{
	struct zkhsm_msm *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->size = points < 1 ? 1 : points < CHUNK ? points : CHUNK;
	if (make_room(m))
		return m;
	zkhsm_msm_free(m);
	return NULL;
}

void zkhsm_msm_free(struct zkhsm_msm *m)
{
	if (!m)
		return;
	free(m->points);
	free(m->coefficients);
	free(m->digits);
	free(m->items);
	free(m->pairs);
	free(m->buckets);
	free(m->few);
	free(m);
}

/* coefficient = sum(digit_p * 2^(p * bits)), each at most half of 2^bits either way. */
static void cut(struct zkhsm_msm *m, size_t i, unsigned int bits)
{
	const uint64_t limbs[3] = { get_unaligned_be64(m->coefficients[i] + 8),
				    get_unaligned_be64(m->coefficients[i]), 0 };
	const int full = 1 << bits;
	int digit, carry = 0;

	for (unsigned int p = 0; p < places_of(bits); p++) {
		unsigned int at = p * bits, limb = at / 64, shift = at % 64;
		uint64_t part = limbs[limb] >> shift;

		if (shift + bits > 64)
			part |= limbs[limb + 1] << 1 << (63 - shift);
		digit = (int)(part & (uint64_t)(full - 1)) + carry;
		carry = digit > full / 2;
		m->digits[p * m->count + i] = (int16_t)(carry ? digit - full : digit);
	}
}

/* The points into the buckets of one place, which begins at @items; where it ends. */
static uint32_t sort(struct zkhsm_msm *m, const int16_t *digits, struct bucket *buckets,
		     size_t half, uint32_t at)
{
	memset(buckets, 0, half * sizeof(*buckets));
	for (size_t i = 0; i < m->count; i++) {
		if (digits[i])
			buckets[abs(digits[i]) - 1].count++;
	}
	for (size_t b = 0; b < half; b++) {
		buckets[b].start = at;
		at += buckets[b].count;
		buckets[b].count = 0;
	}
	for (size_t i = 0; i < m->count; i++) {
		struct bucket *b;
		struct p256_affine *item;

		if (!digits[i])
			continue;
		b = &buckets[abs(digits[i]) - 1];
		item = &m->items[b->start + b->count++];
		*item = m->points[i];
		if (digits[i] < 0)
			p256_fe_negate(&item->y, &item->y);
	}
	return at;
}

/* Pairs of neighbours, @stride apart, in all buckets; how many. */
static size_t find_pairs(struct zkhsm_msm *m, size_t buckets, uint32_t stride)
{
	size_t n = 0;

	for (size_t b = 0; b < buckets; b++) {
		struct bucket *k = &m->buckets[b];

		for (uint32_t i = 0; i + 1 < k->count; i += 2) {
			m->pairs[n].left = k->start + i * stride;
			m->pairs[n++].right = k->start + (i + 1) * stride;
		}
		/* What was alone stays in its place, which is where the next round looks. */
		k->count = (k->count + 1) / 2;
	}
	return n;
}

/* One inversion for all pairs: each takes its own out of that of the product. */
static void sum_pairs(struct zkhsm_msm *m, size_t count)
{
	struct p256_fe product = p256_one, inverse;

	for (size_t i = 0; i < count; i++) {
		struct pair *p = &m->pairs[i];

		p256_pair_begin(&m->items[p->left], &m->items[p->right], &p->below);
		p->before = product;
		p256_fe_mul(&product, &product, &p->below);
	}
	p256_fe_invert(&product, &product);
	for (size_t i = count; i-- > 0;) {
		struct pair *p = &m->pairs[i];

		p256_fe_mul(&inverse, &product, &p->before);
		p256_fe_mul(&product, &product, &p->below);
		p256_pair_end(&m->items[p->left], &m->items[p->left], &m->items[p->right],
			      &inverse);
	}
}

/* sum((b + 1) * bucket b), from the highest down: each is in every partial sum below. */
static void sum_buckets(const struct zkhsm_msm *m, const struct bucket *buckets, size_t half,
			struct p256_jacobian *total)
{
	struct p256_jacobian running;

	memset(&running, 0, sizeof(running));
	memset(total, 0, sizeof(*total));
	for (size_t b = half; b-- > 0;) {
		if (buckets[b].count)
			p256_add_affine(&running, &running, &m->items[buckets[b].start]);
		p256_add(total, total, &running);
	}
}

/* Places @from and down to, not including, @to: sum = sum * 2^bits + that place's, for each. */
static void sum_places(struct zkhsm_msm *m, unsigned int from, unsigned int to, unsigned int bits,
		       struct p256_jacobian *sum)
{
	const size_t half = half_of(bits), buckets = (from - to) * half;
	struct p256_jacobian place;
	uint32_t end = 0, stride = 1;
	size_t pairs;

	for (unsigned int p = to; p < from; p++)
		end = sort(m, m->digits + p * m->count, m->buckets + (p - to) * half, half, end);
	for (; (pairs = find_pairs(m, buckets, stride)); stride *= 2)
		sum_pairs(m, pairs);
	while (from-- > to) {
		for (unsigned int i = 0; i < bits; i++)
			p256_double(sum, sum);
		sum_buckets(m, m->buckets + (from - to) * half, half, &place);
		p256_add(sum, sum, &place);
	}
}

static void sum_chunk(struct zkhsm_msm *m)
{
	unsigned int bits = best_bits(m->count), left = places_of(bits);
	struct p256_jacobian sum;

	if (m->few) {
		msm_few_add(&m->sum, m->points, (const uint8_t (*)[16])m->coefficients, m->count,
			    m->few);
		m->count = 0;
		return;
	}
	for (size_t i = 0; i < m->count; i++)
		cut(m, i, bits);
	memset(&sum, 0, sizeof(sum));
	while (left) {
		unsigned int n = (unsigned int)places_together(m->count, bits);

		n = n < left ? n : left;
		sum_places(m, left, left - n, bits, &sum);
		left -= n;
	}
	p256_add(&m->sum, &m->sum, &sum);
	m->count = 0;
}

void zkhsm_msm_add(struct zkhsm_msm *m, const uint8_t point[65], const uint8_t coefficient[16])
{
	if (m->count == m->size)
		sum_chunk(m);
	p256_affine_load(&m->points[m->count], point);
	memcpy(m->coefficients[m->count++], coefficient, sizeof(*m->coefficients));
}

bool zkhsm_msm_sum(struct zkhsm_msm *m, uint8_t sum[65])
{
	if (m->count)
		sum_chunk(m);
	return p256_encode(&m->sum, sum);
}
