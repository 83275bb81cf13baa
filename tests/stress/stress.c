// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that the module can do, at once, by many processes and threads,
 * each of which knows what it may be told; while the module itself is unloaded
 * and loaded under them. See stress.h for how they know.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"

#define PATIENCE	480	/* seconds beyond those asked for */

struct manager managers[MANAGERS];
uint8_t scalars[SCALARS][32], scalar_elements[SCALARS][32];
struct stress_options options = { .seconds = 20, .reload = 8, .seed = 1 };

static struct hsm h;

#define CREW(number, title, step, count, ...) \
	{ .name = (title), .role = (number), .fn = (step), .threads = (count), __VA_ARGS__ }

static const struct crew root[] = {
	CREW(0, "keeper", keep, 2, .moves = true),
	CREW(1, "user", use_root, 4, .flies = true),
	CREW(2, "manager", hold_and_release, 1, .moves = true),
	CREW(3, "burier", bury, 1, .moves = true),
	CREW(4, "wants an id", want_id, 2, .moves = true),
	CREW(5, "wants a secret", want_scalar, 2, .moves = true),
	CREW(6, "administrator", change_hsm, 1, .moves = true),
	CREW(7, "trust", change_trust, 1, .moves = true),
	CREW(8, "giver", give_owned, 1, .moves = true),
	CREW(9, "dumper", dump_all_keys, 1),
	{ .name = NULL }
};

static const struct crew owner[] = {
	CREW(10, "owner", use_owned, 2, .flies = true),
	CREW(11, "owner switches", switch_owned, 1, .moves = true),
	CREW(12, "owner dumps", dump_own_keys, 1),
	CREW(13, "anybody", get_hsm, 1),
	{ .name = NULL }
};

static const struct crew agent[] = {
	CREW(14, "agent", attester, 3),
	CREW(15, "agent dumps", dump_managers, 1),
	{ .name = NULL }
};

static const struct crew listeners[] = {
	CREW(16, "listens seldom", listen_seldom, 1),
	CREW(17, "joins and leaves", join_and_leave, 1),
	{ .name = NULL }
};

static const struct crew scribe[] = {
	CREW(18, "listener", listen_all, 1, .outlives = true),
	{ .name = NULL }
};

#define CREWS	4

static const struct crew *const crews[CREWS] = { root, owner, agent, listeners };
static const uid_t uids[CREWS] = { 0, UID_OWNER, UID_AGENT, 0 };

static void prepare(void)
{
	uint8_t public[65];
	unsigned int i;

	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	require(board != MAP_FAILED, "mmap: %s", strerrorname_np(errno));
	board_init();
	/* OpenSSL is set up before there are threads. */
	for (i = 0; i < MANAGERS; i++)
		manager_new(&managers[i]);
	for (i = 0; i < SCALARS; i++) {
		ec_random_scalar(scalars[i]);
		ec_public(scalars[i], public);
		ec_element(public, scalar_elements[i]);
	}
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* On a slow machine it takes longer until everybody has had his turn. */
static bool enough(double end)
{
	unsigned int i;
	const struct crew *c;
	bool all = atomic_load(&board->evidence);

	for (i = 0; i < CREWS; i++)
		for (c = crews[i]; c->name; c++)
			all &= !!atomic_load(&board->roles[c->role].done);
	return all || seconds() > end + PATIENCE;
}

/* Until the time is over: unloads that are refused, and some that are not. */
static void come_and_go(void)
{
	double end = seconds() + options.seconds, refusal = 0, reload;

	reload = seconds() + options.reload;
	while (!atomic_load(&board->over) && (seconds() < end || !enough(end))) {
		if (seconds() > refusal) {
			world_refuse_unload(&h);
			refusal = seconds() + 1;
		}
		if (options.reload && seconds() > reload) {
			world_reload(&h);
			reload = seconds() + options.reload;
		}
		breathe();
	}
	atomic_store(&board->over, true);
}

static void everything(void)
{
	pid_t children[CREWS], hearer;
	unsigned int i;

	prepare();
	world_first();
	hearer = crew_start(0, scribe);
	world_begin(&h, 2);
	for (i = 0; i < CREWS; i++)
		children[i] = crew_start(uids[i], crews[i]);
	come_and_go();
	for (i = 0; i < CREWS; i++)
		check(!ktap_child_wait(children[i]), "a process did not get to its end");
	atomic_store(&board->deaf, true);
	check(!ktap_child_wait(hearer), "the listener did not get to its end");
	for (i = 0; i < CREWS; i++)
		crew_tally(crews[i]);
	ktap_note("%u steps, %u loads, %u pieces of evidence, %u uses stopped in flight",
		  atomic_load(&board->operations), atomic_load(&board->epoch) / 2,
		  atomic_load(&board->evidence), atomic_load(&board->doomed));
	check(atomic_load(&board->evidence), "no evidence was made");
	check(!atomic_load(&board->late), "%u results got out late", atomic_load(&board->late));
}

static void balance(void)
{
	require(h.nl.sock, "there is no module left to ask");
	world_balance(&h);
}

static void told(void)
{
	require(h.nl.sock, "there is no module left to ask");
	world_told(&h);
}

static void empty(void)
{
	require(h.nl.sock, "there is no module left to ask");
	world_empty(&h);
}

static void usage(FILE *out)
{
	fprintf(out, "Usage: stress [OPTION...]\n"
		"Loads and unloads zkhsm.ko and does everything at once with it; needs a machine\n"
		"to experiment on, and root.\n\n"
		"  --seconds N     how long (default 20)\n"
		"  --operations N  end after so many steps, if that is sooner\n"
		"  --reload N      unload and load again every N seconds (default 8, 0: never)\n"
		"  --seed N        of what the threads choose (default 1)\n"
		"  --help\n");
}

static bool number(const char *text, unsigned int *out)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value > 1000000000)
		return false;
	*out = (unsigned int)value;
	return true;
}

static bool parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "operations", required_argument, NULL, 'o' },
		{ "reload", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 'e' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	unsigned int *into;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		switch (c) {
		case 's': into = &options.seconds; break;
		case 'o': into = &options.operations; break;
		case 'r': into = &options.reload; break;
		case 'e': into = &options.seed; break;
		case 'h':
			usage(stdout);
			exit(EXIT_SUCCESS);
		default:
			return false;
		}
		if (!number(optarg, into))
			return false;
	}
	return optind == argc;
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "everything at once, and no answer that could not be", everything },
		{ "what was made and not destroyed is there", balance },
		{ "what was acknowledged was told, in order", told },
		{ "everything deletes, and the module goes", empty },
	};

	if (!parse(argc, argv)) {
		usage(stderr);
		return 2;
	}
	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), 1, argv);
}
