// SPDX-License-Identifier: GPL-2.0
/*
 * What others see: the audit trail, which must tell of administrative acts,
 * and nlmon, which sees every netlink message and must never see a secret.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hsm.h"

static struct hsm h;
static uint8_t packet[NLRAW_BUFFER];

static bool contains(const uint8_t *data, size_t len, const void *what, size_t what_len)
{
	return memmem(data, len, what, what_len);
}

/* --- nlmon ---------------------------------------------------------------- */

static int open_tap(void)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETH_P_ALL) };
	int size = 8 << 20, fd;

	/* A module of its own on most kernels; without it there is no such device. */
	if (system("modprobe -q nlmon; ip link show dev zktap >/dev/null 2>&1 || "
		   "ip link add zktap type nlmon 2>/dev/null") ||
	    system("ip link set dev zktap up"))
		ktap_skip("this kernel has no nlmon");
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (fd < 0)
		ktap_skip("this kernel has no AF_PACKET: %s", strerrorname_np(errno));
	address.sll_ifindex = (int)if_nametoindex("zktap");
	require(!bind(fd, (struct sockaddr *)&address, sizeof(address)), "bind: %s",
		strerrorname_np(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

struct secret {
	const char *what;
	uint8_t bytes[32];
};

/* Reads what was tapped; counts the packets that name @marker. */
static unsigned int search(int fd, const char *marker, const struct secret *secrets, size_t count)
{
	unsigned int seen = 0;
	ssize_t n;
	size_t i;

	while ((n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT)) > 0) {
		seen += contains(packet, (size_t)n, marker, strlen(marker));
		for (i = 0; i < count; i++)
			check(!contains(packet, (size_t)n, secrets[i].bytes, 32),
			      "a netlink message has %s in it", secrets[i].what);
	}
	return seen;
}

static void reverse(const uint8_t in[32], uint8_t out[32])
{
	int i;

	for (i = 0; i < 32; i++)
		out[i] = in[31 - i];
}

static void no_secret_on_netlink(void)
{
	static const uint8_t digest[32] = { 1 };
	struct secret secrets[2] = { { .what = "the scalar" },
				     { .what = "the scalar, little-endian" } };
	struct manager m;
	int fd;

	hsm_close(&h);
	hsm_fresh(&h, NULL);
	manager_new_pinned(&h, &m);
	fd = open_tap();
	ec_random_scalar(secrets[0].bytes);
	reverse(secrets[0].bytes, secrets[1].bytes);

	key_import(&h, "tapped-key", secrets[0].bytes);
	check_done(&h.a, "import");
	/* A refusal comes back with the whole request in it. */
	key_import(&h, "tapped-key", secrets[0].bytes);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_ID_EXISTS, "import again");
	key_sign(&h, "tapped-key", digest);
	check_done(&h.a, "key-sign");
	key_prove(&h, "tapped-key", "client", 6, NULL, 0);
	check_done(&h.a, "proof-get");
	evidence_get(&h, &m);
	check_done(&h.a, "evidence-get");
	nlraw_dump(&h.nl, nlraw_msg(&h.nl, ZKHSM_CMD_LIST_GET), NULL, NULL, &h.a);
	check_done(&h.a, "list-get");
	check(search(fd, "tapped-key", secrets, 2) >= 5, "the tap saw nothing");
	close(fd);
	check(!system("ip link del dev zktap"), "ip link del");
	manager_free(&m);
}

/* --- audit ---------------------------------------------------------------- */

#define TRAIL_MAX	(64 * 1024)

static char trail[TRAIL_MAX];

static int open_trail(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	int group = AUDIT_NLGRP_READLOG;

	if (fd < 0)
		ktap_skip("this kernel has no audit: %s", strerrorname_np(errno));
	require(!bind(fd, (struct sockaddr *)&address, sizeof(address)), "bind");
	require(!setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)),
		"join: %s", strerrorname_np(errno));
	return fd;
}

static void switch_audit(int fd, uint32_t on)
{
	struct {
		struct nlmsghdr head;
		struct audit_status status;
	} request = {
		.head = { .nlmsg_len = sizeof(request), .nlmsg_type = AUDIT_SET,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.status = { .mask = AUDIT_STATUS_ENABLED, .enabled = on },
	};

	require(send(fd, &request, sizeof(request), 0) == sizeof(request), "AUDIT_SET: %s",
		strerrorname_np(errno));
}

/* Everything logged until nothing came for a while: kauditd is a thread of its own. */
static void read_trail(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	size_t len = strlen(trail);

	while (poll(&ready, 1, 1000) > 0) {
		ssize_t n = recv(fd, packet, sizeof(packet), 0);
		struct nlmsghdr *nh = (struct nlmsghdr *)packet;
		size_t text;

		if (n < (ssize_t)NLMSG_HDRLEN || nh->nlmsg_type != AUDIT_KERNEL_OTHER)
			continue;
		text = (size_t)n - NLMSG_HDRLEN;
		if (len + text + 2 > sizeof(trail))
			break;
		memcpy(trail + len, nlmsg_data(nh), text);
		trail[len + text] = '\n';
		len += text + 1;
	}
	trail[len] = '\0';
}

/* One line with all of these in it. */
static void on_record(const char *a, const char *b, const char *c)
{
	char line[1024];
	const char *p = trail, *end;

	for (; (end = strchr(p, '\n')); p = end + 1) {
		snprintf(line, sizeof(line), "%.*s", (int)(end - p), p);
		if (strstr(line, "zkhsm: ") && strstr(line, a) && strstr(line, b) && strstr(line, c))
			break;
	}
	check(end, "no audit record with %s %s %s", a, b, c);
}

static void try_key_new(void *arg)
{
	struct hsm x = { 0 };

	(void)arg;
	hsm_reopen(&x);
	key_new(&x, "intruder");
	check_refused(&x.a, EPERM, ZKHSM_REASON_NOT_ADMIN, "key-new by a stranger");
}

static unsigned int count_records(const char *what)
{
	unsigned int n = 0;
	const char *p;

	for (p = strstr(trail, what); p; p = strstr(p + 1, what))
		n++;
	return n;
}

/* Who is not the owner leaves a trace, but no more than ten in ten seconds. */
static void try_key_del(void *arg)
{
	struct hsm x = { 0 };
	int i;

	(void)arg;
	hsm_reopen(&x);
	for (i = 0; i < 50; i++) {
		key_del(&x, "audited");
		check_refused(&x.a, EACCES, ZKHSM_REASON_NOT_OWNER, "key-del by the agent");
		key_set_u32(&x, "audited", ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_DEACTIVATED);
		check_refused(&x.a, EACCES, ZKHSM_REASON_NOT_OWNER, "key-set by the agent");
	}
}

/* Nor does an owner who switches his key off and on. */
static void switch_own_key(void *arg)
{
	struct hsm x = { 0 };
	int i;

	(void)arg;
	hsm_reopen(&x);
	for (i = 0; i < 100; i++) {
		key_set_u32(&x, "audited", ZKHSM_A_KEY_STATE,
			    i % 2 ? ZKHSM_KEY_STATE_ACTIVE : ZKHSM_KEY_STATE_DEACTIVATED);
		check_done(&x.a, "key-set by the owner");
	}
}

static void audit_trail(void)
{
	char id[24];
	uint8_t element[32];
	struct manager m;
	int fd = open_trail();

	hsm_close(&h);
	switch_audit(fd, 1);
	hsm_fresh(&h, NULL);
	manager_new_pinned(&h, &m);
	key_new(&h, "audited");
	key_element(&h, "audited", element);
	key_set_u32(&h, "audited", ZKHSM_A_KEY_OWNER_UID, UID_OWNER);
	key_new(&h, "audited");		/* refused */
	manager_pin(&h, &m);		/* refused */
	check(!ktap_child(UID_AGENT, try_key_del, NULL), "child");
	check(!ktap_child(UID_OWNER, switch_own_key, NULL), "child");
	order_one(&h, &m, ZKHSM_ORDER_TYPE_REVOKE, 1, element);
	key_del(&h, "audited");
	manager_unpin(&h, &m);
	check(!ktap_child(UID_OTHER, try_key_new, NULL), "child");
	read_trail(fd);
	switch_audit(fd, 0);
	close(fd);
	manager_free(&m);

	on_record("op=hsm-new", "uid=0", "res=1");
	on_record("op=trust-new", "uid=0", "res=1");
	on_record("op=key-new", "id=audited", "res=1");
	on_record("op=key-new", "errno=17", "res=0");
	snprintf(id, sizeof(id), "%02x%02x%02x%02x%02x%02x%02x%02x", m.id[0], m.id[1], m.id[2],
		 m.id[3], m.id[4], m.id[5], m.id[6], m.id[7]);
	on_record("op=trust-new", id, "errno=17");
	on_record("op=key-del id=audited", "uid=60002", "errno=13");
	on_record("op=key-set id=audited", "uid=60002", "errno=13");
	on_record("op=key-set id=audited", "uid=60001", "res=1");
	/* Ten in ten seconds; a slow machine may need more than one such while. */
	check(count_records("uid=60002") < 100 && count_records("uid=60001") < 100,
	      "%u records of the agent, %u of an owner", count_records("uid=60002"),
	      count_records("uid=60001"));
	on_record("op=key-set", "id=audited", "res=1");
	on_record("op=order-apply", "uid=0", "res=1");
	on_record("op=key-state", "id=audited", "res=1");
	on_record("op=key-del", "id=audited", "res=1");
	on_record("op=trust-del", "uid=0", "res=1");
	on_record("op=command-", "uid=60003 errno=1 res=0", "");
	if (!strstr(trail, "zkhsm: "))
		ktap_note("nothing of ours in %zu bytes of records", strlen(trail));
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "no_secret_on_netlink", no_secret_on_netlink },
		{ "audit_trail", audit_trail },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
