// SPDX-License-Identifier: GPL-2.0
/*
 * Audit records of administrative acts, done and refused.
 */
#include <linux/audit.h>
#include <linux/cred.h>
#include <linux/hash.h>
#include <linux/ratelimit.h>
#include <linux/uidgid.h>

#include "zkhsm.h"

#define LIMIT_BITS	6

/* Users whose ids fall together share one. */
static struct ratelimit_state limits[1 << LIMIT_BITS] = {
	[0 ... (1 << LIMIT_BITS) - 1] =
		RATELIMIT_STATE_INIT_FLAGS(limits[0], 10 * HZ, 10, RATELIMIT_MSG_ON_RELEASE),
};

/**
 * zkhsm_audit_allowed() - whether the caller may leave one more record
 *
 * For what can be repeated without end by somebody who is no administrator:
 * whatever is refused, and an owner's changes to a key. Ten in ten seconds for
 * each user, so that nobody fills the log, or its queue, and drowns what others
 * leave there. What an administrator has done is recorded without asking, and
 * so is whatever happens to a key but once.
 */
bool zkhsm_audit_allowed(void)
{
	return __ratelimit(&limits[hash_32(__kuid_val(current_uid()), LIMIT_BITS)]);
}

/**
 * zkhsm_audit() - write one record
 * @err: 0, or the errno with which the act was refused
 * @fmt: "op=..." and what the act was about, as field=value. Ids of keys have
 *	no characters that would have to be escaped; labels must not be here.
 *
 * GFP_NOWAIT, because an audit daemon that stands still must not make the
 * handlers of this family, and with them those of all others, stand still:
 * then the record is lost, and the audit system counts and reports that.
 */
void zkhsm_audit(int err, const char *fmt, ...)
{
	struct audit_buffer *ab;
	struct va_format vaf;
	va_list args;

	if (audit_enabled == AUDIT_OFF)
		return;
	ab = audit_log_start(audit_context(), GFP_NOWAIT | __GFP_NOWARN, AUDIT_KERNEL_OTHER);
	if (!ab)
		return;

	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	audit_log_format(ab, "zkhsm: %pV uid=%u", &vaf, from_kuid(&init_user_ns, current_uid()));
	va_end(args);
	if (err)
		audit_log_format(ab, " errno=%d", -err);
	audit_log_format(ab, " res=%d", !err);
	audit_log_end(ab);
}
