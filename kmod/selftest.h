/* SPDX-License-Identifier: GPL-2.0 */
/*
 * selftest.h - known answers at load
 */
#ifndef ZKHSM_SELFTEST_H
#define ZKHSM_SELFTEST_H

#include <linux/init.h>

/**
 * zkhsm_selftest() - compare this kernel's arithmetic with fixed vectors
 *
 * Needs zkhsm_hash_init() and zkhsm_group_init(), nothing else, and runs
 * before any key exists. Logs the name of the test that failed.
 *
 * Return: 0; -ELIBBAD when an answer is wrong (the errno with which the
 * crypto API itself answers for an algorithm that failed its self-test);
 * -ENOMEM. main.c refuses the load with it.
 */
int __init zkhsm_selftest(void);

#endif /* ZKHSM_SELFTEST_H */
