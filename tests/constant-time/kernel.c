// SPDX-License-Identifier: GPL-2.0
/*
 * kernel.c - what any object that was built for the kernel calls, in user space
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
	"	ret\n"
	".irp reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15\n"
	".globl __x86_indirect_thunk_\\reg\n"
	"__x86_indirect_thunk_\\reg:\n"
	"	jmp *%\\reg\n"
	".endr\n");

/* The kernel's is assembly of the same kind. */
unsigned long __crypto_memneq(const void *a, const void *b, size_t len)
{
	const unsigned char *x = a, *y = b;
	unsigned long diff = 0;

	while (len--)
		diff |= (unsigned long)(*x++ ^ *y++);
	return diff;
}

/*
 * What is found through %gs: the stack protector's canary at 40 and, at an
 * offset that the linker is told, the number of this processor, 0.
 */
static char per_cpu[4096];

static __attribute__((constructor)) void set_gs(void)
{
	syscall(SYS_arch_prctl, ARCH_SET_GS, per_cpu);
}
