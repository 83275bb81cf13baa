// SPDX-License-Identifier: GPL-2.0
/*
 * memory.c - the kernel's allocator and other small things, by the C library
 *
 * Built with -mincoming-stack-boundary=3, see host.c.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* Data of the kernel whose types do not matter: a mask of processors, caches. */
unsigned long __cpu_possible_mask[128] = { 1 };
unsigned int nr_cpu_ids = 1;
char kmalloc_caches[65536];

unsigned int __bitmap_weight(const unsigned long *bitmap, unsigned int bits);
unsigned int __bitmap_weight(const unsigned long *bitmap, unsigned int bits)
{
	(void)bits;
	return (unsigned int)__builtin_popcountl(*bitmap);
}

/* Each as its kernel declares it. */
void *memchr_inv(const void *p, int c, size_t len);
void fortify_panic(void);
void __fortify_panic(void);
void *__kmalloc(size_t size, unsigned int flags);
void *__kmalloc_noprof(size_t size, unsigned int flags);
void *kmalloc_trace(void *cache, unsigned int flags, size_t size);
void *__kmalloc_cache_noprof(void *cache, unsigned int flags, size_t size);
void kfree(const void *p);
void kfree_sensitive(const void *p);

void *memchr_inv(const void *p, int c, size_t len)
{
	const unsigned char *b = p;

	while (len && *b == (unsigned char)c) {
		len--;
		b++;
	}
	return len ? (void *)b : NULL;
}

void fortify_panic(void)
{
	abort();
}

void __fortify_panic(void)
{
	abort();
}

void *__kmalloc(size_t size, unsigned int flags)
{
	(void)flags;
	return calloc(1, size);
}

void *__kmalloc_noprof(size_t size, unsigned int flags)
{
	return __kmalloc(size, flags);
}

void *kmalloc_trace(void *cache, unsigned int flags, size_t size)
{
	(void)cache;
	return __kmalloc(size, flags);
}

void *__kmalloc_cache_noprof(void *cache, unsigned int flags, size_t size)
{
	return kmalloc_trace(cache, flags, size);
}

void kfree(const void *p)
{
	free((void *)p);
}

void kfree_sensitive(const void *p)
{
	explicit_bzero((void *)p, malloc_usable_size((void *)p));
	free((void *)p);
}
