// SPDX-License-Identifier: GPL-2.0
/*
 * Tells that leases have ended, at the time: keys stop by themselves then, and
 * somebody may want to know before the next use finds out. Nothing depends on
 * it; see lease.c.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/workqueue.h>

#include "lease.h"
#include "trace.h"

static void tell_ended(struct work_struct *work);

static DECLARE_WORK(ended_work, tell_ended);
static struct hrtimer timer;
/* Set under zkhsm_lock, for good: nothing arms the timer any more. */
static bool ending;

static enum hrtimer_restart fire(struct hrtimer *t)
{
	schedule_work(&ended_work);
	return HRTIMER_NORESTART;
}

/* For the earliest end that has not been told. After whatever changes ends. */
void zkhsm_lease_timer_set(void)
{
	const struct zkhsm_manager *m;
	u64 first = U64_MAX;

	lockdep_assert_held_write(&zkhsm_lock);

	if (ending)
		return;
	zkhsm_trust_for_each_pinned(m)
		if (m->lease && !m->lease->told)
			first = min(first, zkhsm_lease_expires_ms(m->lease));
	if (first != U64_MAX)
		hrtimer_start(&timer, ms_to_ktime(first), HRTIMER_MODE_ABS);
}

static void tell_ended(struct work_struct *work)
{
	struct zkhsm_lease_info info;
	struct zkhsm_manager *m;

	down_write(&zkhsm_lock);
	zkhsm_trust_for_each_pinned(m) {
		if (!m->lease || m->lease->told)
			continue;
		zkhsm_lease_read(m, &info);
		if (info.verdict != ZKHSM_LEASE_VERDICT_EXPIRED)
			continue;
		m->lease->told = true;
		trace_zkhsm_lease(m->id, ZKHSM_EVENT_EXPIRED, info.number, info.expires_ms);
		zkhsm_nl_event_lease(ZKHSM_EVENT_EXPIRED, &info);
	}
	zkhsm_lease_timer_set();
	up_write(&zkhsm_lock);
}

void __init zkhsm_lease_timer_init(void)
{
	zkhsm_hrtimer_setup(&timer, fire, CLOCK_BOOTTIME, HRTIMER_MODE_ABS);
}

/* While there is a family still to tell it over. The end of leases that come later is not told. */
void zkhsm_lease_timer_exit(void)
{
	down_write(&zkhsm_lock);
	ending = true;
	up_write(&zkhsm_lock);
	hrtimer_cancel(&timer);
	cancel_work_sync(&ended_work);
}
