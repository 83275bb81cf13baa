// SPDX-License-Identifier: GPL-2.0
/*
 * The story whose memory is searched: keys that this program makes itself are
 * used in every way, then destroyed, revoked, or their module unloaded. At each
 * checkpoint it says so and waits until tests/memory/run, outside, has stopped
 * the machine and looked into it.
 *
 * Lines for run begin with "R"; the rest is KTAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "kept.h"

#define GO		"/tmp/go"
/* Documentation/protocol.rst */
enum { REVOKE = 17, HOLD, RELEASE };

#define CROWD		4
#define EACH		3

/* What the processes of a crowd signed. */
static struct {
	uint8_t digest[32];
	uint8_t signature[64];
} (*signed_by)[EACH];

static struct manager manager;
static uint64_t order_number;

static void import_key(const char *id, enum secret which, size_t len, int error, uint32_t reason)
{
	struct nl_msg *msg = key_new_msg(&h, id);
	int32_t serial = add_secret(which, len, NULL);

	if (which == REVOKED)
		check(!keyctl_revoke(serial), "revoke");
	nla_put_u32(msg, ZKHSM_A_KEY_KEYRING_SERIAL, (uint32_t)serial);
	ask(error ? REFUSED : IMPORT, msg);
	if (error) {
		check_refused(&h.a, error, reason, "import of %s", id);
	} else {
		check_done(&h.a, "import of %s", id);
		printf("R present %s\n", id);
	}
	drop_secret(serial);
}

static void tell(const char *what, const char *id, int attr, size_t len)
{
	const uint8_t *p = nlraw_bytes(&h.a, attr, len);

	require(p, "%s of %s: no answer", what, id);
	printf("R %s %s", what, id);
	hex(" ", p, len);
}

static void identity(void)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_NEW);
	int32_t serial = add_secret(KEK, 32, NULL);
	const uint8_t *id;

	nla_put_u32(msg, ZKHSM_A_HSM_KEK_CLASS, ZKHSM_KEK_CLASS_KEYRING);
	nla_put_u32(msg, ZKHSM_A_HSM_KEYRING_SERIAL, (uint32_t)serial);
	ask(HSM_NEW, msg);
	check_done(&h.a, "hsm-new");
	drop_secret(serial);
	id = nlraw_bytes(&h.a, ZKHSM_A_HSM_HSM_ID, 32);
	require(id, "no hsm-id");
	memcpy(h.id, id, 32);
	tell("identity", "-", ZKHSM_A_HSM_IDENTITY, 65);
	printf("\n");
}

static void generate(const char *id)
{
	ask(GENERATE, key_new_msg(&h, id));
	check_done(&h.a, "generate %s", id);
	tell("generated", id, ZKHSM_A_KEY_PUBLIC, 65);
	printf("\n");
}

static void sign(const char *id, uint8_t first)
{
	struct nl_msg *msg = id_msg(&h, ZKHSM_CMD_KEY_SIGN, id);
	uint8_t digest[32] = { first, 1, 2, 3 };

	nla_put(msg, ZKHSM_A_KEY_DIGEST, 32, digest);
	ask(SIGN, msg);
	check_done(&h.a, "sign with %s", id);
	tell("sign", id, ZKHSM_A_KEY_SIGNATURE, 64);
	hex(" ", digest, 32);
	printf("\n");
}

static struct nl_msg *prove_msg(const char *id, const char *user, const char *other)
{
	struct nl_msg *msg = id_msg(&h, ZKHSM_CMD_PROOF_GET, id);

	nla_put(msg, ZKHSM_A_PROOF_USER_ID, (int)strlen(user), user);
	if (other)
		nla_put(msg, ZKHSM_A_PROOF_OTHER_INFO, (int)strlen(other), other);
	return msg;
}

static void prove(const char *id, const char *other)
{
	ask(PROVE, prove_msg(id, "client", other));
	check_done(&h.a, "prove %s", id);
	tell("prove", id, ZKHSM_A_PROOF_PROOF, 97);
	printf(" client %s\n", other ? other : "-");
}

static void evidence(void)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_EVIDENCE_GET);
	const struct nlattr *attr;

	put_challenge(msg, manager.id, NULL);
	ask(EVIDENCE, msg);
	check_done(&h.a, "evidence");
	attr = nlraw_attr(&h.a, ZKHSM_A_EVIDENCE_EVIDENCE);
	require(attr, "no evidence");
	tell("evidence", "-", ZKHSM_A_EVIDENCE_ANNOUNCEMENT, 48 + 97);
	hex(" ", nla_data(attr), (size_t)nla_len(attr));
	printf("\n");
}

static void refused(struct nl_msg *msg, int error, uint32_t reason, const char *what)
{
	ask(REFUSED, msg);
	check_refused(&h.a, error, reason, "%s", what);
}

static struct nl_msg *sign_msg(const char *id)
{
	static const uint8_t digest[32];
	struct nl_msg *msg = id_msg(&h, ZKHSM_CMD_KEY_SIGN, id);

	nla_put(msg, ZKHSM_A_KEY_DIGEST, 32, digest);
	return msg;
}

/* Signed by us, who have no secret of a key, carried by a process of its own. */
static void order(uint8_t type, const char *const *ids, unsigned int count)
{
	static uint8_t elements[4][32];
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_ORDER_APPLY);
	static struct order o;
	unsigned int i;

	for (i = 0; i < count; i++)
		key_element(&h, ids[i], elements[i]);
	order_make(&o, &manager, type, h.id, ++order_number,
		   ZKHSM_REVOCATION_REASON_KEY_COMPROMISE, (const uint8_t (*)[32])elements, count);
	nla_put(msg, ZKHSM_A_ORDER_ORDER, (int)o.len, o.bytes);
	ask(ORDER, msg);
	check_done(&h.a, "order");
}

static void use_fully(const char *id)
{
	sign(id, 1);
	prove(id, NULL);
	sign(id, 2);
	prove(id, "other");
}

static void use_refused(void)
{
	static const char *const held[] = { "held0" };

	key_set_u32(&h, "narrow0", ZKHSM_A_KEY_USAGE, ZKHSM_KEY_USAGE_SIGN);
	check_done(&h.a, "narrow");
	refused(prove_msg("narrow0", "client", NULL), EACCES, ZKHSM_REASON_USAGE, "narrowed");
	sign("narrow0", 3);

	order(HOLD, held, 1);
	refused(sign_msg("held0"), EACCES, ZKHSM_REASON_HELD, "held");
	order(RELEASE, held, 1);
	sign("held0", 4);

	key_set_u32(&h, "off0", ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_DEACTIVATED);
	check_done(&h.a, "deactivate");
	refused(sign_msg("off0"), EACCES, ZKHSM_REASON_STATE, "deactivated");
	key_set_u32(&h, "off0", ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_ACTIVE);
	check_done(&h.a, "activate");
	prove("off0", NULL);

	refused(prove_msg("del0", "0123456789abcdef0123456789abcdef", NULL), EINVAL,
		ZKHSM_REASON_RESERVED_INPUT, "reserved user-id");
	refused(sign_msg("nobody"), ENOKEY, ZKHSM_REASON_NO_SUCH_KEY, "no such key");
}

static void import_refused(void)
{
	import_key("again", DEL0, 32, EEXIST, ZKHSM_REASON_ELEMENT_EXISTS);
	import_key("del1", DEL1, 32, EEXIST, ZKHSM_REASON_ID_EXISTS);
	import_key("too-big", TOO_BIG, 32, EINVAL, ZKHSM_REASON_SECRET_RANGE);
	import_key("short", SHORT, 31, EINVAL, ZKHSM_REASON_LENGTH);
	import_key("long", LONG, 33, EINVAL, ZKHSM_REASON_LENGTH);
	import_key("revoked", REVOKED, 32, EKEYREVOKED, ZKHSM_REASON_KEYRING);
}

/* A file with the key, as an operator has it; gone again before the checkpoint. */
static void write_pkcs8(const char *path)
{
	static const uint8_t before[] = {
		0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
		0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x27,
		0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20,
	};
	volatile uint8_t secret[MASKED_BUFFER];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	check(fd >= 0 && write(fd, before, sizeof(before)) == sizeof(before), "%s", path);
	masked_derive(FROM_FILE, secret);
	check(write(fd, (const void *)secret, 32) == 32, "%s", path);
	masked_wipe(secret, sizeof(secret));
	close(fd);
}

static void run_command(const char *const *argv)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	check(pid > 0 && waitpid(pid, &status, 0) == pid && !status, "%s %s %s", argv[0], argv[1],
	      argv[2]);
}

/* By the command, which keeps a store of its own; and then it is a key as any other. */
static void import_by_command(void)
{
	static const char path[] = "/tmp/key.der";
	static const char *const make_store[] = { "zkhsm", "hsm", "seal", NULL };
	static const char *const import[] = { "zkhsm", "key", "new", "cli0", "--import", path, NULL };

	write_pkcs8(path);
	check(!setenv("ZKHSM_STORE", "/tmp/store", 1), "setenv");
	run_command(make_store);
	run_command(import);
	check(!unlink(path), "unlink");
	printf("R present cli0\n");
	sign("cli0", 6);
}

/* Too few, then enough; what they make is left there until the next checkpoint is over. */
static void shares(void)
{
	share_enter(0);
	share_drop();
	share_enter(1);
	share_enter(0);
	share_drop();
	share_enter(0);
	share_enter(1);
}

static void sign_in_crowd(void *arg)
{
	unsigned int me = *(unsigned int *)arg, i;
	struct hsm own = h;

	hsm_reopen(&own);
	for (i = 0; i < EACH; i++) {
		uint8_t digest[32] = { 7, (uint8_t)me, (uint8_t)i };
		const uint8_t *p;

		key_sign(&own, me % 2 ? "rev1" : "unl1", digest);
		p = nlraw_bytes(&own.a, ZKHSM_A_KEY_SIGNATURE, 64);
		require(p, "key-sign in a crowd");
		memcpy(signed_by[me][i].digest, digest, 32);
		memcpy(signed_by[me][i].signature, p, 64);
	}
}

/* Several at once, on all processors, with the same keys. */
static void crowd(void)
{
	unsigned int who[CROWD], i, j;
	pid_t pids[CROWD];

	for (i = 0; i < CROWD; i++) {
		who[i] = i;
		pids[i] = ktap_child_start(-1, sign_in_crowd, &who[i]);
	}
	for (i = 0; i < CROWD; i++)
		check(!ktap_child_wait(pids[i]), "crowd");
	for (i = 0; i < CROWD; i++) {
		for (j = 0; j < EACH; j++) {
			printf("R sign %s", i % 2 ? "rev1" : "unl1");
			hex(" ", signed_by[i][j].signature, 64);
			hex(" ", signed_by[i][j].digest, 32);
			printf("\n");
		}
	}
}

static void dumps(void)
{
	check(!nlraw_dump(&h.nl, nlraw_msg(&h.nl, ZKHSM_CMD_KEY_GET), NULL, NULL, &h.a),
	      "dump of keys");
	check(!nlraw_dump(&h.nl, nlraw_msg(&h.nl, ZKHSM_CMD_LIST_GET), NULL, NULL, &h.a),
	      "dump of the list");
	hsm_get(&h);
}

static void link_request(struct nl_sock *sock, int type, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	struct nlattr *nest;

	require(msg, "no memory");
	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	nla_put_string(msg, IFLA_IFNAME, "settle");
	nest = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, "dummy");
	nla_nest_end(msg, nest);
	check(!nl_send_sync(sock, msg), "link");
}

/*
 * The keyring frees payloads after a grace period. To remove a network device
 * is to wait for all of that: netdev_run_todo() calls rcu_barrier().
 */
static void settle(void)
{
	struct nl_sock *sock = nl_socket_alloc();

	require(sock && !nl_connect(sock, NETLINK_ROUTE), "rtnetlink");
	link_request(sock, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	link_request(sock, RTM_DELLINK, 0);
	nl_socket_free(sock);
}

static void checkpoint(const char *name)
{
	char byte;
	int fd;

	settle();
	printf("R checkpoint %s\n", name);
	fflush(stdout);
	fd = open(GO, O_RDONLY);
	check(fd >= 0 && read(fd, &byte, 1) == 1, "go");
	close(fd);
	hot_end_all();
}

static void live(void)
{
	static const struct {
		const char *id;
		enum secret secret;
	} keys[] = {
		{ "del0", DEL0 }, { "del1", DEL1 }, { "rev0", REV0 }, { "rev1", REV1 },
		{ "unl0", UNL0 }, { "unl1", UNL1 }, { "held0", HELD0 }, { "narrow0", NARROW0 },
		{ "off0", OFF0 },
	};
	size_t i;

	identity();
	manager_new_pinned(&h, &manager);
	generate("gen0");
	generate("gen1");
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		import_key(keys[i].id, keys[i].secret, 32, 0, 0);
		use_fully(keys[i].id);
	}
	use_fully("gen0");
	seal(false);
	evidence();
	use_refused();
	import_refused();
	import_by_command();
	crowd();
	/* The command has stored what it did, elsewhere: only everything has all of it. */
	seal(true);
	evidence();
	dumps();
	shares();
}

/* That both stored forms are what they were. */
static void still_alive(void)
{
	sign("unl0", 5);
	seal(false);
	evidence();
}

static void die(void)
{
	static const char *const del[] = { "del0", "del1", "gen1", "cli0" };
	static const char *const rev[] = { "rev0", "rev1" };
	unsigned int i;

	for (i = 0; i < sizeof(del) / sizeof(del[0]); i++) {
		ask(DELETE, id_msg(&h, ZKHSM_CMD_KEY_DEL, del[i]));
		check_done(&h.a, "delete %s", del[i]);
	}
	checkpoint("destroyed");
	still_alive();

	order(REVOKE, rev, 2);
	check(key_state(&h, "rev0") == ZKHSM_KEY_STATE_COMPROMISED &&
	      key_state(&h, "rev1") == ZKHSM_KEY_STATE_COMPROMISED, "not revoked");
	checkpoint("revoked");
	still_alive();
}

static void unload(void)
{
	hsm_close(&h);
	if (!hot_fork(UNLOAD))
		hot_spin(syscall(SYS_delete_module, "zkhsm", O_NONBLOCK));
	require(!hot_wait(UNLOAD), "rmmod");
}

static void come_back(void)
{
	require(!module_load(NULL), "insmod");
	hsm_reopen(&h);
	unseal();
	/* One of two, with which the module goes. */
	share_enter(0);
	checkpoint("unsealed");
	still_alive();
	share_enter(1);
	rekey();
	checkpoint("rekeyed");
	still_alive();
}

static void story(void)
{
	hot_start();
	signed_by = mmap(NULL, CROWD * sizeof(*signed_by), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	require(signed_by != MAP_FAILED && !mkfifo(GO, 0600) &&
		keyctl_join_session_keyring(NULL) > 0, "setup");
	hsm_reopen(&h);
	live();
	checkpoint("alive");
	share_drop();
	still_alive();
	die();
	unload();
	checkpoint("unloaded");
	come_back();
	unload();
	checkpoint("unloaded-again");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = { { "story", story } };

	if (argc != 4 || !share_set(0, argv[2]) || !share_set(1, argv[3])) {
		fprintf(stderr, "Usage: guest SEED SHARE SHARE\n");
		return 2;
	}
	masked_seed(strtoull(argv[1], NULL, 16));
	return ktap_run(tests, 1, 1, argv);
}
