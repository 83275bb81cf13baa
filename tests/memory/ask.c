// SPDX-License-Identifier: GPL-2.0
#include "ask.h"

#include <keyutils.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct hsm h;

static void send_hot(enum kind kind, struct nl_msg *msg, uint16_t flags)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	int fd = nlraw_fd(&h.nl);

	header->nlmsg_flags = NLM_F_REQUEST | flags;
	nl_complete_msg(h.nl.sock, msg);
	if (!hot_fork(kind))
		hot_spin(syscall(SYS_sendto, fd, header, header->nlmsg_len, 0, NULL, 0));
}

void ask(enum kind kind, struct nl_msg *msg)
{
	send_hot(kind, msg, NLM_F_ACK);
	require(!nlraw_receive(&h.nl, NULL, NULL, &h.a) || h.a.error, "no answer");
	hot_wait(kind);
	nlmsg_free(msg);
}

void ask_sealed(enum kind kind, struct nl_msg *msg, struct sealed *s)
{
	send_hot(kind, msg, NLM_F_DUMP);
	sealed_receive(&h, s);
	hot_wait(kind);
	nlmsg_free(msg);
}

/* In the hot process alone. */
static long add_payload(enum secret which, size_t len, const struct around *around,
			const char *name)
{
	static volatile uint8_t payload[SHARE_BEFORE + MASKED_BUFFER + SHARE_AFTER];
	size_t before = around ? SHARE_BEFORE : 0, after = around ? SHARE_AFTER : 0;
	long result;

	if (around)
		memcpy((void *)payload, around->before, before);
	masked_derive(which, payload + before);
	if (around)
		memcpy((void *)(payload + before + len), around->after, after);
	result = add_key("logon", name, (const void *)payload, before + len + after,
			 KEY_SPEC_SESSION_KEYRING);
	masked_wipe(payload, sizeof(payload));
	return result;
}

int32_t add_secret(enum secret which, size_t len, const struct around *around)
{
	static unsigned int number;
	char name[32];
	long result;

	snprintf(name, sizeof(name), "zkhsm:memory-%u", number++);
	if (!hot_fork(ADD_KEY))
		hot_spin(add_payload(which, len, around, name));
	result = hot_wait(ADD_KEY);
	require(result > 0, "add_key");
	return (int32_t)result;
}

void drop_secret(int32_t serial)
{
	keyctl_revoke(serial);
	check(!keyctl_unlink(serial, KEY_SPEC_SESSION_KEYRING), "unlink");
}

void hex(const char *before, const void *data, size_t len)
{
	const uint8_t *p = data;

	printf("%s", before);
	while (len--)
		printf("%02x", *p++);
}
