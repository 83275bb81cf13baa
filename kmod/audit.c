// SPDX-License-Identifier: GPL-2.0
/*
 * Audit records of administrative acts, done and refused.
 */
#include <linux/audit.h>
#include <linux/cred.h>
#include <linux/uidgid.h>

#include "zkhsm.h"

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
