/* SPDX-License-Identifier: GPL-2.0 */
/*
 * System calls whose traces stay: each is the last one of a process of its own,
 * which then spins in user mode. Whatever the call left on its kernel stack is
 * still there, where the next system call would overwrite it.
 */
#ifndef ZKHSM_MEMORY_HOT_H
#define ZKHSM_MEMORY_HOT_H

#include <sys/types.h>

/* One process of each kind spins, the latest. */
enum kind { ADD_KEY, HSM_NEW, GENERATE, IMPORT, SIGN, PROVE, EVIDENCE, REFUSED, DELETE, ORDER,
	    SEAL, COMMIT, UNSEAL_HEAD, UNSEAL_RECORD, UNSEAL_FINISH, SHARE_ENTER, SHARE_DROP,
	    UNLOAD, KINDS };

void hot_start(void);
/* In a new process, the previous one of its kind being gone: 0 there. */
pid_t hot_fork(enum kind kind);
/* There, with the result of the call. */
void hot_spin(long result) __attribute__((noreturn));
/* Here: that result. */
long hot_wait(enum kind kind);
void hot_end_all(void);

#endif /* ZKHSM_MEMORY_HOT_H */
