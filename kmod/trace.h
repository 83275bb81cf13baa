/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints for every change of state and every refusal. No event carries
 * a secret, or anything a secret could be computed from.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM zkhsm

#if !defined(ZKHSM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define ZKHSM_TRACE_H

#include <linux/tracepoint.h>
#include <linux/zkhsm.h>

#define ZKHSM_TRACE_TEXT_LEN	80

TRACE_EVENT(zkhsm_refuse,
	TP_PROTO(int err, u32 reason, const char *sentence),
	TP_ARGS(err, reason, sentence),
	TP_STRUCT__entry(
		__field(int, err)
		__field(u32, reason)
		__array(char, sentence, ZKHSM_TRACE_TEXT_LEN)
	),
	TP_fast_assign(
		__entry->err = err;
		__entry->reason = reason;
		strscpy(__entry->sentence, sentence, ZKHSM_TRACE_TEXT_LEN);
	),
	TP_printk("err=%d reason=%u sentence=\"%s\"",
		  __entry->err, __entry->reason, __entry->sentence)
);

TRACE_EVENT(zkhsm_key_life,
	TP_PROTO(const char *id, bool created),
	TP_ARGS(id, created),
	TP_STRUCT__entry(
		__array(char, id, ZKHSM_ID_MAX_LEN + 1)
		__field(bool, created)
	),
	TP_fast_assign(
		strscpy(__entry->id, id, ZKHSM_ID_MAX_LEN + 1);
		__entry->created = created;
	),
	TP_printk("id=%s %s", __entry->id, __entry->created ? "created" : "destroyed")
);

TRACE_EVENT(zkhsm_key_state,
	TP_PROTO(const char *id, u32 from, u32 to),
	TP_ARGS(id, from, to),
	TP_STRUCT__entry(
		__array(char, id, ZKHSM_ID_MAX_LEN + 1)
		__field(u32, from)
		__field(u32, to)
	),
	TP_fast_assign(
		strscpy(__entry->id, id, ZKHSM_ID_MAX_LEN + 1);
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("id=%s from=%u to=%u", __entry->id, __entry->from, __entry->to)
);

TRACE_EVENT(zkhsm_key_use,
	TP_PROTO(const char *id, u32 usage, u64 uses),
	TP_ARGS(id, usage, uses),
	TP_STRUCT__entry(
		__array(char, id, ZKHSM_ID_MAX_LEN + 1)
		__field(u32, usage)
		__field(u64, uses)
	),
	TP_fast_assign(
		strscpy(__entry->id, id, ZKHSM_ID_MAX_LEN + 1);
		__entry->usage = usage;
		__entry->uses = uses;
	),
	TP_printk("id=%s usage=%u uses=%llu", __entry->id, __entry->usage, __entry->uses)
);

TRACE_EVENT(zkhsm_evidence,
	TP_PROTO(u32 number, u64 generation, u32 count),
	TP_ARGS(number, generation, count),
	TP_STRUCT__entry(
		__field(u32, number)
		__field(u64, generation)
		__field(u32, count)
	),
	TP_fast_assign(
		__entry->number = number;
		__entry->generation = generation;
		__entry->count = count;
	),
	TP_printk("number=%u generation=%llu keys=%u",
		  __entry->number, __entry->generation, __entry->count)
);

TRACE_EVENT(zkhsm_order,
	TP_PROTO(const u8 *manager_id, u32 type, u64 number, bool in_turn, u32 changed),
	TP_ARGS(manager_id, type, number, in_turn, changed),
	TP_STRUCT__entry(
		__array(u8, manager, 4)
		__field(u32, type)
		__field(u64, number)
		__field(bool, in_turn)
		__field(u32, changed)
	),
	TP_fast_assign(
		memcpy(__entry->manager, manager_id, sizeof(__entry->manager));
		__entry->type = type;
		__entry->number = number;
		__entry->in_turn = in_turn;
		__entry->changed = changed;
	),
	TP_printk("manager=%s type=%u number=%llu in_turn=%d changed=%u",
		  __print_hex_str(__entry->manager, sizeof(__entry->manager)),
		  __entry->type, __entry->number, __entry->in_turn, __entry->changed)
);

TRACE_EVENT(zkhsm_trust,
	TP_PROTO(const u8 *manager_id, bool pinned),
	TP_ARGS(manager_id, pinned),
	TP_STRUCT__entry(
		__array(u8, manager, 4)
		__field(bool, pinned)
	),
	TP_fast_assign(
		memcpy(__entry->manager, manager_id, sizeof(__entry->manager));
		__entry->pinned = pinned;
	),
	TP_printk("manager=%s %s",
		  __print_hex_str(__entry->manager, sizeof(__entry->manager)),
		  __entry->pinned ? "pinned" : "unpinned")
);

TRACE_EVENT(zkhsm_hsm,
	TP_PROTO(u32 event, u32 boot_count, u32 fork_count, u32 faults),
	TP_ARGS(event, boot_count, fork_count, faults),
	TP_STRUCT__entry(
		__field(u32, event)
		__field(u32, boot_count)
		__field(u32, fork_count)
		__field(u32, faults)
	),
	TP_fast_assign(
		__entry->event = event;
		__entry->boot_count = boot_count;
		__entry->fork_count = fork_count;
		__entry->faults = faults;
	),
	TP_printk("event=%u boot_count=%u fork_count=%u faults=%u",
		  __entry->event, __entry->boot_count, __entry->fork_count, __entry->faults)
);

TRACE_EVENT(zkhsm_lease,
	TP_PROTO(const u8 *manager_id, u32 event, u32 number, u64 expires_ms),
	TP_ARGS(manager_id, event, number, expires_ms),
	TP_STRUCT__entry(
		__array(u8, manager, 4)
		__field(u32, event)
		__field(u32, number)
		__field(u64, expires_ms)
	),
	TP_fast_assign(
		memcpy(__entry->manager, manager_id, sizeof(__entry->manager));
		__entry->event = event;
		__entry->number = number;
		__entry->expires_ms = expires_ms;
	),
	TP_printk("manager=%s event=%u number=%u expires_ms=%llu",
		  __print_hex_str(__entry->manager, sizeof(__entry->manager)),
		  __entry->event, __entry->number, __entry->expires_ms)
);

TRACE_EVENT(zkhsm_key_unleased,
	TP_PROTO(const char *id),
	TP_ARGS(id),
	TP_STRUCT__entry(
		__array(char, id, ZKHSM_ID_MAX_LEN + 1)
	),
	TP_fast_assign(
		strscpy(__entry->id, id, ZKHSM_ID_MAX_LEN + 1);
	),
	TP_printk("id=%s", __entry->id)
);

TRACE_EVENT(zkhsm_grant,
	TP_PROTO(const u8 *digest, u32 operation, u32 count, u64 not_after_ms),
	TP_ARGS(digest, operation, count, not_after_ms),
	TP_STRUCT__entry(
		__array(u8, digest, 4)
		__field(u32, operation)
		__field(u32, count)
		__field(u64, not_after_ms)
	),
	TP_fast_assign(
		memcpy(__entry->digest, digest, sizeof(__entry->digest));
		__entry->operation = operation;
		__entry->count = count;
		__entry->not_after_ms = not_after_ms;
	),
	TP_printk("digest=%s operation=%u managers=%u not_after_ms=%llu",
		  __print_hex_str(__entry->digest, sizeof(__entry->digest)),
		  __entry->operation, __entry->count, __entry->not_after_ms)
);

TRACE_EVENT(zkhsm_sealed,
	TP_PROTO(u64 sequence, u32 records),
	TP_ARGS(sequence, records),
	TP_STRUCT__entry(
		__field(u64, sequence)
		__field(u32, records)
	),
	TP_fast_assign(
		__entry->sequence = sequence;
		__entry->records = records;
	),
	TP_printk("sequence=%llu records=%u", __entry->sequence, __entry->records)
);

#endif /* ZKHSM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
