/* SPDX-License-Identifier: GPL-2.0 */
/*
 * audit_chain.h - whether an audit log is what was written
 *
 * Line by line: each is one entry as the manager wrote it, and has the hash of the one
 * before. What the chain cannot say by itself, that its end is the end, a signed head
 * says.
 */
#ifndef ZKHSM_AUDIT_CHAIN_H
#define ZKHSM_AUDIT_CHAIN_H

#include <jansson.h>
#include <stdbool.h>

#include "zkhsm.h"

#define AUDIT_HEAD_TYPE	"zkhsm-audit-head+jwt"

/* What a signed head says. */
struct audit_head {
	uint64_t number;
	uint8_t hash[32];
	int64_t issued_s;
	const char *what;		/* "the head in FILE", for messages */
};

/**
 * struct audit_chain - what was seen so far; begins zeroed but for @heads
 * @first, @number, @hash: the first entry, the newest one, and its hash
 * @heads:	@head_count of them that the log has to agree with
 */
struct audit_chain {
	uint64_t first, number;
	uint8_t hash[32];
	struct audit_head heads[2];
	size_t head_count;
	/* An entry that is not there, until it is known whether it stands further on. */
	uint64_t gap, gap_end;
	/* @number has another hash than the next entry says: one of the two was changed. */
	bool suspect;
	uint8_t suspect_hash[32];
};

/* A line without its newline. -EBADMSG: it is no entry; -EKEYREJECTED: not what was written. */
int audit_chain_line(struct audit_chain *c, const char *line, size_t len, struct zkhsm_error *err);
/* The same after the last one: also what was cut off. */
int audit_chain_end(const struct audit_chain *c, struct zkhsm_error *err);
/* Of a JWS that @jwks verifies; @what must live on. -EBADMSG, -EKEYREJECTED. */
int audit_head_read(const json_t *jwks, const char *jws, const char *what, struct audit_head *out,
		    struct zkhsm_error *err);

#endif /* ZKHSM_AUDIT_CHAIN_H */
