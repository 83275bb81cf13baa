/* SPDX-License-Identifier: GPL-2.0 */
/*
 * notify.h - what systemd is told (sd_notify(3)); nothing where NOTIFY_SOCKET is not set
 */
#ifndef ZKHSM_NOTIFY_H
#define ZKHSM_NOTIFY_H

#include "manager.h"

/* It listens. */
void zkhsmd_notify_ready(struct zkhsmd *m);
/* A reload begins; ended by zkhsmd_notify_ready(), whether or not it worked. */
void zkhsmd_notify_reloading(void);
void zkhsmd_notify_stopping(void);
/* In tick.c: alive, while no thread is stuck in one job. */
void zkhsmd_notify_tick(struct zkhsmd *m, struct zkhsmd_time now);

#endif /* ZKHSM_NOTIFY_H */
