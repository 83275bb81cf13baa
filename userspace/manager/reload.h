/* SPDX-License-Identifier: GPL-2.0 */
/*
 * reload.h - SIGHUP: what is read again while the manager runs
 */
#ifndef ZKHSM_RELOAD_H
#define ZKHSM_RELOAD_H

#include "policy.h"

/*
 * The policy, and all files that it and the configuration name, can be used. What
 * --check-config says, and what a start and a reload depend on.
 */
int zkhsmd_check_files(struct zkhsmd *m, const struct zkhsmd_policy *p, struct zkhsm_error *err);

/* On the loop: from now on SIGHUP reads again. */
int zkhsmd_reload_start(struct zkhsmd *m, struct zkhsm_error *err);
void zkhsmd_reload_stop(struct zkhsmd *m);

#endif /* ZKHSM_RELOAD_H */
