/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What hsm-seal gives out, kept as a store would, and given back to hsm-unseal.
 */
#ifndef ZKHSM_SEALED_H
#define ZKHSM_SEALED_H

#include "hsm.h"

#define SEALED_RECORDS_MAX	64
#define SEALED_LEN_MAX		8192

struct sealed_item {
	uint8_t bytes[SEALED_LEN_MAX];
	size_t len;
};

/**
 * struct sealed - one whole sealing
 * @blob_len: of the KEK as the TPM sealed it, 0 when there was none
 * @count: of @records, which are those that @head counts
 */
struct sealed {
	uint64_t sequence;
	struct sealed_item head;
	uint8_t blob[ZKHSM_KEK_BLOB_MAX_LEN + 1];
	size_t blob_len;
	unsigned int count;
	struct sealed_item records[SEALED_RECORDS_MAX];
};

/* Everything there is; the errno is in h->a. @rekey with @serial, which 0 leaves out. */
int sealed_take(struct hsm *h, struct sealed *s, bool rekey, int32_t serial);
int sealed_commit(struct hsm *h, const struct sealed *s);
/* Both, or the test ends. */
void sealed_store(struct hsm *h, struct sealed *s);

/* The head with a KEK by @serial or, when that is 0, by the blob, if there is one. */
int sealed_begin(struct hsm *h, const struct sealed *s, int32_t serial);
/* Records and finish. */
int sealed_finish(struct hsm *h, const struct sealed *s);
/* The three in turn, up to the first that is refused. */
int sealed_restore(struct hsm *h, const struct sealed *s, int32_t serial);

#endif /* ZKHSM_SEALED_H */
