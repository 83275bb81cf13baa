/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What hsm-seal gives out, kept as a store would, and given back to hsm-unseal.
 */
#ifndef ZKHSM_SEALED_H
#define ZKHSM_SEALED_H

#include "hsm.h"

#define SEALED_RECORDS_MAX	64
#define SEALED_LEN_MAX		8192

/* @name: a key's id, or an element name; @len is 0 for one that is removed. */
struct sealed_item {
	uint32_t kind;
	uint8_t name[ZKHSM_ID_MAX_LEN + 1];
	uint8_t bytes[SEALED_LEN_MAX];
	size_t len;
};

/**
 * struct sealed - one whole sealing
 * @blob_len: of the KEK as the TPM sealed it, 0 when there was none
 * @counted: how many records @head counts
 * @count: of @records; of everything, that is those that @head counts
 * @removed: how many of @records are but word that there is none any more
 */
struct sealed {
	uint64_t sequence;
	struct sealed_item head;
	uint8_t blob[ZKHSM_KEK_BLOB_MAX_LEN + 1];
	size_t blob_len;
	uint32_t counted;
	unsigned int count;
	unsigned int removed;
	struct sealed_item records[SEALED_RECORDS_MAX];
};

/* 32 bytes of @fill in the keyring. */
int32_t sealed_kek(uint8_t fill);
/* hsm-new of class keyring; the errno is in h->a. */
int sealed_new(struct hsm *h, int32_t serial, uint32_t quorum, uint32_t stop, uint32_t wipe);
/* An empty module, another load of it. */
void sealed_empty(struct hsm *h);
/* The two of them, or the test ends. */
void sealed_fresh(struct hsm *h, int32_t serial, uint32_t quorum, uint32_t stop, uint32_t wipe);

/* Everything there is; the errno is in h->a. @rekey with @serial, which 0 leaves out. */
int sealed_take(struct hsm *h, struct sealed *s, bool rekey, int32_t serial);
/* What has changed since the last commit. */
int sealed_changes(struct hsm *h, struct sealed *s);
/* The same of a dump that somebody else asked for. */
int sealed_receive(struct hsm *h, struct sealed *s);
int sealed_commit(struct hsm *h, const struct sealed *s);
/* Everything and its commit, or the test ends. */
void sealed_store(struct hsm *h, struct sealed *s);
/* As a store would: what @changes has takes the place of what @s has of that name. */
void sealed_merge(struct sealed *s, const struct sealed *changes);
/* NULL when it is not there. @name is a string for a key, 32 bytes for votes. */
struct sealed_item *sealed_find(struct sealed *s, uint32_t kind, const void *name);

/* The head with a KEK by @serial or, when that is 0, by the blob, if there is one. */
int sealed_begin(struct hsm *h, const struct sealed *s, int32_t serial);
/* Records and finish. */
int sealed_finish(struct hsm *h, const struct sealed *s);
/* The three in turn, up to the first that is refused. */
int sealed_restore(struct hsm *h, const struct sealed *s, int32_t serial);

#endif /* ZKHSM_SEALED_H */
