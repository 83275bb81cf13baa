// SPDX-License-Identifier: GPL-2.0
/*
 * test_origin.c - which addresses the servers take for one client
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "server.h"

static void expect(int family, const char *address, const char *origin)
{
	struct sockaddr_storage any = { .ss_family = (sa_family_t)family };
	char out[SERVER_ORIGIN_LEN];

	if (family == AF_INET)
		assert_int_equal(inet_pton(family, address,
					   &((struct sockaddr_in *)&any)->sin_addr), 1);
	else if (family == AF_INET6)
		assert_int_equal(inet_pton(family, address,
					   &((struct sockaddr_in6 *)&any)->sin6_addr), 1);
	server_origin((struct sockaddr *)&any, out);
	assert_string_equal(out, origin);
}

static void origins(void **state)
{
	(void)state;
	expect(AF_INET, "192.0.2.1", "192.0.2.1");
	expect(AF_INET, "192.0.2.2", "192.0.2.2");
	expect(AF_INET6, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
	expect(AF_INET6, "2001:db8:1:2:ffff::", "2001:db8:1:2::/64");
	expect(AF_INET6, "2001:db8:1:3::1", "2001:db8:1:3::/64");
	expect(AF_INET6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff::/64");
	expect(AF_INET6, "::1", "::/64");
	/* A server that listens on :: sees IPv4 so; these are not one client. */
	expect(AF_INET6, "::ffff:192.0.2.1", "192.0.2.1");
	expect(AF_INET6, "::ffff:192.0.2.2", "192.0.2.2");
	expect(AF_UNIX, "", "unknown");
}

static void hashes(void **state)
{
	(void)state;
	assert_int_equal(server_origin_hash("192.0.2.1"), server_origin_hash("192.0.2.1"));
	assert_int_not_equal(server_origin_hash("192.0.2.1"), server_origin_hash("192.0.2.2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(origins),
		cmocka_unit_test(hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
