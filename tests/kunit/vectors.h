/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vectors.h - the answers that the module compares itself with at load
 *
 * There they are in a section that is freed; the suites run later. To be
 * included last: what comes behind would lose its sections.
 */
#ifndef ZKHSM_KUNIT_VECTORS_H
#define ZKHSM_KUNIT_VECTORS_H

#include <linux/init.h>

#undef __initconst
#define __initconst

#include "testvecs.h"

#endif /* ZKHSM_KUNIT_VECTORS_H */
