// SPDX-License-Identifier: GPL-2.0
/*
 * Who may do what. Every command is tried by everybody who must not, and by
 * caller and socket opener who are not the same; then nothing may have
 * changed. What each user may do is tried too, so that a module which refuses
 * everything fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hsm.h"

enum class { PUBLIC, OWNER, AGENT, ADMIN };

#define FIRST	ZKHSM_CMD_HSM_NEW

static const struct {
	const char *name;
	enum class class;
} commands[ZKHSM_CMD_MAX + 1] = {
	[ZKHSM_CMD_HSM_NEW] = { "hsm-new", ADMIN },
	[ZKHSM_CMD_HSM_GET] = { "hsm-get", PUBLIC },
	[ZKHSM_CMD_HSM_SET] = { "hsm-set", ADMIN },
	[ZKHSM_CMD_HSM_LOCK] = { "hsm-lock", ADMIN },
	[ZKHSM_CMD_HSM_SEAL] = { "hsm-seal", AGENT },
	[ZKHSM_CMD_HSM_UNSEAL] = { "hsm-unseal", ADMIN },
	[ZKHSM_CMD_KEY_NEW] = { "key-new", ADMIN },
	[ZKHSM_CMD_KEY_GET] = { "key-get", OWNER },
	[ZKHSM_CMD_KEY_SET] = { "key-set", OWNER },
	[ZKHSM_CMD_KEY_DEL] = { "key-del", OWNER },
	[ZKHSM_CMD_KEY_SIGN] = { "key-sign", OWNER },
	[ZKHSM_CMD_KEY_MAC] = { "key-mac", OWNER },
	[ZKHSM_CMD_KEY_DERIVE] = { "key-derive", OWNER },
	[ZKHSM_CMD_PROOF_GET] = { "proof-get", OWNER },
	[ZKHSM_CMD_EVIDENCE_GET] = { "evidence-get", AGENT },
	[ZKHSM_CMD_LIST_GET] = { "list-get", AGENT },
	[ZKHSM_CMD_TRUST_NEW] = { "trust-new", ADMIN },
	[ZKHSM_CMD_TRUST_GET] = { "trust-get", AGENT },
	[ZKHSM_CMD_TRUST_DEL] = { "trust-del", ADMIN },
	[ZKHSM_CMD_ORDER_APPLY] = { "order-apply", AGENT },
	[ZKHSM_CMD_LEASE_GET] = { "lease-get", AGENT },
	[ZKHSM_CMD_SHARE_NEW] = { "share-new", ADMIN },
	[ZKHSM_CMD_SHARE_GET] = { "share-get", ADMIN },
	[ZKHSM_CMD_SHARE_DEL] = { "share-del", ADMIN },
};

static struct hsm h;
static struct manager pinned, unpinned;

static void start(void)
{
	if (h.nl.sock)
		return;
	hsm_fresh(&h, NULL);
	manager_new_pinned(&h, &pinned);
	manager_new(&unpinned);
	key_new_owned(&h, "of-owner", UID_OWNER);
	require(!h.a.error, "key-new: %s", h.a.text);
	key_new_owned(&h, "of-other", UID_OTHER);
	require(!h.a.error, "key-new: %s", h.a.text);
	key_new(&h, "of-root");
	require(!h.a.error, "key-new: %s", h.a.text);
}

/* A request that would be carried out, were it allowed. */
static struct nl_msg *request(const struct hsm *x, uint8_t cmd, const char *key)
{
	static const uint8_t bytes[200] = "ZKHSM";
	struct nl_msg *msg = nlraw_msg(&x->nl, cmd);

	if (cmd == ZKHSM_CMD_KEY_NEW) {
		nlmsg_free(msg);
		return key_new_msg(x, "intruder");
	}
	if (commands[cmd].class == OWNER)
		nla_put_string(msg, ZKHSM_A_KEY_ID, key);
	switch (cmd) {
	case ZKHSM_CMD_HSM_SET:
		nla_put_u32(msg, ZKHSM_A_HSM_AGENT_UID, UID_OTHER);
		break;
	case ZKHSM_CMD_KEY_SET:
		nla_put_u32(msg, ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_DEACTIVATED);
		break;
	case ZKHSM_CMD_KEY_SIGN:
		nla_put(msg, ZKHSM_A_KEY_DIGEST, 32, bytes);
		break;
	case ZKHSM_CMD_PROOF_GET:
		nla_put(msg, ZKHSM_A_PROOF_USER_ID, 6, "client");
		break;
	case ZKHSM_CMD_EVIDENCE_GET:
		put_challenge(msg, pinned.id, NULL);
		break;
	case ZKHSM_CMD_TRUST_NEW:
		nla_put(msg, ZKHSM_A_MANAGER_PUBLIC, 65, unpinned.public);
		break;
	case ZKHSM_CMD_TRUST_GET:
	case ZKHSM_CMD_TRUST_DEL:
		nla_put(msg, ZKHSM_A_MANAGER_MANAGER_ID, 32, pinned.id);
		break;
	case ZKHSM_CMD_LEASE_GET:
		nla_put(msg, ZKHSM_A_LEASE_MANAGER_ID, 32, pinned.id);
		break;
	case ZKHSM_CMD_ORDER_APPLY:
		nla_put(msg, ZKHSM_A_ORDER_ORDER, sizeof(bytes), bytes);
		break;
	case ZKHSM_CMD_SHARE_NEW:
		nla_put_u32(msg, ZKHSM_A_SHARE_KEYRING_SERIAL, 1);
		break;
	}
	return msg;
}

/* Every command of a class is refused on @x, with a key of class owner being @key. */
static void refused(struct hsm *x, enum class class, const char *key, const char *who)
{
	static const struct { int error; uint32_t reason; } no[] = {
		[OWNER] = { EACCES, ZKHSM_REASON_NOT_OWNER },
		[AGENT] = { EACCES, ZKHSM_REASON_NOT_AGENT },
		[ADMIN] = { EPERM, ZKHSM_REASON_NOT_ADMIN },
	};
	uint8_t cmd;

	for (cmd = FIRST; cmd <= ZKHSM_CMD_MAX; cmd++) {
		if (!commands[cmd].name || commands[cmd].class != class)
			continue;
		nlraw_do(&x->nl, request(x, cmd, key), &x->a);
		check_refused(&x->a, no[class].error, no[class].reason, "%s by %s",
			      commands[cmd].name, who);
	}
}

static void all_refused(struct hsm *x, const char *key, const char *who)
{
	refused(x, OWNER, key, who);
	refused(x, AGENT, key, who);
	refused(x, ADMIN, key, who);
	nlraw_do(&x->nl, nlraw_msg(&x->nl, ZKHSM_CMD_HSM_GET), &x->a);
	check_done(&x->a, "hsm-get by %s", who);
}

static void nothing_changed(void)
{
	static const char *const keys[] = { "of-owner", "of-other", "of-root" };
	size_t i;

	hsm_get(&h);
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_KEY_COUNT) == 3, "keys came or went");
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_AGENT_UID) == UID_AGENT, "the agent changed");
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		check(key_state(&h, keys[i]) == ZKHSM_KEY_STATE_ACTIVE, "%s changed", keys[i]);
	nlraw_do(&h.nl, request(&h, ZKHSM_CMD_TRUST_GET, NULL), &h.a);
	check_done(&h.a, "the manager is gone");
}

static void as_other(void *arg)
{
	struct hsm x = { 0 };

	(void)arg;
	hsm_reopen(&x);
	all_refused(&x, "of-owner", "a stranger");
	nlraw_do(&x.nl, request(&x, ZKHSM_CMD_KEY_SIGN, "of-other"), &x.a);
	check_done(&x.a, "the stranger's own key");
}

static void stranger(void)
{
	start();
	check(!ktap_child(UID_OTHER, as_other, NULL), "child");
	nothing_changed();
}

static void as_owner(void *arg)
{
	static const uint8_t used[] = { ZKHSM_CMD_KEY_GET, ZKHSM_CMD_KEY_SIGN,
					ZKHSM_CMD_PROOF_GET };
	struct hsm x = { 0 };
	size_t i;

	(void)arg;
	hsm_reopen(&x);
	refused(&x, OWNER, "of-other", "another owner");
	refused(&x, AGENT, NULL, "an owner");
	refused(&x, ADMIN, NULL, "an owner");
	for (i = 0; i < sizeof(used); i++) {
		nlraw_do(&x.nl, request(&x, used[i], "of-owner"), &x.a);
		check_done(&x.a, "%s by its owner", commands[used[i]].name);
	}
	key_set_u32(&x, "of-owner", ZKHSM_A_KEY_OWNER_UID, UID_OTHER);
	check_refused(&x.a, EPERM, ZKHSM_REASON_NOT_ADMIN, "an owner gives his key away");
}

static void owner(void)
{
	start();
	check(!ktap_child(UID_OWNER, as_owner, NULL), "child");
	nothing_changed();
}

static void as_agent(void *arg)
{
	static const uint8_t done[] = { ZKHSM_CMD_KEY_GET, ZKHSM_CMD_EVIDENCE_GET,
					ZKHSM_CMD_LIST_GET, ZKHSM_CMD_TRUST_GET,
					ZKHSM_CMD_LEASE_GET };
	struct hsm x = { 0 };
	size_t i;
	uint8_t cmd;

	(void)arg;
	hsm_reopen(&x);
	for (i = 0; i < sizeof(done); i++) {
		nlraw_do(&x.nl, request(&x, done[i], "of-owner"), &x.a);
		check_done(&x.a, "%s by the agent", commands[done[i]].name);
	}
	nlraw_do(&x.nl, request(&x, ZKHSM_CMD_ORDER_APPLY, NULL), &x.a);
	check_refused(&x.a, EBADMSG, ZKHSM_REASON_MALFORMED, "the agent's order is read");
	refused(&x, ADMIN, NULL, "the agent");
	for (cmd = ZKHSM_CMD_KEY_SET; cmd <= ZKHSM_CMD_PROOF_GET; cmd++) {
		if (!commands[cmd].name)
			continue;
		nlraw_do(&x.nl, request(&x, cmd, "of-owner"), &x.a);
		check_refused(&x.a, EACCES, ZKHSM_REASON_NOT_OWNER, "%s by the agent",
			      commands[cmd].name);
	}
}

static void agent(void)
{
	start();
	check(!ktap_child(UID_AGENT, as_agent, NULL), "child");
	nothing_changed();
}

/* An administrator sees and destroys, but uses no key that is not his own. */
static void administrator(void)
{
	static const uint8_t uses[] = { ZKHSM_CMD_KEY_SIGN, ZKHSM_CMD_KEY_MAC,
					ZKHSM_CMD_KEY_DERIVE, ZKHSM_CMD_PROOF_GET };
	size_t i;

	start();
	h.nl.addressed = true;
	nlraw_do(&h.nl, nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SET), &h.a);
	check_done(&h.a, "hsm-set by root with an address");
	h.nl.addressed = false;
	for (i = 0; i < sizeof(uses); i++) {
		nlraw_do(&h.nl, request(&h, uses[i], "of-owner"), &h.a);
		check_refused(&h.a, EACCES, ZKHSM_REASON_NOT_OWNER, "%s by root",
			      commands[uses[i]].name);
	}
	key_get(&h, "of-owner");
	check_done(&h.a, "key-get by root");
	key_new_owned(&h, "short-lived", UID_OWNER);
	check_done(&h.a, "key-new by root");
	key_set_u32(&h, "short-lived", ZKHSM_A_KEY_OWNER_UID, UID_OTHER);
	check_done(&h.a, "key-set by root");
	key_del(&h, "short-lived");
	check_done(&h.a, "key-del by root");
	nlraw_do(&h.nl, request(&h, ZKHSM_CMD_SHARE_GET, NULL), &h.a);
	check_done(&h.a, "share-get by root");
	nlraw_do(&h.nl, request(&h, ZKHSM_CMD_SHARE_DEL, NULL), &h.a);
	check_done(&h.a, "share-del by root");
	nlraw_do(&h.nl, request(&h, ZKHSM_CMD_SHARE_NEW, NULL), &h.a);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_KEYRING, "root's share is looked for");
	nothing_changed();
}

/* The opener was root, the caller is not. */
static void with_roots_socket(void *arg)
{
	(void)arg;
	all_refused(&h, "of-owner", "a stranger with root's socket");
	refused(&h, OWNER, "of-root", "a stranger with root's socket");
	refused(&h, OWNER, "of-other", "an owner with root's socket");
}

static void deputy_caller(void)
{
	start();
	check(!ktap_child(UID_OTHER, with_roots_socket, NULL), "child");
	nothing_changed();
}

/* Opens a socket and sends it through a UNIX socket. */
static void open_and_send(void *arg)
{
	const int *channel = arg;
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec io = { .iov_base = control, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct nlraw nl;
	int fd;

	require(!nlraw_open(&nl), "no family");
	fd = nlraw_fd(&nl);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	check(sendmsg(channel[1], &m, 0) == 1, "sendmsg");
}

static int receive_socket(int channel)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec io = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(channel, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static void opened_by(uid_t uid, struct hsm *x)
{
	int channel[2], fd;

	require(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), "socketpair");
	check(!ktap_child(uid, open_and_send, channel), "child");
	fd = receive_socket(channel[0]);
	close(channel[0]);
	close(channel[1]);
	require(fd >= 0, "no socket came");
	require(!nlraw_adopt(&x->nl, fd, &h.nl), "adopt");
}

static void with_others_socket(void *arg)
{
	struct hsm *x = arg;

	refused(x, OWNER, "of-owner", "its owner with a stranger's socket");
	refused(x, AGENT, NULL, "its owner with a stranger's socket");
}

static void as_agent_with_others_socket(void *arg)
{
	refused(arg, AGENT, NULL, "the agent with a stranger's socket");
}

/* The caller may, the opener may not: root writes to what a stranger gave it. */
static void deputy_opener(void)
{
	static struct hsm x;

	start();
	opened_by(UID_OTHER, &x);
	all_refused(&x, "of-root", "root with a stranger's socket");
	/* An address is what lets netlink_capable() forget the opener. */
	x.nl.addressed = true;
	all_refused(&x, "of-root", "root with a stranger's socket and an address");
	x.nl.addressed = false;
	check(!ktap_child(UID_OWNER, with_others_socket, &x), "child");
	check(!ktap_child(UID_AGENT, as_agent_with_others_socket, &x), "child");
	hsm_close(&x);
	nothing_changed();
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Root of a user namespace of his own, in the initial network namespace. */
static void as_namespace_root(void *arg)
{
	struct hsm x = { 0 };
	char map[40];

	(void)arg;
	require(!unshare(CLONE_NEWUSER), "unshare: %s", strerrorname_np(errno));
	snprintf(map, sizeof(map), "0 %d 1\n", UID_OTHER);
	require(write_file("/proc/self/setgroups", "deny") &&
		write_file("/proc/self/uid_map", map), "uid_map");
	require(!geteuid(), "not root of the namespace");
	hsm_reopen(&x);
	all_refused(&x, "of-root", "root of a user namespace");
}

static void user_namespace(void)
{
	start();
	if (access("/proc/self/ns/user", F_OK))
		ktap_skip("the kernel has no user namespaces");
	check(!ktap_child(UID_OTHER, as_namespace_root, NULL), "child");
	nothing_changed();
}

/* Neither by name nor, for who knows it, by number. */
static void in_other_network(void *arg)
{
	struct nlraw nl, raw;
	int fd, ret;

	(void)arg;
	require(!unshare(CLONE_NEWNET), "unshare: %s", strerrorname_np(errno));
	ret = nlraw_open(&nl);
	check(ret == -ENOENT, "the family answers: %s", strerrorname_np(-ret));
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	require(fd >= 0 && !nlraw_adopt(&raw, fd, &h.nl), "socket");
	nlraw_do(&raw, nlraw_msg(&raw, ZKHSM_CMD_HSM_GET), &h.a);
	check(h.a.error == ENOENT, "hsm-get by number: %s", strerrorname_np(h.a.error));
	nlraw_close(&raw);
}

static void network_namespace(void)
{
	start();
	if (access("/proc/self/ns/net", F_OK))
		ktap_skip("the kernel has no network namespaces");
	check(!ktap_child(-1, in_other_network, NULL), "child");
}

static int join(const struct nlraw *nl)
{
	int group = nl->group;

	return setsockopt(nlraw_fd(nl), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
			  sizeof(group)) ? errno : 0;
}

static void join_refused(void *arg)
{
	struct nlraw nl;
	int error;

	(void)arg;
	error = join(&h.nl);
	check(error == EPERM, "root's socket joins: %s", strerrorname_np(error));
	require(!nlraw_open(&nl), "no family");
	error = join(&nl);
	check(error == EPERM, "own socket joins: %s", strerrorname_np(error));
	nlraw_close(&nl);
}

static void events(void)
{
	struct nlraw nl;
	int error;

	start();
	check(h.nl.group > 0, "no multicast group");
	check(!ktap_child(UID_OTHER, join_refused, NULL), "child");
	check(!ktap_child(UID_AGENT, join_refused, NULL), "child");
	require(!nlraw_open(&nl), "no family");
	error = join(&nl);
	check(!error, "root joins: %s", strerrorname_np(error));
	nlraw_close(&nl);
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "stranger", stranger },
		{ "owner", owner },
		{ "agent", agent },
		{ "administrator", administrator },
		{ "deputy_caller", deputy_caller },
		{ "deputy_opener", deputy_opener },
		{ "user_namespace", user_namespace },
		{ "network_namespace", network_namespace },
		{ "events", events },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
