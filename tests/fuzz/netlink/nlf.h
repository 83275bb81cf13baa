/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nlf.h - the fuzzer of the netlink family, and what its files share
 *
 * An input is one to six steps; a step is 64 bytes, from which one datagram
 * and what becomes of its socket follow. Steps name objects by slot ("key 3",
 * "the manager's next order"), so an input means the same in another kernel,
 * where identities, keys and nonces have other bytes.
 *
 *	step.c		how inputs are made and changed
 *	value.c		a value for an attribute
 *	order.c		signed orders, changed before they are signed, or after
 *	kept.c		what was sealed, to be unsealed: whole, in parts, changed
 *	message.c	a step's datagram
 *	run.c		sends it, reads what comes, looks for a harmed kernel
 *	judge.c		what an answer may look like
 *	secret.c	the bytes that none may have in it
 *	learn.c		what an answer tells about the state
 *	world.c		the state: identity, managers, keys, secrets
 *	after.c		what has to be true between two rounds
 *	record.c	inputs leave the machine before they are run
 *	cover.c		KCOV, and the inputs that reached something new
 *	fuzz.c		options, processes, report
 */
#ifndef ZKHSM_NLFUZZ_H
#define ZKHSM_NLFUZZ_H

#include <linux/netlink.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../selftests/nlraw.h"
#include "table.h"
#include "zkhsm.h"

#define STEPS_MAX	6
#define STEP_LEN	64
#define INPUT_MAX	(STEPS_MAX * STEP_LEN)
#define VALUES_MAX	10

/* struct nlf_step - 64 bytes, each meaning something whatever it is. */
struct nlf_step {
	uint8_t cmd;		/* which command; see step_command() */
	uint8_t how;		/* enum nlf_how, in the low bits */
	uint8_t socket;		/* the main one (0), or one of those beside it */
	uint8_t changes;	/* low half: of attributes; high half: of a payload */
	struct {
		uint8_t sel;	/* 0 the default, below 128 valid, else a special value */
		uint8_t arg;
	} value[VALUES_MAX];
	struct {
		uint8_t op, where, a, b;
	} change[4];
	struct {
		uint8_t op, hi, lo, value;
	} payload[4];
	uint8_t order[4];	/* type, manager, number, signature */
	uint8_t expand[4];	/* where a few bytes more are needed: a seed */
};
_Static_assert(sizeof(struct nlf_step) == STEP_LEN, "a step is 64 bytes");

struct nlf_input {
	uint32_t count;
	struct nlf_step step[STEPS_MAX];
};

/* What is done with the datagram. */
enum nlf_how {
	HOW_SEND = 0,		/* 0 to 9: one message, answers read */
	HOW_MANY = 10,		/* as many messages as the step's expand says, of this kind */
	HOW_DUMP = 11,		/* and reads all of it */
	HOW_ABANDON = 12,	/* a dump, of which one part is read at most */
	HOW_CLOSE = 13,		/* closes the socket behind the request */
	HOW_LISTEN = 14,	/* subscribes or unsubscribes, reads what events there are */
	HOW_RAW = 15,		/* bytes without form behind a header */
};
#define HOW_MASK	15

#define KEYS		12	/* slots for ids */
#define SECRETS		10	/* scalars that may be imported */
#define MANAGERS	20	/* more than can be pinned */
#define PINNED		6	/* so many are, at first */
#define DIGESTS		4
#define SERIALS		16
#define KEKS		4	/* the last two are also there as shares */
#define SHARES		8	/* three of one, three of another, two that are none */
#define STATEMENTS	16	/* the latest evidence, for leases to answer */
#define SIDE_SOCKETS	3
#define WORKERS_MAX	8

/* UIDs of hsm.h; this one is offered to nobody as an owner or agent. */
#define UID_STRANGER	64007

struct nlf_manager {
	EVP_PKEY *key;
	uint8_t public[65];
	uint8_t id[32];
};

/* Made once from the seed, before any process is started. */
struct nlf_fixed {
	uint64_t seed;
	struct nlf_manager manager[MANAGERS];
	uint8_t secret[SECRETS][32];
	uint8_t secret_public[SECRETS][65];
	uint8_t secret_element[SECRETS][32];
	uint8_t kek[KEKS][32];
	uint8_t kek_id[KEKS][16];
	uint8_t share[SHARES][ZKHSM_SHARE_LEN];
};

/* What a round begins with. */
enum nlf_kind_of_world {
	WORLD_PLAIN,	/* an identity, keys, managers, and no KEK */
	WORLD_EMPTY,	/* an identity is for the fuzzer to make */
	WORLD_KEK,	/* as plain, and sealed once */
	WORLD_SEALED,	/* empty, and what an earlier one with a KEK left is there to unseal */
	WORLD_LOCKED,	/* as with a KEK, and hsm-lock is let through: the module stays for good */
};

#define KEPT_HEAD_MAX	(16 * 1024)
#define KEPT_RECORD_MAX	2048
#define KEPT_RECORDS	48
#define LOOSE		16

struct nlf_record {
	uint32_t len;
	uint8_t bytes[KEPT_RECORD_MAX];
};

/* One whole sealing. */
struct nlf_kept {
	uint64_t sequence;
	unsigned int kek;	/* of fixed.kek[] */
	uint32_t keys;		/* how many of the records are keys */
	uint32_t count;		/* of records that are here */
	uint32_t counted;	/* as the head says */
	uint32_t head_len;	/* 0: nothing has been kept */
	uint8_t head[KEPT_HEAD_MAX];
	struct nlf_record record[KEPT_RECORDS];
};

/* Which one. */
enum nlf_which { KEPT_NEW, KEPT_OLD, KEPT_OTHER, KEPT };

#define PC_BITS		(1u << 22)	/* text of the module, by byte */
#define EDGE_BITS	(1u << 18)
#define CORPUS_MAX	4096

/* What the processes share. Racy where it does not matter. */
struct nlf_world {
	enum nlf_kind_of_world kind;

	/* what was sealed: whole, by ourselves between two rounds, and whatever was given out */
	struct nlf_kept kept[KEPT];
	struct nlf_record loose[LOOSE];
	atomic_uint loose_count;
	atomic_ullong sequence;
	atomic_uint unsealed;
	atomic_uint leased;
	atomic_uint changed;

	/* what the kernel told last */
	uint8_t hsm_id[32];
	uint8_t identity[65];
	uint8_t instance_id[16];
	struct {
		atomic_bool known;
		uint8_t public[65];
		uint8_t element[32];
	} key[KEYS];
	atomic_ullong last_number[MANAGERS];
	uint8_t digest[DIGESTS][32];
	atomic_uint digests;
	uint8_t statement[STATEMENTS][32];
	atomic_uint statements;
	uint8_t config[ZKHSM_CONFIGURATION_MAX_LEN];
	atomic_uint config_len;

	/* what has been done */
	atomic_ullong executions;
	atomic_ullong steps;
	atomic_ullong done[NLF_COMMANDS];
	atomic_ullong refused[NLF_COMMANDS];
	atomic_ullong checked;
	atomic_uint slowest_ms[NLF_COMMANDS];
	atomic_ullong reasons[2];	/* a bit for each */

	/* what went wrong, the first of it */
	atomic_bool stop;
	atomic_uint findings;
	struct {
		atomic_ullong since_ms;	/* 0: between two inputs */
		struct nlf_input now;
	} worker[WORKERS_MAX];

	/* coverage */
	uint64_t text;
	atomic_uint pcs, edges;
	atomic_uint cmd_edges[NLF_COMMANDS];
	uint8_t pc_map[PC_BITS / 8];
	uint8_t edge_map[EDGE_BITS / 8];
	uint8_t cmd_edge_map[NLF_COMMANDS][EDGE_BITS / 8];
	atomic_int corpus_lock;
	atomic_uint corpus_count;
	struct nlf_input corpus[CORPUS_MAX];
};

extern struct nlf_fixed fixed;
extern struct nlf_world *world;

/* One message of ours that the kernel will look at. */
#define ASKED_MAX	16
struct nlf_asked {
	uint32_t seq;
	uint8_t cmd;
	uint16_t flags;
	bool answered;
	bool dump;
	bool fits;	/* the spec allows it, as far as the spec can say */
	bool judged;	/* headers as they should be: the rules for answers apply */
	bool rekey;		/* a dump of hsm-seal that only an administrator may ask for */
	bool headed;		/* its head has been told */
	uint8_t last_id[66];	/* the last id or manager in a dump */
	uint32_t parts;
};

struct nlf_socket {
	struct nlraw nl;
	bool open;
	bool listening;
	bool lost;		/* answers that did not fit */
	uint32_t asked_count;
	struct nlf_asked asked[ASKED_MAX];
};

#define DATAGRAM_MAX	(160 * 1024)

struct nlf_worker {
	unsigned int number;
	uid_t uid;
	uint64_t random;
	struct nlf_socket main;
	struct nlf_socket side[SIDE_SOCKETS];
	int32_t serial[SERIALS];
	int32_t kek[KEKS];
	int32_t share[SHARES];
	uint32_t seq;
	int kcov;
	uint64_t *area;
	int taint;
	int log;	/* -1 in all processes but the first */
	const struct nlf_input *input;
	unsigned int step;
	uint8_t datagram[DATAGRAM_MAX];
	size_t len;
};

/* step.c */
uint64_t random_next(uint64_t *state);
uint32_t random_below(uint64_t *state, uint32_t limit);
uint8_t step_command(const struct nlf_step *s);
void input_fresh(struct nlf_input *in, uint64_t *random);
void input_change(struct nlf_input *in, const struct nlf_input *other, uint64_t *random);
bool input_decode(struct nlf_input *in, const uint8_t *bytes, size_t len);

/* value.c: the length, at most @room; writes nothing else. */
#define VALUE_MAX	(64 * 1024)
size_t value_make(struct nlf_worker *w, const struct nlf_step *s, enum nlf_set set, int attr,
		  uint8_t sel, uint8_t arg, uint8_t *out);
const char *key_slot_name(unsigned int slot);
/* One of those that are pinned at first, mostly. */
unsigned int manager_slot(uint8_t arg);
int key_slot_find(const char *name);

/* order.c */
size_t order_build(const struct nlf_step *s, uint8_t *out);
/* The same of a grant, whatever the step says of its type. */
size_t grant_build(const struct nlf_step *s, uint8_t *out);
void payload_change(const struct nlf_step *s, uint8_t *bytes, size_t *len, size_t room);

/* kept.c */
size_t kept_head(const struct nlf_step *s, uint8_t sel, uint8_t arg, uint8_t *out);
size_t kept_record(const struct nlf_step *s, uint8_t sel, uint8_t arg, uint8_t *out);
void kept_learn(const uint8_t *bytes, size_t len);
struct hsm;
/* Everything there is, sealed and committed, to @out; 0 or an errno. With a KEK: rekeyed. */
int kept_take(struct hsm *h, int32_t rekey, struct nlf_kept *out);
/* What waits. */
int kept_commit(struct hsm *h);
int kept_unseal(struct hsm *h, const struct nlf_kept *k);

/* message.c: w->datagram and w->len, and what it asks for, in @sock */
void message_build(struct nlf_worker *w, struct nlf_socket *sock, const struct nlf_step *s);
void message_note(struct nlf_worker *w, struct nlf_socket *sock);

/* run.c */
bool socket_open(struct nlf_socket *s);
void socket_close(struct nlf_socket *s);
void input_run(struct nlf_worker *w, const struct nlf_input *in);
void finding(struct nlf_worker *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool kernel_harmed(int fd);
uint64_t now_ms(void);

/* judge.c */
void judge_buffer(struct nlf_worker *w, struct nlf_socket *sock, const uint8_t *buf, size_t len);
bool judge_fits(const struct nlf_cmd *c, bool dump, const uint8_t *attrs, size_t len);

/* secret.c */
void secrets_prepare(void);
bool secrets_in(const uint8_t *buf, size_t len);

/* learn.c */
void learn(struct nlf_worker *w, struct nlf_asked *asked, const uint8_t *attrs, size_t len);

/* world.c */
void fixed_make(uint64_t seed);
void world_start(enum nlf_kind_of_world kind);
void worker_start(struct nlf_worker *w, unsigned int number);

/* after.c */
bool after_round(char *why, size_t size);

/* record.c */
void record_open(void);
void record(const struct nlf_worker *w, const struct nlf_input *in);

/* cover.c */
void cover_open(struct nlf_worker *w);
void cover_module(void);
void cover_begin(struct nlf_worker *w);
/* Whether something new was reached. */
bool cover_end(struct nlf_worker *w, uint8_t cmd);
void corpus_add(const struct nlf_input *in);
bool corpus_pick(struct nlf_input *in, uint32_t which);
bool corpus_write(const char *directory);

#endif /* ZKHSM_NLFUZZ_H */
