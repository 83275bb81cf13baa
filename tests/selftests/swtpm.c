// SPDX-License-Identifier: GPL-2.0
#include "swtpm.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEVICE		"/dev/tpm0"
#define PROXY		"/dev/vtpmx"
#define MESSAGE_MAX	4096
/* Emulated, with sanitizers, beside other machines. */
#define PATIENCE_MS	60000
#define POLL_MS		10
#define STARTS		40	/* on a busy machine the kernel loses patience often */

#define TAG_NO_SESSIONS	0x8001
#define TAG_SESSIONS	0x8002
#define HEADER_LEN	10
#define RS_PASSWORD	0x40000009U
#define RH_OWNER	0x40000001U
#define ALG_SHA256	0x000b
#define NV_WRITTEN	(1U << 29)

static char states[] = "/tmp/zkhsm-tpm-XXXXXX";
static bool states_made;
static pid_t running;

/* A program that says by its exit code whether it worked. */
static bool run(const char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

void swtpm_need(void)
{
	static const char *const program[] = { "sh", "-c", "command -v swtpm >/dev/null", NULL };
	static const char *const module[] = { "modprobe", "-q", "tpm_vtpm_proxy", NULL };

	if (!run(program))
		ktap_skip("there is no program swtpm");
	if (access(PROXY, F_OK))
		run(module);
	if (access(PROXY, F_OK))
		ktap_skip("this kernel has no vTPM proxy");
	if (!running && !access(DEVICE, F_OK))
		ktap_skip("this machine has a TPM of its own, which is left alone");
}

static void wait_for_exit(void)
{
	int status;

	/* The device goes when the last descriptor of it is closed, before the wait ends. */
	require(waitpid(running, &status, 0) == running, "swtpm: %s", strerrorname_np(errno));
	running = 0;
	swtpm_relay_end();
	check(access(DEVICE, F_OK), "the TPM outlives swtpm");
}

void swtpm_stop(void)
{
	if (!running)
		return;
	kill(running, SIGTERM);
	wait_for_exit();
}

void swtpm_kill(void)
{
	kill(running, SIGKILL);
	wait_for_exit();
}

/* @fd: the kernel's side of it, or -1: swtpm asks the proxy itself. */
static void launch(const char *dir, int fd)
{
	char state[PATH_MAX], number[16];
	int null;

	snprintf(state, sizeof(state), "dir=%s", dir);
	snprintf(number, sizeof(number), "%d", fd);
	running = fork();
	if (running)
		return;
	null = open("/dev/null", O_RDWR);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	if (fd >= 0)
		execlp("swtpm", "swtpm", "chardev", "--fd", number, "--tpm2", "--tpmstate", state,
		       "--flags", "not-need-init", NULL);
	else
		execlp("swtpm", "swtpm", "chardev", "--vtpm-proxy", "--tpm2", "--tpmstate", state,
		       NULL);
	_exit(127);
}

/*
 * The kernel starts it up in a work item, and gives no event when that is done.
 * It gives the TPM three quarters of a second for that, and then gives it up,
 * which a machine that is emulated beside others does not always keep.
 */
static bool found(struct hsm *h)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	int left;

	for (left = PATIENCE_MS; left > 0; left -= POLL_MS) {
		hsm_get(h);
		if (nlraw_u64(&h->a, ZKHSM_A_HSM_FEATURES) & ZKHSM_FEATURE_TPM)
			return true;
		if (waitpid(running, NULL, WNOHANG)) {
			running = 0;
			swtpm_relay_end();
			return false;
		}
		nanosleep(&pause, NULL);
	}
	require(false, "the kernel finds no TPM");
	return false;
}

static void launch_relayed(const char *dir)
{
	int ends[2];

	require(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair: %s",
		strerrorname_np(errno));
	fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	launch(dir, ends[1]);
	close(ends[1]);
	require(swtpm_relay_start(ends[0]), "no proxy: %s", strerrorname_np(errno));
}

static void start(struct hsm *h, const char *name, bool relayed)
{
	char dir[sizeof(states) + 32];
	int tries;

	swtpm_stop();
	if (!states_made)
		require(mkdtemp(states), "mkdtemp: %s", strerrorname_np(errno));
	states_made = true;
	snprintf(dir, sizeof(dir), "%s/%s", states, name);
	require(!mkdir(dir, 0700) || errno == EEXIST, "mkdir: %s", strerrorname_np(errno));
	for (tries = 0; tries < STARTS; tries++) {
		if (relayed)
			launch_relayed(dir);
		else
			launch(dir, -1);
		require(running > 0, "fork: %s", strerrorname_np(errno));
		if (found(h))
			return;
		ktap_note("the kernel gave the TPM up, which starts again");
	}
	require(false, "no TPM after %d starts", STARTS);
}

void swtpm_start(struct hsm *h, const char *name)
{
	start(h, name, false);
}

void swtpm_start_relayed(struct hsm *h, const char *name)
{
	start(h, name, true);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void swtpm_remove(void)
{
	if (running > 0) {
		kill(running, SIGTERM);
		waitpid(running, NULL, 0);
		running = 0;
		swtpm_relay_end();
	}
	if (states_made)
		nftw(states, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A command on its way, or a response. */
struct message {
	uint8_t bytes[MESSAGE_MAX];
	size_t len;
};

static void put(struct message *m, const void *data, size_t len)
{
	require(len <= sizeof(m->bytes) - m->len, "a command of more than %zu bytes", m->len);
	memcpy(m->bytes + m->len, data, len);
	m->len += len;
}

static void put_number(struct message *m, uint64_t v, size_t size)
{
	while (size--) {
		uint8_t byte = (uint8_t)(v >> (8 * size));

		put(m, &byte, 1);
	}
}

static uint64_t number(const struct message *m, size_t at, size_t size)
{
	uint64_t v = 0;

	require(at + size <= m->len, "a response of %zu bytes", m->len);
	while (size--)
		v = v << 8 | m->bytes[at++];
	return v;
}

static void put_sized(struct message *m, const char *text)
{
	put_number(m, strlen(text), 2);
	put(m, text, strlen(text));
}

static void begin(struct message *m, uint16_t tag, uint32_t command)
{
	m->len = 0;
	put_number(m, tag, 2);
	put_number(m, 0, 4);
	put_number(m, command, 4);
}

static void put_auth(struct message *m)
{
	put_number(m, 9, 4);
	put_number(m, RS_PASSWORD, 4);
	put_number(m, 0, 2 + 1 + 2);
}

static void transact(struct message *m, const char *what)
{
	size_t i;
	ssize_t n;
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	require(fd >= 0, DEVICE ": %s", strerrorname_np(errno));
	for (i = 0; i < 4; i++)
		m->bytes[2 + i] = (uint8_t)(m->len >> (8 * (3 - i)));
	n = write(fd, m->bytes, m->len);
	if (n == (ssize_t)m->len)
		n = read(fd, m->bytes, sizeof(m->bytes));
	close(fd);
	require(n >= HEADER_LEN, "%s: no response", what);
	m->len = (size_t)n;
	require(!number(m, 6, 4), "%s: response code 0x%03x", what, (unsigned int)number(m, 6, 4));
}

void swtpm_nv_define(uint32_t index, uint32_t attributes, const char *password)
{
	struct message m;

	begin(&m, TAG_SESSIONS, 0x12a);
	put_number(&m, RH_OWNER, 4);
	put_auth(&m);
	put_sized(&m, password);
	put_number(&m, 14, 2);
	put_number(&m, index, 4);
	put_number(&m, ALG_SHA256, 2);
	put_number(&m, attributes, 4);
	put_number(&m, 0, 2);	/* no policy */
	put_number(&m, 8, 2);
	transact(&m, "NV_DefineSpace");
}

void swtpm_nv_increment(uint32_t index)
{
	struct message m;

	begin(&m, TAG_SESSIONS, 0x134);
	put_number(&m, index, 4);
	put_number(&m, index, 4);
	put_auth(&m);
	transact(&m, "NV_Increment");
}

uint64_t swtpm_nv_read(uint32_t index)
{
	struct message m;

	begin(&m, TAG_SESSIONS, 0x14e);
	put_number(&m, index, 4);
	put_number(&m, index, 4);
	put_auth(&m);
	put_number(&m, 8, 2);
	put_number(&m, 0, 2);
	transact(&m, "NV_Read");
	return number(&m, HEADER_LEN + 4 + 2, 8);
}

bool swtpm_nv_written(uint32_t index)
{
	struct message m;

	begin(&m, TAG_NO_SESSIONS, 0x169);
	put_number(&m, index, 4);
	transact(&m, "NV_ReadPublic");
	return number(&m, HEADER_LEN + 2 + 4 + 2, 4) & NV_WRITTEN;
}

void swtpm_pcr_extend(uint32_t pcr, const uint8_t digest[32])
{
	struct message m;

	begin(&m, TAG_SESSIONS, 0x182);
	put_number(&m, pcr, 4);
	put_auth(&m);
	put_number(&m, 1, 4);
	put_number(&m, ALG_SHA256, 2);
	put(&m, digest, 32);
	transact(&m, "PCR_Extend");
}

void swtpm_pcr_read(uint32_t pcr, uint8_t value[32])
{
	const uint32_t mask = 1U << pcr;
	struct message m;
	size_t i;

	begin(&m, TAG_NO_SESSIONS, 0x17e);
	put_number(&m, 1, 4);
	put_number(&m, ALG_SHA256, 2);
	put_number(&m, 3, 1);
	for (i = 0; i < 3; i++)
		put_number(&m, mask >> (8 * i), 1);
	transact(&m, "PCR_Read");
	require(number(&m, m.len - 34, 2) == 32, "PCR_Read: no value");
	memcpy(value, m.bytes + m.len - 32, 32);
}

void swtpm_owner_password(const char *password)
{
	struct message m;

	begin(&m, TAG_SESSIONS, 0x129);
	put_number(&m, RH_OWNER, 4);
	put_auth(&m);
	put_sized(&m, password);
	transact(&m, "HierarchyChangeAuth");
}

/* Transient objects, and sessions loaded and saved. */
unsigned int swtpm_leftovers(void)
{
	static const uint32_t first[] = { 0x80000000, 0x02000000, 0x03000000 };
	unsigned int i, found = 0;

	for (i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		struct message m;

		begin(&m, TAG_NO_SESSIONS, 0x17a);
		put_number(&m, 1, 4);	/* handles */
		put_number(&m, first[i], 4);
		put_number(&m, 64, 4);
		transact(&m, "GetCapability");
		found += (unsigned int)number(&m, HEADER_LEN + 1 + 4, 4);
	}
	return found;
}
