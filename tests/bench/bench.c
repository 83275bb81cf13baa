// SPDX-License-Identifier: GPL-2.0
/*
 * bench.c - what the measuring programs have in common
 */
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void must(int ret, const struct zkhsm_error *err, const char *what)
{
	if (ret < 0)
		die("%s: %s (%d)", what, err->text, ret);
}

uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t median(uint64_t *samples, size_t count)
{
	qsort(samples, count, sizeof(*samples), compare);
	return samples[count / 2];
}

uint64_t percentile(uint64_t *samples, size_t count, unsigned int percent)
{
	size_t rank = (count * percent + 99) / 100;

	qsort(samples, count, sizeof(*samples), compare);
	return samples[rank ? rank - 1 : 0];
}

void figure(const char *name, double value)
{
	printf("%s %.6g\n", name, value);
	fflush(stdout);
}

void fill_random(void *buf, size_t len)
{
	if (RAND_bytes(buf, (int)len) != 1)
		die("no random bytes");
}
