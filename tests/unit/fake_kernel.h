/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fake_kernel.h - what a store talks to, without a kernel
 *
 * Keys are numbers under names. Nothing is encrypted: the body of a record is
 * the number, that of the head the exclusive or of the records' digests, which
 * stands for the set digest. Given out, committed and refused is as the kernel
 * does it.
 */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include "store_private.h"

#define FAKE_KEYS_MAX	256

struct fake_key {
	char name[STORE_NAME_SIZE];	/* as in the store */
	uint32_t content;
	bool there, dirty;
	uint8_t *record, *given;	/* committed, and given out since */
	size_t len, given_len;
};

struct fake_kernel {
	bool there;			/* has an identity */
	bool dead;			/* nothing is answered any more */
	bool refuse_commit;
	uint8_t hsm_id[32], kek_id[16], next_kek_id[16], instance[16];
	uint32_t kek_class, boot_count;
	uint64_t sequence, committed, given;
	bool given_rekey, head_dirty;
	struct fake_key keys[FAKE_KEYS_MAX];
	size_t count;
	unsigned int commits;
	/* What is being unsealed. */
	struct zkhsm_sealed head;
	uint8_t set[32];
};

extern struct fake_kernel fake_hsm;
extern const struct zkhsm_store_kernel fake_ops;

void fake_reset(void);				/* as loaded: no identity */
void fake_new(uint8_t hsm, uint32_t kek_class);	/* hsm-new */
void fake_set(const char *name, uint32_t content);
void fake_del(const char *name);
/* "k-a=1 k-b=2", what is there; caller frees. */
char *fake_state(void);
/* A sealed record of these; caller frees. */
uint8_t *fake_record(const char *name, const uint8_t hsm_id[32], const uint8_t kek_id[16],
		     uint64_t sequence, uint32_t content, size_t *len);

#endif /* FAKE_KERNEL_H */
