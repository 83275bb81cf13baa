/* SPDX-License-Identifier: GPL-2.0 */
/*
 * drill.h - a key to rehearse on, and the wait for what happens to it
 *
 * The key is made for the drill and deleted after it. What happens is learnt
 * from the kernel's events; after each of them the key is used, which is the
 * only thing that says whether it works.
 */
#ifndef ZKHSM_DRILL_H
#define ZKHSM_DRILL_H

#include "cli.h"

struct drill {
	struct cli *cli;
	struct zkhsm_nl *events;
	struct zkhsm_hsm_info hsm;
	struct zkhsm_key_info key;	/* as last looked at */
	bool made;
	uint64_t end_ms, max_wait_ms;	/* CLOCK_BOOTTIME */
	/* Of the last use that was refused. */
	struct zkhsm_error refusal;
	/* The manager that is meant, and the last that was heard of its lease. */
	uint8_t manager_id[32];
	struct zkhsm_lease_info lease;
	uint32_t event;
};

/* CLOCK_BOOTTIME, by which leases live; as fine as the kernel tells it. */
double drill_now_ms(void);

/* Subscribes, makes the key, waits for nothing yet. */
int drill_begin(struct drill *d);
/* Deletes the key whatever happened; the first failure is the result. */
int drill_end(struct drill *d, int ret);

/*
 * Waits for the next event, for @until_ms (0: none), or until the time is up
 * (-ETIMEDOUT) or somebody interrupts (-EINTR). 0: look again.
 */
int drill_wait(struct drill *d, uint64_t until_ms, const char *for_what);

/* Uses the key. *works false: refused for want of a lease or by the managers, see @refusal. */
int drill_use(struct drill *d, bool *works);

/* Until the key works and, when not NULL, @manager_id is among those that grant it. */
int drill_await_working(struct drill *d, const uint8_t *manager_id);

/* What this manager says of the key, as last looked at; NULL: it is not pinned. */
const struct zkhsm_key_lease *drill_says(const struct drill *d, const uint8_t manager_id[32]);

#endif /* ZKHSM_DRILL_H */
