/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The virtual machine's PID 1: boot.c brings the machine up, session.c runs
 * the host's commands, health.c decides at the end whether the kernel is
 * unharmed, report.c carries that out.
 */
#ifndef ZKHSM_VM_INIT_H
#define ZKHSM_VM_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MODULE_PATH	"/zkhsm/zkhsm.ko"
#define DISK_PATH	"/disk"

/* How many commands the host may run at once; one port each. */
#define SESSIONS	4

/* boot.c */
bool boot_machine(void);
bool boot_disk(void);
void disk_end(void);
bool boot_module(void);
int open_port(const char *name);
int run_wait(const char *const argv[]);

/* session.c */
pid_t session_start(const char *port);

/* report.c */
bool report_open(void);
void report_problem(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void report_finish(void);

/* kcsan.c */
bool kcsan_line(const char *text);
void kcsan_end(void);

/* health.c */
void health_check(void);

#endif
