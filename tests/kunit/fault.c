// SPDX-License-Identifier: GPL-2.0
/*
 * A bit of a stored secret flips in a module at work: nothing is released, the
 * managers' agent is told, and nothing is proved or signed any more.
 *
 * Each case goes on where the one before it stopped, and the last leaves the
 * module disabled: only a reload mends it. Hence the last suite.
 */
#include <linux/delay.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "kunit.h"
#include "netlink-gen.h"
#include "netlink.h"
#include "trace.h"

#define SEED	0xfa017u

static struct {
	struct zkhsm_key *key;
	u8 manager[ZKHSM_HASH_LEN];
	struct socket *sock;
	u32 traced;
	u32 traced_faults;
} state;

static void count_events(void *data, u32 event, u32 boot_count, u32 fork_count, u32 faults)
{
	if (event == ZKHSM_EVENT_FAULT) {
		state.traced++;
		state.traced_faults = faults;
	}
}

static int suite_init(struct kunit_suite *suite)
{
	return register_trace_zkhsm_hsm(count_events, NULL);
}

static void suite_exit(struct kunit_suite *suite)
{
	unregister_trace_zkhsm_hsm(count_events, NULL);
	tracepoint_synchronize_unregister();
	if (state.sock)
		sock_release(state.sock);
	memset(&state, 0, sizeof(state));
}

/* A listener, as the agent is one. */
static void listen(struct kunit *test)
{
	int group = zkhsm_nl_family.mcgrp_offset + ZKHSM_NLGRP_EVENTS;
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };

	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, PF_NETLINK, SOCK_RAW, NETLINK_GENERIC,
					       &state.sock), 0);
	/* what is sent to a group never reaches port 0 */
	KUNIT_ASSERT_EQ(test, kernel_bind(state.sock, (struct sockaddr *)&any, sizeof(any)), 0);
	KUNIT_ASSERT_EQ(test, state.sock->ops->setsockopt(state.sock, SOL_NETLINK,
							  NETLINK_ADD_MEMBERSHIP,
							  KERNEL_SOCKPTR(&group), sizeof(group)),
			0);
}

/* Whether one message tells of a fault; then what faults it says there are. */
static bool is_fault(struct kunit *test, const struct nlmsghdr *nlh, u32 *faults)
{
	const struct genlmsghdr *genl = nlmsg_data(nlh);
	struct nlattr *attrs[ZKHSM_A_HSM_MAX + 1];

	if (genl->cmd != ZKHSM_CMD_HSM_NTF)
		return false;
	KUNIT_ASSERT_EQ(test, nla_parse_deprecated(attrs, ZKHSM_A_HSM_MAX,
						   nlmsg_attrdata(nlh, GENL_HDRLEN),
						   nlmsg_attrlen(nlh, GENL_HDRLEN), NULL, NULL),
			0);
	KUNIT_ASSERT_NOT_NULL(test, attrs[ZKHSM_A_HSM_EVENT]);
	KUNIT_ASSERT_NOT_NULL(test, attrs[ZKHSM_A_HSM_FAULTS]);
	*faults = nla_get_u32(attrs[ZKHSM_A_HSM_FAULTS]);
	return nla_get_u32(attrs[ZKHSM_A_HSM_EVENT]) == ZKHSM_EVENT_FAULT;
}

/* How many events since the last call told of a fault. */
static u32 faults_told(struct kunit *test, u32 *faults)
{
	u8 *buf = kunit_kmalloc(test, GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	u32 count = 0;
	int len;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	for (;;) {
		struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
		struct kvec vec = { buf, GENLMSG_DEFAULT_SIZE };

		len = kernel_recvmsg(state.sock, &msg, &vec, 1, vec.iov_len, MSG_DONTWAIT);
		if (len == -EAGAIN)
			return count;
		KUNIT_ASSERT_GT(test, len, (int)(NLMSG_HDRLEN + GENL_HDRLEN));
		count += is_fault(test, (const struct nlmsghdr *)buf, faults);
	}
}

static struct zkhsm_evidence *challenge(struct kunit *test)
{
	struct zkhsm_evidence *ev = kunit_kzalloc(test, sizeof(*ev), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ev);
	ev->challenge_count = 1;
	memcpy(ev->challenges[0].manager_id, state.manager, ZKHSM_HASH_LEN);
	return ev;
}

/* Sound: everything works, and what it says is true. */
static void fault_none_yet(struct kunit *test)
{
	u8 sig[ZKHSM_SIGNATURE_LEN], digest[ZKHSM_HASH_LEN] = { 5 }, proof[ZKHSM_PROOF_LEN];
	struct zkhsm_evidence *ev;
	struct zkhsm_scalar a;
	struct rnd_state rnd;
	u32 faults;

	hsm_need(test);
	random_begin(test, &rnd, SEED);
	random_scalar(&rnd, &a, N);
	state.key = key_new(test, "faulty", &a);
	memcpy(state.manager, manager_pin(test, &rnd)->id, sizeof(state.manager));
	listen(test);

	KUNIT_EXPECT_FALSE(test, zkhsm_proving_disabled());
	KUNIT_EXPECT_EQ(test, zkhsm_op_sign(state.key, digest, NULL, sig, NULL), 0);
	KUNIT_EXPECT_EQ(test, key_prove(state.key, proof, NULL), 0);
	ev = challenge(test);
	KUNIT_ASSERT_EQ(test, zkhsm_evidence_make(ev, NULL), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_batch_verify(zkhsm_hsm_pub(), zkhsm_hsm_id(), ev->bytes,
						 ev->len - ZKHSM_PROOF_LEN, state.key->pub, 1,
						 ev->bytes + ev->len - ZKHSM_PROOF_LEN), 0);
	KUNIT_EXPECT_EQ(test, faults_told(test, &faults), 0u);
}

static void tell(struct work_struct *work)
{
	zkhsm_nl_event_hsm(ZKHSM_EVENT_FAULT);
}

/* Not while a change is being told: what is told last has to be how it is. */
static void fault_told_in_turn(struct kunit *test)
{
	struct work_struct work;
	u32 faults = U32_MAX;

	INIT_WORK_ONSTACK(&work, tell);
	down_read(&zkhsm_lock);
	schedule_work(&work);
	msleep(200);
	KUNIT_EXPECT_EQ(test, faults_told(test, &faults), 0u);
	up_read(&zkhsm_lock);
	flush_work(&work);
	destroy_work_on_stack(&work);
	KUNIT_EXPECT_EQ(test, faults_told(test, &faults), 1u);
	KUNIT_EXPECT_EQ(test, faults, 0u);
}

static void fault_in_stored_form(struct kunit *test)
{
	struct netlink_ext_ack extack = {};
	struct zkhsm_evidence *ev;
	u32 faults = 0;

	ev = challenge(test);
	/* a reader of memory, or a cosmic ray, in the form that the recheck is made of */
	state.key->live->secret.mont->limb[1] ^= 1ULL << 17;
	KUNIT_EXPECT_EQ(test, zkhsm_evidence_make(ev, &extack), -EIO);
	KUNIT_EXPECT_EQ(test, reason_of(&extack), (u32)ZKHSM_REASON_FAULT);
	KUNIT_EXPECT_EQ(test, stubs.faults, 1u);
	KUNIT_EXPECT_STREQ(test, stubs.fault, "evidence: response");
	/* no proof behind the statement, and no length that says there is one */
	KUNIT_EXPECT_EQ(test, ev->len, 0u);

	KUNIT_EXPECT_TRUE(test, zkhsm_proving_disabled());
	KUNIT_EXPECT_EQ(test, zkhsm_faults(), (u32)ZKHSM_FAULT_RECHECK);
	KUNIT_EXPECT_EQ(test, state.traced, 1u);
	KUNIT_EXPECT_EQ(test, state.traced_faults, (u32)ZKHSM_FAULT_RECHECK);
	KUNIT_EXPECT_EQ(test, faults_told(test, &faults), 1u);
	KUNIT_EXPECT_EQ(test, faults, (u32)ZKHSM_FAULT_RECHECK);
}

/* Mended memory mends nothing: whoever could flip one bit can flip another. */
static void fault_disables(struct kunit *test)
{
	u8 sig[ZKHSM_SIGNATURE_LEN], digest[ZKHSM_HASH_LEN] = { 5 }, proof[ZKHSM_PROOF_LEN];
	struct netlink_ext_ack sign = {}, prove = {}, release = {}, evidence = {};

	state.key->live->secret.mont->limb[1] ^= 1ULL << 17;
	KUNIT_EXPECT_EQ(test, zkhsm_op_sign(state.key, digest, NULL, sig, &sign), -EIO);
	KUNIT_EXPECT_EQ(test, reason_of(&sign), (u32)ZKHSM_REASON_FAULT);
	KUNIT_EXPECT_EQ(test, key_prove(state.key, proof, &prove), -EIO);
	KUNIT_EXPECT_EQ(test, reason_of(&prove), (u32)ZKHSM_REASON_FAULT);
	KUNIT_EXPECT_EQ(test, key_try_use(state.key, ZKHSM_KEY_USAGE_SIGN, NULL), -EIO);
	/* a use that had begun before gets nothing out either */
	KUNIT_EXPECT_EQ(test, key_try_release(state.key, ZKHSM_KEY_USAGE_SIGN, &release), -EIO);
	KUNIT_EXPECT_EQ(test, reason_of(&release), (u32)ZKHSM_REASON_FAULT);
	KUNIT_EXPECT_EQ(test, zkhsm_evidence_make(challenge(test), &evidence), -EIO);
	KUNIT_EXPECT_EQ(test, reason_of(&evidence), (u32)ZKHSM_REASON_FAULT);
	KUNIT_EXPECT_EQ(test, stubs.faults, 0u);
}

/* Orders still stop keys, and keys can still be deleted. */
static void fault_leaves_stopping(struct kunit *test)
{
	struct zkhsm_manager_info info;
	struct test_manager *m;
	struct rnd_state rnd;

	random_begin(test, &rnd, SEED + 1);
	quorums_set(test, 1, 1, 1);
	m = manager_pin(test, &rnd);
	KUNIT_EXPECT_EQ(test, order_next(test, m, ZKHSM_ORDER_TYPE_REVOKE, state.key), 0);
	KUNIT_EXPECT_EQ(test, state.key->state, ZKHSM_KEY_STATE_COMPROMISED);
	KUNIT_EXPECT_NULL(test, state.key->live);
	key_delete(test, state.key);
	manager_unpin(test, m);
	KUNIT_EXPECT_EQ(test, zkhsm_trust_del(state.manager, &info, NULL), 0);
}

/* A second fault is refused as the first, and told to nobody again. */
static void fault_told_once(struct kunit *test)
{
	u8 digest[ZKHSM_HASH_LEN] = { 1 }, sig[ZKHSM_SIGNATURE_LEN];
	struct test_secret *s;
	struct rnd_state rnd;
	u32 faults;

	random_begin(test, &rnd, SEED + 2);
	s = secret_new(test, &rnd);
	s->plain.limb[0] ^= 1;
	KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_sign(&s->secret, s->pub, digest, sig), -EIO);
	KUNIT_EXPECT_NULL(test, memchr_inv(sig, 0, sizeof(sig)));
	KUNIT_EXPECT_EQ(test, stubs.faults, 1u);
	KUNIT_EXPECT_EQ(test, state.traced, 1u);
	KUNIT_EXPECT_EQ(test, faults_told(test, &faults), 0u);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(fault_none_yet),
	KUNIT_CASE(fault_told_in_turn),
	KUNIT_CASE(fault_in_stored_form),
	KUNIT_CASE(fault_disables),
	KUNIT_CASE(fault_leaves_stopping),
	KUNIT_CASE(fault_told_once),
	{}
};

struct kunit_suite zkhsm_kunit_fault = {
	.name = "zkhsm-fault",
	.suite_init = suite_init,
	.suite_exit = suite_exit,
	.init = stubs_reset,
	.exit = stubs_restore,
	.test_cases = cases,
};
