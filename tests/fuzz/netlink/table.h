/* SPDX-License-Identifier: GPL-2.0 */
/*
 * table.h - the family as its spec says it; table.c is written by gen-table
 */
#ifndef ZKHSM_NLFUZZ_TABLE_H
#define ZKHSM_NLFUZZ_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum nlf_kind { NLF_NONE, NLF_U32, NLF_U64, NLF_STRING, NLF_BINARY, NLF_NEST };

/* Which set of attributes, and so how a value of one of them is made. */
enum nlf_set { NLF_HSM, NLF_KEY, NLF_PROOF, NLF_CHALLENGE, NLF_EVIDENCE, NLF_LIST, NLF_MANAGER,
	       NLF_ORDER, NLF_SEAL, NLF_SHARE, NLF_LEASE, NLF_KEY_LEASE, NLF_SETS };

/**
 * struct nlf_attr - one attribute
 * @min, @max: of a string or binary, its length in bytes without terminator;
 *	of a number, its value. Equal and zero: not said.
 */
struct nlf_attr {
	const char *name;
	enum nlf_kind kind;
	uint32_t min;
	uint32_t max;
};

enum nlf_class { NLF_PUBLIC, NLF_OWNER, NLF_AGENT, NLF_ADMIN, NLF_EVENT };

/**
 * struct nlf_cmd - one command
 * @request, @reply, @part: attributes, one bit each: what a request may have,
 *	what an answer and what a part of a dump may have
 * @dump_request: what the request for a dump may have
 * @attrs: by number, up to @attr_max
 */
struct nlf_cmd {
	const char *name;
	enum nlf_class class;
	enum nlf_set set;
	bool has_do;
	bool has_dump;
	bool has_reply;
	uint32_t request;
	uint32_t reply;
	uint32_t part;
	uint32_t dump_request;
	const struct nlf_attr *attrs;
	uint8_t attr_max;
};

/* By number of the command; one without a name is not a command. */
#define NLF_COMMANDS	32
extern const struct nlf_cmd nlf_commands[NLF_COMMANDS];

extern const struct nlf_attr *const nlf_sets[NLF_SETS];
extern const uint8_t nlf_set_max[NLF_SETS];

/* By enum zkhsm_reason; no errno: the spec names several. */
struct nlf_reason {
	const char *name;
	int error;
};

extern const struct nlf_reason nlf_reasons[];
extern const uint32_t nlf_reason_count;

#endif /* ZKHSM_NLFUZZ_TABLE_H */
