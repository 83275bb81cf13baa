// SPDX-License-Identifier: GPL-2.0
/*
 * What may come of a command whose n-th allocation failed:
 *
 *  - nothing was sent: sendto() itself says ENOBUFS;
 *  - ENOMEM without a sentence, of generic netlink, before the family has been
 *    reached: it allocates the table of attributes;
 *  - ENOMEM and our sentence;
 *  - the fault was absorbed (an event that is lost, a dump in smaller parts,
 *    vmalloc in place of kmalloc) and the command is done;
 *  - netlink had no memory for the acknowledgment: recv() says ENOBUFS. Then
 *    the command is done, and so its answer is there. A dump is cut off.
 *
 * Whatever says that the command was not done has changed nothing.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "faults.h"

#define NTH_MAX		2000
#define OUT_OF_MEMORY	"out of memory"
/* Generic netlink's own: the attributes, and of a dump its description. */
#define BARE_MAX	2
#define RETRY_EVERY	8

struct faults faults;

struct run {
	const struct scenario *s;
	unsigned int nth;
	bool fired;
	/* Our own sentence has been seen: from here on netlink's turn is over. */
	bool reached;
	unsigned int bare, refused, lost, absorbed;
};

enum fate { DONE, UNDONE, BROKEN };

static struct state before, after;

/* What is there of an answer whose acknowledgment got lost. */
static unsigned int drain(void)
{
	unsigned int messages = 0;
	struct nlmsghdr *nh = (struct nlmsghdr *)faults.h.nl.buffer;

	while (recv(nlraw_fd(&faults.h.nl), nh, NLRAW_BUFFER, MSG_DONTWAIT) > 0)
		messages += nh->nlmsg_type == faults.h.nl.family;
	return messages;
}

/* Where a dump broke off, netlink still holds it. */
static void new_socket(void)
{
	nlraw_close(&faults.h.nl);
	hsm_reopen(&faults.h);
}

/* A fault at @nth, or none when that is 0. Returns what sendto() says. */
static int attempt(struct run *r, unsigned int nth)
{
	struct nlraw_answer *a = &faults.h.a;
	struct nl_msg *msg = r->s->message();
	int sent;

	memset(a, 0, offsetof(struct nlraw_answer, body));
	if (nth)
		faults_arm(nth);
	sent = nlraw_send(&faults.h.nl, msg, r->s->dump ? NLM_F_DUMP : NLM_F_ACK);
	if (!sent)
		nlraw_receive(&faults.h.nl, NULL, NULL, a);
	r->fired = nth && faults_disarm();
	return sent;
}

static enum fate judge_nomem(struct run *r)
{
	const struct nlraw_answer *a = &faults.h.a;

	r->refused++;
	if (a->text[0]) {
		r->reached = true;
		check(!strcmp(a->text, OUT_OF_MEMORY) && !a->reason, "%s %u: \"%s\", reason %u",
		      r->s->name, r->nth, a->text, a->reason);
		return UNDONE;
	}
	r->bare++;
	check(!r->reached && r->bare <= BARE_MAX, "%s %u: ENOMEM without a sentence", r->s->name,
	      r->nth);
	return UNDONE;
}

static enum fate judge_lost(struct run *r)
{
	unsigned int messages = drain();

	r->lost++;
	if (r->s->dump) {
		new_socket();
		return UNDONE;
	}
	if (r->s->refusal)
		return UNDONE;
	check(messages == r->s->messages, "%s %u: done, but its answer is not there", r->s->name,
	      r->nth);
	return DONE;
}

static enum fate judge(struct run *r, int sent)
{
	const struct nlraw_answer *a = &faults.h.a;

	if (sent) {
		check(sent == -ENOBUFS && !r->bare && !r->reached, "%s %u: sendto: %s", r->s->name,
		      r->nth, strerrorname_np(-sent));
		return UNDONE;
	}
	if (a->error == r->s->refusal) {
		r->absorbed += r->fired;
		check(a->messages == r->s->messages || (r->s->dump && a->messages >= 1),
		      "%s %u: %u messages", r->s->name, r->nth, a->messages);
		return r->s->refusal ? UNDONE : DONE;
	}
	if (r->fired && a->error == ENOMEM)
		return judge_nomem(r);
	if (r->fired && a->error == ENOBUFS)
		return judge_lost(r);
	check(false, "%s %u: %s reason %u \"%s\"", r->s->name, r->nth, strerrorname_np(a->error),
	      a->reason, a->text);
	return BROKEN;
}

static void check_done_and_undo(struct run *r)
{
	const struct scenario *s = r->s;
	struct heard heard = listener_heard(&faults.listener);

	check(heard.events == s->events || (r->fired && heard.lost),
	      "%s %u: %u events of %u, and nobody was told", s->name, r->nth, heard.events,
	      s->events);
	if (s->done)
		check(s->done(), "%s %u: it is not done", s->name, r->nth);
	if (s->undo)
		s->undo();
	listener_heard(&faults.listener);
}

static void check_untouched(struct run *r)
{
	struct heard heard = listener_heard(&faults.listener);

	check(!heard.events && !heard.lost, "%s %u: an event of what was not done", r->s->name,
	      r->nth);
	state_take(&faults.h, &after);
	check(after.len == before.len && !memcmp(after.bytes, before.bytes, before.len),
	      "%s %u: not done, but something has changed", r->s->name, r->nth);
}

/* What was refused for want of memory is done when there is some. */
static void retry(struct run *r)
{
	int sent = attempt(r, 0);

	check(!sent && faults.h.a.error == r->s->refusal, "%s %u: once more: %s \"%s\"",
	      r->s->name, r->nth, strerrorname_np(faults.h.a.error), faults.h.a.text);
	if (!r->s->refusal)
		check_done_and_undo(r);
}

static bool one_fault(struct run *r)
{
	enum fate fate;
	bool fired;

	if (r->s->prepare)
		r->s->prepare();
	listener_heard(&faults.listener);
	state_take(&faults.h, &before);
	fate = judge(r, attempt(r, r->nth));
	fired = r->fired;
	if (fate == BROKEN) {
		new_socket();
	} else if (fate == DONE) {
		check_done_and_undo(r);
	} else {
		check_untouched(r);
		if (fired && (!r->s->slow || r->nth % RETRY_EVERY == 0))
			retry(r);
	}
	return fired;
}

static void sweep_one(const struct scenario *s)
{
	struct run r = { .s = s };

	do {
		r.nth++;
		r.fired = one_fault(&r);
	} while (r.fired && r.nth < NTH_MAX);
	check(!r.fired, "%s: %u allocations and no end", s->name, r.nth);
	check(r.nth > 2, "%s: no fault was met", s->name);
	ktap_note("%s: %u allocations; refused %u, absorbed %u, answer lost %u", s->name,
		  r.nth - 1, r.refused, r.absorbed, r.lost);
}

void sweep(const struct scenario *s, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		sweep_one(&s[i]);
}
