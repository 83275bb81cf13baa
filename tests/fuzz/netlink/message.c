// SPDX-License-Identifier: GPL-2.0
/*
 * A step's datagram: the attributes that its command may have, then what is
 * done to them, then what is done to the message around them.
 */
#include <linux/genetlink.h>
#include <string.h>

#include "nlf.h"

#define PIECES_MAX	64

struct piece {
	uint16_t type;
	uint16_t len;		/* as it is told, header included */
	size_t data_len;	/* as it is */
	const uint8_t *data;
};

struct message {
	struct nlf_worker *w;
	const struct nlf_step *s;
	const struct nlf_cmd *c;
	unsigned int count;
	struct piece piece[PIECES_MAX];
	/* What pieces point to; those of the longest are two at the same time at most. */
	size_t used;
	uint8_t arena[4 * VALUE_MAX];
};

static void add(struct message *m, enum nlf_set set, int attr, uint8_t sel, uint8_t arg)
{
	uint8_t *to = m->arena + m->used;
	struct piece *p = &m->piece[m->count];

	if (m->count == PIECES_MAX || m->used + VALUE_MAX > sizeof(m->arena))
		return;
	p->data_len = value_make(m->w, m->s, set, attr, sel, arg, to);
	p->data = to;
	p->type = (uint16_t)attr;
	if (set == NLF_EVIDENCE && attr == ZKHSM_A_EVIDENCE_CHALLENGE)
		p->type |= NLA_F_NESTED;
	p->len = (uint16_t)(NLA_HDRLEN + p->data_len);
	m->used += NLA_ALIGN(p->data_len);
	m->count++;
}

/* Challenges: how many, and whether of one manager. */
static void add_challenges(struct message *m, uint8_t sel, uint8_t arg)
{
	static const uint8_t counts[] = { 1, 2, 15, 16, 17, 18, 40 };
	unsigned int i, n = sel < 128 ? 1 + sel % 4 : counts[sel % sizeof(counts)];

	for (i = 0; i < n; i++)
		add(m, NLF_EVIDENCE, ZKHSM_A_EVIDENCE_CHALLENGE,
		    sel >= 192 && i == n / 2 ? sel : 0, sel >= 160 && sel < 176 ? arg :
		    (uint8_t)(arg + i));
}

/* The first attribute is what a command is about; it is there unless the step says otherwise. */
static bool required(const struct nlf_cmd *c, unsigned int index, bool dump)
{
	if (c->set == NLF_HSM || c->set == NLF_LIST || (c->set == NLF_SEAL && (dump || index)) ||
	    (c->set == NLF_SHARE && c->request & 1u << ZKHSM_A_SHARE_KEK_ID))
		return false;
	return !index || (index == 1 && c->request & 1u << ZKHSM_A_KEY_DIGEST) ||
	       (index == 1 && c->set == NLF_PROOF);
}

/* What mostly makes a request one that is refused: with it on all, nothing else would be seen. */
static bool rare(const struct nlf_cmd *c, unsigned int attr)
{
	return (c->set == NLF_KEY && (attr == ZKHSM_A_KEY_GRANT ||
				      attr == ZKHSM_A_KEY_CLIENT_SIGNATURE)) ||
	       (c->set == NLF_PROOF && (attr == ZKHSM_A_PROOF_GRANT ||
					attr == ZKHSM_A_PROOF_CLIENT_SIGNATURE));
}

static void add_request(struct message *m, bool dump)
{
	uint32_t request = dump && m->c->dump_request ? m->c->dump_request : m->c->request;
	unsigned int attr, index = 0;

	for (attr = 1; attr <= m->c->attr_max; attr++) {
		uint8_t sel, arg;

		if (!(request & 1u << attr))
			continue;
		sel = m->s->value[index % VALUES_MAX].sel;
		arg = m->s->value[index % VALUES_MAX].arg;
		if (required(m->c, index++, dump) ? sel == 255 :
		    rare(m->c, attr) ? sel < 208 : !sel)
			continue;
		if (m->c->set == NLF_EVIDENCE && attr == ZKHSM_A_EVIDENCE_CHALLENGE)
			add_challenges(m, sel, arg);
		else
			add(m, m->c->set, (int)attr, sel, arg);
	}
}

/* Selectors of values that are as they should be, of the sealing before, of another HSM. */
#define RIGHT	0
#define OLDER	128
#define OTHER	129
#define LOST	130

/*
 * All that an unsealing takes, in one message, or one part of it; in most
 * something is wrong, since one that is right is the last one of a round.
 */
static void add_unseal(struct message *m)
{
	unsigned int part = m->s->value[5].arg % 8, fault = m->s->expand[3] % 10, i;
	unsigned int n = world->kept[KEPT_NEW].count, at = n ? m->s->value[0].arg % n : 0;

	if (part <= 3) {
		add(m, NLF_SEAL, ZKHSM_A_SEAL_HEAD, fault == 1 ? OLDER : fault == 2 ? OTHER : RIGHT,
		    0);
		add(m, NLF_SEAL, ZKHSM_A_SEAL_KEYRING_SERIAL, fault == 3 ? 128 : RIGHT,
		    m->s->value[2].arg);
	}
	for (i = 0; i < n && part != 3 && part < 6; i++) {
		if (i != at || fault < 4)
			add(m, NLF_SEAL, ZKHSM_A_SEAL_RECORD, RIGHT, (uint8_t)i);
		else if (fault < 7)
			add(m, NLF_SEAL, ZKHSM_A_SEAL_RECORD, (uint8_t)(OLDER + fault - 4),
			    (uint8_t)i);
		else if (fault == 7)
			add(m, NLF_SEAL, ZKHSM_A_SEAL_RECORD, RIGHT, (uint8_t)(i + 1));
	}
	if (part == 6)
		add(m, NLF_SEAL, ZKHSM_A_SEAL_RECORD, RIGHT, (uint8_t)at);
	if ((part < 3 && fault != 9) || part == 7)
		add(m, NLF_SEAL, ZKHSM_A_SEAL_FINISH, RIGHT, 0);
}

static void swap(struct message *m, unsigned int i, unsigned int j)
{
	struct piece p = m->piece[i];

	m->piece[i] = m->piece[j];
	m->piece[j] = p;
}

/* The attribute becomes the content of one of the same type. */
static void nest(struct message *m, struct piece *p)
{
	uint8_t *to = m->arena + m->used;
	struct nlattr head = { .nla_len = p->len, .nla_type = p->type };

	if (m->used + NLA_HDRLEN + p->data_len > sizeof(m->arena))
		return;
	memcpy(to, &head, sizeof(head));
	memcpy(to + NLA_HDRLEN, p->data, p->data_len);
	m->used += NLA_ALIGN(NLA_HDRLEN + p->data_len);
	p->data = to;
	p->data_len += NLA_HDRLEN;
	p->len += NLA_HDRLEN;
	p->type |= NLA_F_NESTED;
}

static void resize(struct message *m, struct piece *p, size_t len)
{
	uint8_t *to = m->arena + m->used;

	if (len > VALUE_MAX - 64 || m->used + len > sizeof(m->arena))
		return;
	memset(to, 'A', len);
	memcpy(to, p->data, len < p->data_len ? len : p->data_len);
	m->used += NLA_ALIGN(len);
	p->data = to;
	p->data_len = len;
	p->len = (uint16_t)(NLA_HDRLEN + len);
}

static void change_one(struct message *m, unsigned int i, uint8_t op, uint8_t a, uint8_t b)
{
	struct piece *p = &m->piece[i];

	switch (op % 15) {
	case 0:
		memmove(p, p + 1, (m->count - i - 1) * sizeof(*p));
		m->count--;
		break;
	case 1:
		if (m->count < PIECES_MAX)
			m->piece[m->count++] = *p;
		break;
	case 2:
		swap(m, i, a % m->count);
		break;
	case 3:
		nest(m, p);
		break;
	case 4:
		p->type ^= NLA_F_NESTED;
		break;
	case 5:
		p->type ^= NLA_F_NET_BYTEORDER;
		break;
	case 6:
		p->len = (uint16_t)(a & 1 ? p->len + 1 + b % 8 : p->len - 1 - b % 8);
		break;
	case 7:
		p->len = (uint16_t)(a << 8 | b);
		break;
	case 8:
		p->type = (uint16_t)(a & 1 ? p->type + 1 : p->type - 1);
		break;
	case 9:
		p->type = a & 3 ? b % 32 : (uint16_t)(a << 8 | b);
		break;
	case 10:
		resize(m, p, p->data_len ? p->data_len - 1 - b % p->data_len : 0);
		break;
	case 11:
		resize(m, p, p->data_len + 1 + b % 16);
		break;
	case 12:
		resize(m, p, (size_t)(a << 8 | b));
		break;
	case 13:
		/* Another attribute of the set, which no request may have. */
		add(m, m->c->set, 1 + a % m->c->attr_max, b, a);
		break;
	default:
		/* The same with another value, before or behind it. */
		add(m, m->c->set, p->type & NLA_TYPE_MASK, b, a);
		if (m->count > 1)
			swap(m, i, m->count - 1);
	}
}

static void change(struct message *m)
{
	unsigned int i, n = m->s->changes & 3;

	for (i = 0; i < n && m->count; i++)
		change_one(m, m->s->change[i].where % m->count, m->s->change[i].op,
			   m->s->change[i].a, m->s->change[i].b);
}

/* Headers that say too much, too little, or something else. */
static void spoil(struct nlf_worker *w, struct nlmsghdr *h, const struct nlf_step *s, size_t at)
{
	struct genlmsghdr *g = (struct genlmsghdr *)(h + 1);
	uint8_t op = s->change[3].op, a = s->change[3].a, b = s->change[3].b;

	if (!(s->changes & 8))
		return;
	switch (op % 12) {
	case 0:
		h->nlmsg_len += 1 + b % 16;
		break;
	case 1:
		h->nlmsg_len -= 1 + b % 16;
		break;
	case 2:
		h->nlmsg_len = (uint32_t)(a << 8 | b);
		break;
	case 3:
		h->nlmsg_len = b & 1 ? UINT32_MAX - a : 0x80000000u + a;
		break;
	case 4:
		h->nlmsg_type = (uint16_t)(a & 1 ? h->nlmsg_type + 1 : a & 2 ? b % 20 : a << 8 | b);
		break;
	case 5:
		h->nlmsg_flags = (uint16_t)(a << 8 | b);
		break;
	case 6:
		h->nlmsg_flags ^= (uint16_t)(1 << b % 12);
		break;
	case 7:
		g->version = a;
		break;
	case 8:
		g->reserved = (uint16_t)(a << 8 | b);
		break;
	case 9:
		w->len = at + NLMSG_HDRLEN + (b & 3);
		break;
	case 10:
		w->len -= b % (w->len - at);
		break;
	default:
		if (w->len + b < sizeof(w->datagram)) {
			memset(w->datagram + w->len, a, b);
			w->len += b;
		}
	}
}

static void serialize(struct message *m, uint16_t flags, uint16_t family)
{
	struct nlf_worker *w = m->w;
	size_t at = w->len;
	struct nlmsghdr *h = (struct nlmsghdr *)(w->datagram + at);
	struct genlmsghdr *g = (struct genlmsghdr *)(h + 1);
	unsigned int i;

	memset(h, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	w->len += NLMSG_HDRLEN + GENL_HDRLEN;
	for (i = 0; i < m->count; i++) {
		const struct piece *p = &m->piece[i];
		const struct nlattr head = { .nla_len = p->len, .nla_type = p->type };

		if (w->len + NLA_HDRLEN + p->data_len + 8 > sizeof(w->datagram))
			break;
		memcpy(w->datagram + w->len, &head, sizeof(head));
		memcpy(w->datagram + w->len + NLA_HDRLEN, p->data, p->data_len);
		w->len += NLA_HDRLEN + p->data_len;
		while (w->len % NLA_ALIGNTO)
			w->datagram[w->len++] = 0;
	}
	h->nlmsg_len = (uint32_t)(w->len - at);
	h->nlmsg_type = family;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = ++w->seq;
	g->cmd = step_command(m->s);
	g->version = ZKHSM_FAMILY_VERSION;
	spoil(w, h, m->s, at);
}

/* Bytes without form where attributes should be. */
static void raw(struct nlf_worker *w, const struct nlf_step *s)
{
	uint64_t random = (uint64_t)s->expand[0] << 8 | s->expand[1];
	size_t n = s->expand[2];

	while (n-- && w->len < sizeof(w->datagram))
		w->datagram[w->len++] = (uint8_t)random_next(&random);
	((struct nlmsghdr *)w->datagram)->nlmsg_len = (uint32_t)w->len;
}

void message_build(struct nlf_worker *w, struct nlf_socket *sock, const struct nlf_step *s)
{
	static const struct nlf_cmd none = { .attr_max = 1 };
	static struct message m;
	unsigned int how = s->how & HOW_MASK, n = how == HOW_MANY ? 2 + s->expand[0] % 6 : 1;
	uint16_t flags = how == HOW_DUMP || how == HOW_ABANDON ? NLM_F_DUMP : NLM_F_ACK;
	struct nlf_step copy = *s;

	w->len = 0;
	while (n--) {
		/* Where there is something to unseal, another identity would be the end of it. */
		if (world->kind == WORLD_SEALED && step_command(&copy) == ZKHSM_CMD_HSM_NEW &&
		    copy.expand[1] % 16)
			copy.cmd = ZKHSM_CMD_HSM_UNSEAL;
		m.w = w;
		m.s = &copy;
		m.c = &nlf_commands[step_command(&copy)];
		if (!m.c->name)
			m.c = &none;
		m.count = 0;
		m.used = 0;
		/* Most dumps take none. */
		if (step_command(&copy) == ZKHSM_CMD_HSM_UNSEAL && copy.value[5].sel < 128)
			add_unseal(&m);
		else if (!(flags & NLM_F_DUMP) || m.c->dump_request || copy.expand[1] & 1)
			add_request(&m, flags & NLM_F_DUMP);
		change(&m);
		if (w->len + 1024 < sizeof(w->datagram))
			serialize(&m, flags, (uint16_t)sock->nl.family);
		/* The next one is of another command, about another object. */
		copy.cmd += 1 + copy.expand[1] % 7;
		copy.value[0].arg += copy.expand[2];
	}
	if (how == HOW_RAW)
		raw(w, s);
}

static bool asks_for_rekey(const struct nlf_asked *a, const struct nlmsghdr *h)
{
	int left = (int)(h->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
	const struct nlattr *attr;

	attr = nla_find((const struct nlattr *)((const uint8_t *)(h + 1) + GENL_HDRLEN), left,
			ZKHSM_A_SEAL_REKEY);
	return a->dump && a->cmd == ZKHSM_CMD_HSM_SEAL && attr && nla_len(attr) >= 4 &&
	       nla_get_u32(attr);
}

/* Walks the datagram as netlink_rcv_skb() does, to know what has to be answered. */
void message_note(struct nlf_worker *w, struct nlf_socket *sock)
{
	size_t at = 0;

	while (w->len - at >= NLMSG_HDRLEN) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)(w->datagram + at);
		struct genlmsghdr *g = (struct genlmsghdr *)(w->datagram + at + NLMSG_HDRLEN);
		bool ours = h->nlmsg_type == sock->nl.family &&
			    h->nlmsg_len >= NLMSG_HDRLEN + GENL_HDRLEN;
		struct nlf_asked *a;

		if (h->nlmsg_len < NLMSG_HDRLEN || w->len - at < h->nlmsg_len)
			return;
		/* A module that is locked could not be loaded anew for the next round. */
		if (ours && g->cmd == ZKHSM_CMD_HSM_LOCK && world->kind != WORLD_LOCKED && !w->uid)
			g->cmd = ZKHSM_CMD_HSM_GET;
		if (h->nlmsg_flags & NLM_F_REQUEST) {
			a = &sock->asked[sock->asked_count++ % ASKED_MAX];
			memset(a, 0, sizeof(*a));
			a->seq = h->nlmsg_seq;
			a->flags = h->nlmsg_flags;
			a->cmd = ours ? g->cmd : 0;
			a->dump = (h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
			a->judged = ours;
			a->rekey = ours && asks_for_rekey(a, h);
			if (ours && g->cmd < NLF_COMMANDS)
				a->fits = judge_fits(&nlf_commands[g->cmd], a->dump,
						     (const uint8_t *)(g + 1),
						     h->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
		}
		at += NLMSG_ALIGN(h->nlmsg_len);
		if (at > w->len)
			return;
	}
}
