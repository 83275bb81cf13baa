/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * wire-io.h - what every encoder and decoder of the protocol is made of
 *
 * A reader and a writer that remember that they ran out, so that one test at
 * the end is enough. For wire*.c, and tpm*.c, whose TPM has the same byte order.
 */
#ifndef ZKHSM_WIRE_IO_H
#define ZKHSM_WIRE_IO_H

#include "wire.h"

struct zkhsm_writer {
	u8 *p;
	size_t left;
	size_t len;
	bool full;
};

/* Reading past the end is remembered, and every later read fails: one test at the end is enough. */
static inline const u8 *take(struct zkhsm_reader *r, size_t len)
{
	const u8 *p = r->p;

	if (r->bad || r->left < len) {
		r->bad = true;
		return NULL;
	}
	r->p += len;
	r->left -= len;
	return p;
}

static inline void take_bytes(struct zkhsm_reader *r, void *out, size_t len)
{
	const u8 *p = take(r, len);

	/* Built for KASAN, gcc 12 takes what is there for empty, and warns. */
	OPTIMIZER_HIDE_VAR(p);
	if (p)
		memcpy(out, p, len);
	else
		memset(out, 0, len);
}

static inline u8 take_u8(struct zkhsm_reader *r)
{
	const u8 *p = take(r, 1);

	return p ? *p : 0;
}

static inline u16 take_u16(struct zkhsm_reader *r)
{
	const u8 *p = take(r, 2);

	return p ? get_unaligned_be16(p) : 0;
}

static inline u32 take_u32(struct zkhsm_reader *r)
{
	const u8 *p = take(r, 4);

	return p ? get_unaligned_be32(p) : 0;
}

static inline u64 take_u64(struct zkhsm_reader *r)
{
	const u8 *p = take(r, 8);

	return p ? get_unaligned_be64(p) : 0;
}

static inline u8 take_header(struct zkhsm_reader *r)
{
	const u8 *p = take(r, ZKHSM_HEADER_LEN);

	if (!p || memcmp(p, ZKHSM_MAGIC, ZKHSM_MAGIC_LEN) ||
	    get_unaligned_be16(p + 6) != ZKHSM_WIRE_VERSION) {
		r->bad = true;
		return 0;
	}
	return p[5];
}

static inline void expect_header(struct zkhsm_reader *r, u8 type)
{
	if (take_header(r) != type)
		r->bad = true;
}

static inline int reader_end(const struct zkhsm_reader *r)
{
	return r->bad || r->left ? -EBADMSG : 0;
}

static inline void put(struct zkhsm_writer *w, const void *data, size_t len)
{
	if (w->full || w->left < len) {
		w->full = true;
		return;
	}
	memcpy(w->p, data, len);
	w->p += len;
	w->left -= len;
	w->len += len;
}

static inline void put_u8(struct zkhsm_writer *w, u8 v)
{
	put(w, &v, 1);
}

static inline void put_u16(struct zkhsm_writer *w, u16 v)
{
	u8 b[2];

	put_unaligned_be16(v, b);
	put(w, b, sizeof(b));
}

static inline void put_u32(struct zkhsm_writer *w, u32 v)
{
	u8 b[4];

	put_unaligned_be32(v, b);
	put(w, b, sizeof(b));
}

static inline void put_u64(struct zkhsm_writer *w, u64 v)
{
	u8 b[8];

	put_unaligned_be64(v, b);
	put(w, b, sizeof(b));
}

static inline void put_header(struct zkhsm_writer *w, u8 type)
{
	put(w, ZKHSM_MAGIC, ZKHSM_MAGIC_LEN);
	put_u8(w, type);
	put_u16(w, ZKHSM_WIRE_VERSION);
}

static inline int writer_end(const struct zkhsm_writer *w)
{
	return w->full ? -EMSGSIZE : (int)w->len;
}

static inline bool reason_valid(u8 reason)
{
	/* 7 is unused in RFC 5280. */
	return reason <= ZKHSM_REVOCATION_REASON_AA_COMPROMISE &&
	       reason != ZKHSM_REVOCATION_REASON_UNUSED;
}

#endif /* ZKHSM_WIRE_IO_H */
