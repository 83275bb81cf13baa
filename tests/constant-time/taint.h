/* SPDX-License-Identifier: GPL-2.0 */
/*
 * taint.h - between what is compiled as kernel code and what as a program
 *
 * world.c, gates.c and answers.c see the kernel's headers, host.c those of the
 * C library, valgrind and OpenSSL; no file can see both.
 */
#ifndef TAINT_H
#define TAINT_H

/* Secrets are undefined memory to memcheck, and so is all that comes of them. */
void taint_secret(void *p, unsigned long len);
void taint_public(void *p, unsigned long len);
/* Whether any bit in there is secret; asking reports nothing. */
int taint_is_secret(const void *p, unsigned long len);

/* A point of declassification; what was secret until then is counted by name. */
void taint_release(const char *gate, void *p, unsigned long len);

/* Where answers go: what zkhsm_scalar_to_be() writes into it is released. */
void taint_answer(const void *p, unsigned long len);
int taint_in_answer(const void *p, unsigned long len);

/* A condition of the test itself; a fault that the module reported. */
void taint_expect(int good, const char *what);
extern int taint_faults;

/* Entropy, a secret. */
void host_random(void *buf, unsigned long len);

/* Stand-ins on declassified copies; the result is secret when an input is. */
void *host_hash_new(void);
void host_hash_update(void *hash, const void *data, unsigned long len);
void host_hash_final(void *hash, unsigned char out[32]);
void host_hmac_sha512(const unsigned char *key, unsigned long key_len,
		      const unsigned char *msg, unsigned long len, unsigned char out[64]);
/* k * peer by OpenSSL; the range is the kernel's, 1 < k < n - 2. */
int host_scalar_refused(const unsigned char k[32]);
int host_ladder(const unsigned char k[32], const unsigned char peer[64], unsigned char x[32]);

/* The next HMAC gives zeros, the next scalar is refused by the driver. */
extern int host_zero_hmac, host_refuse_scalar;

int answers(void);

#endif /* TAINT_H */
