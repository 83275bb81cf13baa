// SPDX-License-Identifier: GPL-2.0
/*
 * server_origin.c - who counts as one client where shares are given out
 *
 * An IPv4 address; of IPv6 the /64, which one host has to itself (RFC 4291
 * section 2.5.4) and can pick addresses from at will. An IPv4 address that comes
 * mapped into IPv6 is an IPv4 address: otherwise all of them would be one.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "server_private.h"

void server_origin(const struct sockaddr *address, char out[SERVER_ORIGIN_LEN])
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)address;
	const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)address;
	struct in6_addr net = { 0 };
	char text[INET6_ADDRSTRLEN];

	snprintf(out, SERVER_ORIGIN_LEN, "unknown");
	if (address->sa_family == AF_INET) {
		inet_ntop(AF_INET, &four->sin_addr, out, SERVER_ORIGIN_LEN);
	} else if (address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		inet_ntop(AF_INET, six->sin6_addr.s6_addr + 12, out, SERVER_ORIGIN_LEN);
	} else if (address->sa_family == AF_INET6) {
		memcpy(&net, &six->sin6_addr, 8);
		if (inet_ntop(AF_INET6, &net, text, sizeof(text)))
			snprintf(out, SERVER_ORIGIN_LEN, "%.44s/64", text);
	}
}

static uint8_t secret[8];

static void draw_secret(void)
{
	/* Without one, who chooses addresses can make them collide: no worse than that. */
	if (RAND_bytes(secret, sizeof(secret)) != 1)
		memset(secret, 0, sizeof(secret));
}

/* FNV-1a. */
uint32_t server_origin_hash(const char *origin)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint32_t hash = 2166136261u;

	pthread_once(&once, draw_secret);
	for (size_t i = 0; i < sizeof(secret); i++)
		hash = (hash ^ secret[i]) * 16777619u;
	for (; *origin; origin++)
		hash = (hash ^ (uint8_t)*origin) * 16777619u;
	return hash;
}
