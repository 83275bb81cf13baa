// SPDX-License-Identifier: GPL-2.0
/*
 * kernel.c - what scalar.o as built for the kernel calls, in user space
 */
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARCH_SET_GS 0x1001	/* asm/prctl.h */

unsigned long __crypto_memneq(const void *a, const void *b, size_t len);

/* Called with registers that no C function would keep. */
__asm__(".globl __fentry__, __x86_return_thunk\n"
	"__fentry__:\n"
	"__x86_return_thunk:\n"
	"	ret\n");

/* The kernel's is assembly of the same kind. */
unsigned long __crypto_memneq(const void *a, const void *b, size_t len)
{
	const unsigned char *x = a, *y = b;
	unsigned long diff = 0;

	while (len--)
		diff |= (unsigned long)(*x++ ^ *y++);
	return diff;
}

/* Where the kernel's stack protector finds its canary: %gs:40. */
static char per_cpu[64];

static __attribute__((constructor)) void set_gs(void)
{
	syscall(SYS_arch_prctl, ARCH_SET_GS, per_cpu);
}
