/* SPDX-License-Identifier: GPL-2.0 */
/*
 * wire-bytes.h - a good encoding with one thing wrong, for the suites that have many
 */
#ifndef ZKHSM_KUNIT_WIRE_BYTES_H
#define ZKHSM_KUNIT_WIRE_BYTES_H

#include "kunit.h"

#define ROOM	1024

/* Bytes to put at a place, and what comes of it. */
struct wrong {
	const char *what;
	u32 at;
	u8 len;
	u8 bytes[8];
	int err;
};

static inline u8 *buffer_new(struct kunit *test)
{
	u8 *buf = kunit_kzalloc(test, ROOM, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	return buf;
}

typedef int (*decode_fn)(struct kunit *test, const u8 *buf, size_t len);

static inline void each_wrong(struct kunit *test, u8 *buf, size_t len, const struct wrong *w,
			      u32 count, decode_fn decode)
{
	u8 kept[8];
	u32 i;

	KUNIT_EXPECT_EQ(test, decode(test, buf, len), 0);
	for (i = 0; i < count; i++) {
		memcpy(kept, buf + w[i].at, sizeof(kept));
		memcpy(buf + w[i].at, w[i].bytes, w[i].len);
		KUNIT_EXPECT_EQ_MSG(test, decode(test, buf, len), w[i].err, "%s", w[i].what);
		memcpy(buf + w[i].at, kept, sizeof(kept));
	}
	KUNIT_EXPECT_EQ(test, decode(test, buf, len), 0);
}

#endif /* ZKHSM_KUNIT_WIRE_BYTES_H */
