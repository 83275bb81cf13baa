// SPDX-License-Identifier: GPL-2.0
/* Between the kernel and a TPM, on the wires that nothing protects. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vtpm_proxy.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "swtpm.h"

#define MESSAGE_MAX		4096
#define HEADER_LEN		10
#define TAG_NO_SESSIONS		0x8001
/* What the proxy itself asks for; swtpm knows it by its own proxy mode alone. */
#define SET_LOCALITY		0x20001000

static pthread_t thread;
static bool started;
static int kernel_side, tpm_side;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct swtpm_lie lie;
static bool lied;

static uint32_t word(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_word(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static size_t bare(uint8_t *response, uint32_t code)
{
	response[0] = TAG_NO_SESSIONS >> 8;
	response[1] = TAG_NO_SESSIONS & 0xff;
	put_word(response + 2, HEADER_LEN);
	put_word(response + 6, code);
	return HEADER_LEN;
}

/* A stream, so a response may come in pieces. Returns 0 at its end. */
static size_t ask(const uint8_t *command, size_t len, uint8_t *response)
{
	size_t got = 0;

	if (write(tpm_side, command, len) != (ssize_t)len)
		return 0;
	while (got < HEADER_LEN || got < word(response + 2)) {
		ssize_t n = read(tpm_side, response + got, MESSAGE_MAX - got);

		if (n <= 0)
			return 0;
		got += (size_t)n;
	}
	return got;
}

static bool due(uint32_t command, struct swtpm_lie *now)
{
	bool is = false;

	pthread_mutex_lock(&lock);
	if (lie.command == command && !lied && !lie.skip--) {
		*now = lie;
		is = true;
		lied = true;
	}
	pthread_mutex_unlock(&lock);
	return is;
}

static size_t answer(const uint8_t *command, size_t len, uint8_t *response)
{
	const uint32_t code = word(command + 6);
	struct swtpm_lie now;
	size_t got;

	if (code == SET_LOCALITY)
		return bare(response, 0);
	if (!due(code, &now))
		return ask(command, len, response);
	if (now.code)
		return bare(response, now.code);
	got = ask(command, len, response);
	if (got > now.cut) {
		put_word(response + 2, (uint32_t)now.cut);
		got = now.cut;
	}
	return got;
}

static void *relay(void *unused)
{
	static uint8_t command[MESSAGE_MAX], response[MESSAGE_MAX];
	struct pollfd ends[] = { { .fd = kernel_side, .events = POLLIN }, { .fd = tpm_side } };

	(void)unused;
	while (poll(ends, 2, -1) > 0 || errno == EINTR) {
		ssize_t n;
		size_t len;

		if (ends[1].revents)
			break;
		if (!ends[0].revents)
			continue;
		n = read(kernel_side, command, sizeof(command));
		if (n < HEADER_LEN)
			break;
		len = answer(command, (size_t)n, response);
		if (!len || write(kernel_side, response, len) != (ssize_t)len)
			break;
	}
	close(kernel_side);
	close(tpm_side);
	return NULL;
}

bool swtpm_relay_start(int tpm)
{
	struct vtpm_proxy_new_dev device = { .flags = VTPM_PROXY_FLAG_TPM2 };
	int proxy = open("/dev/vtpmx", O_RDWR | O_CLOEXEC);

	if (proxy < 0 || ioctl(proxy, VTPM_PROXY_IOC_NEW_DEV, &device))
		return false;
	close(proxy);
	fcntl((int)device.fd, F_SETFD, FD_CLOEXEC);
	kernel_side = (int)device.fd;
	tpm_side = tpm;
	started = !pthread_create(&thread, NULL, relay, NULL);
	return started;
}

void swtpm_relay_end(void)
{
	if (started)
		pthread_join(thread, NULL);
	started = false;
	swtpm_lie(NULL);
}

void swtpm_lie(const struct swtpm_lie *new)
{
	pthread_mutex_lock(&lock);
	memset(&lie, 0, sizeof(lie));
	if (new)
		lie = *new;
	lied = false;
	pthread_mutex_unlock(&lock);
}

bool swtpm_lied(void)
{
	bool is;

	pthread_mutex_lock(&lock);
	is = lied;
	pthread_mutex_unlock(&lock);
	return is;
}
