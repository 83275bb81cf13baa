/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bench.h - what the measuring programs have in common
 *
 * They print raw figures, one "name value" per line; tests/bench/report.py
 * makes ratios of them, because only these travel from machine to machine.
 */
#ifndef ZKHSM_BENCH_H
#define ZKHSM_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "zkhsm.h"

/* Ends the program with the sentence of @err when @ret is negative. */
void must(int ret, const struct zkhsm_error *err, const char *what);
void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...);

uint64_t now_ns(clockid_t clock);
uint64_t median(uint64_t *samples, size_t count);	/* sorts them */
/* The least that @percent of them do not exceed (nearest rank); sorts them. */
uint64_t percentile(uint64_t *samples, size_t count, unsigned int percent);
void figure(const char *name, double value);
void fill_random(void *buf, size_t len);

#endif /* ZKHSM_BENCH_H */
