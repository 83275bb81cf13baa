/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the processes and threads of the stress share: a board in shared memory
 * that says what has been begun and what has been acknowledged. Whoever asks
 * the kernel anything looks at the board before and after, and from the two
 * knows which answers were possible meanwhile; any other is a failure.
 *
 * The order in which the board is written is what makes it an oracle: an
 * intention before the request is sent, the outcome after the acknowledgment
 * has been read. All of it is sequentially consistent.
 */
#ifndef ZKHSM_STRESS_H
#define ZKHSM_STRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../selftests/hsm.h"

#define WORLDS		24	/* loads of the module */
#define SLOTS		24	/* keys at a time, of the kinds below */
#define RECORDS		6000	/* keys in one world */
#define MANAGERS	3	/* the last is the guest: pinned and unpinned */
#define GUEST		2
#define IDS		4	/* wanted by several threads at once */
#define SCALARS		4	/* imported by several threads at once */
#define TOLD_MAX	60000	/* events of one world */
#define ROLES		20
#define FLIGHTS		8	/* users whose sockets others look into */

/* What happens to the key of a slot, besides being used, listed and deleted. */
enum kind {
	KIND_REVOKED,	/* root's: held, never released, revoked */
	KIND_HELD,	/* root's: held and released */
	KIND_OWNED,	/* UID_OWNER's: switched off and on, given away and back */
	KIND_QUIET,	/* UID_OWNER's: not deleted before the end */
	KINDS,
};

/*
 * Something that is closed and opened again, by one thread at a time: 4k open,
 * 4k + 1 being closed, 4k + 2 closed, 4k + 3 being opened. It never goes back,
 * so equal values before and after mean that nothing was done meanwhile.
 */
struct toggle {
	atomic_uint phase;
	atomic_ullong order;	/* that closed it last, if it was one */
};

#define OPEN	0u
#define CLOSED	2u

/* Only ever set; *ING before the request, *ED after its acknowledgment. */
#define CREATED		(1u << 0)
#define REVOKING	(1u << 1)
#define REVOKED		(1u << 2)
#define DELETING	(1u << 3)
#define DELETED		(1u << 4)
#define NARROWING	(1u << 5)
#define NARROWED	(1u << 6)

/* One key, from before it is made; the id is its slot's and will be used again. */
struct record {
	char id[16];
	enum kind kind;
	atomic_uint flags;
	uint8_t public[65];		/* from CREATED on */
	uint8_t element[32];
	uint64_t revoked_by;		/* order of manager 1, from REVOKING on */
	struct toggle held, inactive, given;
};

/* One event about a key, as it was heard. */
struct told {
	uint32_t event, state;
	char id[20];
	uint8_t public[65];
};

/* One load of the module. */
struct world {
	uint8_t hsm_id[32];
	atomic_uint used;
	struct record records[RECORDS];
	atomic_int slots[SLOTS];	/* the record, -1: none yet */
	struct {
		atomic_ullong drawn;	/* numbers given out */
		atomic_ullong acked;	/* applied in turn and acknowledged */
	} orders[MANAGERS];
	struct toggle guest;		/* closed: not pinned */
	struct toggle agent;		/* closed: not UID_AGENT */
	struct toggle tombs[SCALARS];	/* closed: the element is held */
	atomic_uint holders[IDS], importers[SCALARS];
	atomic_uint evidence;		/* the highest number acknowledged */
	atomic_ullong generation;
	atomic_uint created, deleted;
	atomic_uint creating;		/* asked for, and not counted as @created yet */
	/* By the listener alone. */
	atomic_uint told_count;
	atomic_bool overrun;
	struct told told[TOLD_MAX];
};

/* A use that is in the kernel, for whoever stops the key meanwhile. */
struct flight {
	atomic_int fd;			/* -1: no such user */
	atomic_int record;
	/* 0: none; else its number, and how its key was stopped while it had no answer. */
	atomic_uint number;
};

#define DOOMED	(1u << 31)	/* for ever */
#define STOPPED	(1u << 30)	/* until a toggle is opened again */

struct tally {
	atomic_uint done;	/* answers that were judged strictly */
	atomic_uint refused;	/* of these */
	atomic_uint unsettled;	/* answers while the module came or went */
};

struct board {
	/* Even: settled, in worlds[epoch / 2] from 1 on; odd: the module goes and comes. */
	atomic_uint epoch;
	atomic_uint loaded;	/* the even epoch to come, once the module is in */
	atomic_uint heard;	/* the one that the listener listens in */
	atomic_bool over;	/* end what you are doing */
	atomic_bool deaf;	/* the others have ended: end listening */
	/* While the identity of the next world is made nobody may leave anything in it. */
	atomic_bool halt;
	atomic_uint parked, threads;
	/* Evidence that is being made: few change things under it, or none ever would be. */
	atomic_uint calm;
	atomic_uint operations;
	atomic_uint doomed, late, evidence;
	struct tally roles[ROLES];
	struct world worlds[WORLDS];
};

extern struct board *board;
extern struct manager managers[MANAGERS];
extern uint8_t scalars[SCALARS][32], scalar_elements[SCALARS][32];

struct stress_options {
	unsigned int seconds;		/* of the whole */
	unsigned int operations;	/* 0: no limit */
	unsigned int reload;		/* seconds between two loads, 0: one load */
	unsigned int seed;
};

extern struct stress_options options;

/* One thread: its socket, and the world it believes to be in. */
struct worker {
	struct hsm h;
	const char *role;
	struct tally *tally;
	struct world *world;
	unsigned int epoch;
	unsigned int seed;
	unsigned int number;	/* among those of its role */
	struct flight *flight;
	unsigned int flown;
	bool creating;		/* it is one of world.creating */
	/* What the role keeps in this world, and how it goes. */
	void *own;
	void (*disown)(void *own);
};

/* board.c */
void board_init(void);
struct world *board_world(unsigned int epoch);
struct record *record_of(struct world *w, unsigned int slot, int *index);
struct record *record_new(struct world *w, unsigned int slot, int *index);
void flags_set(struct record *r, unsigned int flags);
void number_raise(atomic_ullong *at, unsigned long long to);

bool toggle_take(struct toggle *t, unsigned int from);
void toggle_leave(struct toggle *t, unsigned int to);
/* Whether it can have been open, or closed, at some moment between the two. */
bool may_be_open(unsigned int before, unsigned int after);
bool may_be_closed(unsigned int before, unsigned int after);
/* Whether somebody has begun to open it since. */
bool opened(unsigned int before, unsigned int after);

/* What is known of a key at one moment. */
struct view {
	unsigned int flags, held, inactive, given;
	uint64_t held_by;	/* order of manager 0, or a later one than @held tells of */
};

struct view look(struct record *r);

/* Whether a key can have been in @state, and whether it must have been there, all the time. */
bool state_possible(const struct view *before, const struct view *after, uint32_t state);
bool view_must_be_there(const struct view *before, const struct view *after);

/* worker.c */
typedef void worker_fn(struct worker *w);	/* one step */

/* A process of user @uid with a thread for each of @fns, until NULL. */
struct crew {
	const char *name;
	unsigned int role;
	worker_fn *fn;
	unsigned int threads;
	bool flies;
	bool moves;	/* changes what evidence is about */
	bool outlives;
};

pid_t crew_start(uid_t uid, const struct crew *crews);
void crew_tally(const struct crew *crews);
unsigned int pick(struct worker *w, unsigned int below);
void pick_bytes(struct worker *w, uint8_t *out, size_t len);
void breathe(void);
/* The world is not the one any more that the step was begun in. */
bool unsettled(struct worker *w);
/* False when the answer in w->h.a was given in an unsettled world: then it has been judged. */
bool settled(struct worker *w, const char *what);
/* That the answer is one of the (errno, reason) that @allowed says. */
void judge(struct worker *w, const char *what, bool allowed);
bool is(const struct nlraw_answer *a, int error, uint32_t reason);
/* The two halves of a use that somebody may stop while it is in the kernel. */
void flight_send(struct worker *w, int index, struct nl_msg *msg);
unsigned int flight_receive(struct worker *w);
/* The key has been stopped, and that acknowledged: what is in flight must fail. */
void doom_all(int index);
/* The same unless it is released before the use gets there. */
void hold_all(int index);

/* life.c */
worker_fn keep, want_id, want_scalar;

/* use.c */
worker_fn use_root, use_owned, switch_owned, give_owned;

/* vote.c */
worker_fn hold_and_release, bury;
/*
 * Signs and sends an order of manager @m about one element until its turn has
 * come; @applied is called once, after the first acknowledgment. False when
 * the world ended meanwhile.
 */
bool order_send(struct worker *w, unsigned int m, uint8_t type, uint64_t number,
		const uint8_t element[32], void (*applied)(void *arg), void *arg);
uint64_t order_draw(struct world *w, unsigned int m);

/* attest.c */
worker_fn attester;

/* dump.c */
worker_fn dump_all_keys, dump_own_keys, dump_managers;

/* admin.c */
worker_fn change_hsm, change_trust, get_hsm;

/* listen.c */
worker_fn listen_all, listen_seldom, join_and_leave;

/* world.c: the module's comings and goings, and what is left at the end */
void world_first(void);
void world_begin(struct hsm *h, unsigned int epoch);
void world_reload(struct hsm *h);
void world_refuse_unload(struct hsm *h);
void world_balance(struct hsm *h);
void world_empty(struct hsm *h);

/* told.c */
void world_told(struct hsm *h);

#endif /* ZKHSM_STRESS_H */
