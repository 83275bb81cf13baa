// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer as a program of the test machine: rounds, each on a module just
 * loaded, in which several processes of several users run inputs. Speaks KTAP.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../selftests/hsm.h"
#include "nlf.h"

#define ROUND_INPUTS	600	/* of all processes together */
/* Numbers that no other round's inputs have. */
#define LOCKED_FIRST	(1ull << 40)
#define HUNG_MS		(120 * 1000)

struct nlf_world *world;

static struct {
	uint64_t seed;
	unsigned long seconds, runs, workers;
	bool blind;		/* nothing is learnt from coverage: the same inputs each time */
	char **files;
	int file_count;
} options = { .seed = 1, .workers = 5 };

static const char usage[] =
	"Usage: fuzz [OPTION...] [INPUT...]\n"
	"Runs the INPUTs (files, or directories of them), then fuzzes the zkhsm family of\n"
	"the running kernel, which must be one to experiment on.\n"
	"  -s, --seconds N  for so long\n"
	"  -r, --runs N     or so many inputs: exactly those that the seed makes, whatever\n"
	"                   they reach\n"
	"  -S, --seed N     of all that is drawn (1)\n"
	"  -w, --workers N  processes: root, owner, root, agent, stranger, ... (5)\n";

static bool parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "runs", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 'S' },
		{ "workers", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "s:r:S:w:h", longs, NULL)) != -1) {
		char *end = NULL;
		unsigned long long n = optarg ? strtoull(optarg, &end, 0) : 0;

		if (c == 'h') {
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		}
		if (c == '?' || (end && *end))
			return false;
		if (c == 's')
			options.seconds = n;
		else if (c == 'r')
			options.runs = n;
		else if (c == 'S')
			options.seed = n;
		else
			options.workers = n;
	}
	options.blind = options.runs;
	options.files = argv + optind;
	options.file_count = argc - optind;
	return options.workers >= 1 && options.workers <= WORKERS_MAX;
}

/*
 * Whose an input is goes by its number, so that the seed decides it. What
 * strangers ask for is soon refused: most inputs are for those who may.
 */
static unsigned int whose(uint64_t number)
{
	static const uint8_t shares[16] = { 0, 2, 0, 1, 2, 0, 3, 2, 0, 1, 2, 0, 4, 2, 0, 3 };

	return shares[number % 16] % (unsigned int)options.workers;
}

static void make_input(struct nlf_worker *w, struct nlf_input *in, uint64_t number)
{
	struct nlf_input other;

	/* The same whoever takes it, and after whatever. */
	w->random = options.seed ^ number * 0xd1342543de82ef95;
	input_fresh(in, &w->random);
	if (!options.blind && random_below(&w->random, 4)) {
		other = *in;
		if (corpus_pick(in, random_below(&w->random, 1u << 30))) {
			corpus_pick(&other, random_below(&w->random, 1u << 30));
			input_change(in, &other, &w->random);
		}
	}
}

/* Inputs that are given are all run by root, and shared out among the others. */
static void work(unsigned int number, uint64_t first, unsigned int count,
		 const struct nlf_input *given)
{
	static struct nlf_worker w;
	static struct nlf_input in;
	unsigned int i;

	worker_start(&w, number);
	for (i = 0; i < count && !atomic_load(&world->stop); i++) {
		if (whose(first + i) != number && !(given && !number))
			continue;
		if (given)
			in = given[i];
		else
			make_input(&w, &in, first + i);
		input_run(&w, &in);
	}
	fflush(stdout);
	_exit(EXIT_SUCCESS);
}

/* An input that runs for so long hangs; the others' are told, too. */
static bool look_for_hangs(const pid_t *pid)
{
	uint64_t now = now_ms();
	unsigned int i;

	for (i = 0; i < options.workers; i++) {
		uint64_t since = atomic_load(&world->worker[i].since_ms);

		if (!pid[i] || !since || now < since + HUNG_MS)
			continue;
		printf("# FINDING: process %u hangs since %llu s\n", i,
		       (unsigned long long)(now - since) / 1000);
		return false;
	}
	return true;
}

/* Every process to its end; false when one died, or had to be killed. */
static bool wait_for_all(pid_t *pid)
{
	unsigned int left = (unsigned int)options.workers;
	bool ok = true;

	while (left) {
		unsigned int i;
		int status;
		pid_t done;

		alarm(10);
		done = waitpid(-1, &status, 0);
		if (done < 0) {
			if (look_for_hangs(pid))
				continue;
			for (i = 0; i < options.workers; i++)
				if (pid[i])
					kill(pid[i], SIGKILL);
			ok = false;
			continue;
		}
		for (i = 0; i < options.workers; i++)
			if (pid[i] == done)
				pid[i] = 0;
		left--;
		if (status) {
			printf("# FINDING: a process of the fuzzer ended with status %#x\n", status);
			ok = false;
		}
	}
	alarm(0);
	return ok;
}

/* @count inputs on a new module. Returns whether all is as it should be. */
static bool run_round(uint64_t first, unsigned int count, const struct nlf_input *given,
		      enum nlf_kind_of_world kind)
{
	pid_t pid[WORKERS_MAX];
	char why[300];
	unsigned int i;
	bool ok;

	world_start(kind);
	fflush(stdout);
	for (i = 0; i < options.workers; i++) {
		pid[i] = fork();
		if (!pid[i])
			work(i, first, count, given);
	}
	ok = wait_for_all(pid) && !atomic_load(&world->findings);
	if (ok && !after_round(why, sizeof(why))) {
		printf("# FINDING after a round: %s\n", why);
		ok = false;
	}
	if (!ok)
		for (i = 0; i < options.workers; i++) {
			char path[64];
			FILE *file;

			/* What ran last, where nobody has told. */
			snprintf(path, sizeof(path), "/out/last-%u.bin", i);
			file = fopen(path, "we");
			if (!file)
				continue;
			fwrite(world->worker[i].now.step, STEP_LEN, world->worker[i].now.count,
			       file);
			fclose(file);
		}
	return ok;
}

static struct nlf_input *given;
static unsigned int given_count;

static void give(const char *path)
{
	uint8_t bytes[INPUT_MAX + 1];
	FILE *file = fopen(path, "re");
	size_t len = file ? fread(bytes, 1, sizeof(bytes), file) : 0;

	if (file)
		fclose(file);
	given = realloc(given, (given_count + 1) * sizeof(*given));
	if (!given || !input_decode(&given[given_count], bytes, len)) {
		printf("Bail out! %s is no input\n", path);
		exit(EXIT_FAILURE);
	}
	given_count++;
}

static int is_input(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && !strcmp(dot, ".bin");
}

static void give_all(void)
{
	int i, j, n;

	for (i = 0; i < options.file_count; i++) {
		struct dirent **entries;
		char path[512];

		n = scandir(options.files[i], &entries, is_input, alphasort);
		if (n < 0)
			give(options.files[i]);
		for (j = 0; j < n; j++) {
			snprintf(path, sizeof(path), "%s/%s", options.files[i], entries[j]->d_name);
			give(path);
		}
	}
}

/* On a module of each kind but one that is locked; by everybody at once. */
static void test_given(void)
{
	static const char *const names[] = { "with an identity", "without an identity",
					     "with a KEK", "with something to unseal" };
	enum nlf_kind_of_world kind;

	give_all();
	ktap_note("%u inputs from files", given_count);
	if (!given_count)
		ktap_skip("no inputs were given");
	for (kind = WORLD_PLAIN; kind < WORLD_LOCKED && !atomic_load(&world->stop); kind++)
		check(run_round(0, given_count, given, kind), "%s", names[kind]);
}

static bool more(unsigned long done, uint64_t end)
{
	return options.runs ? done < options.runs : now_ms() < end;
}

static void test_fuzz(void)
{
	/* What the second of two has to unseal, the first has left. */
	static const enum nlf_kind_of_world kinds[] = { WORLD_KEK, WORLD_SEALED, WORLD_PLAIN,
							WORLD_EMPTY };
	uint64_t end = now_ms() + options.seconds * 1000;
	unsigned long done = 0, count, round = 0;
	bool ok = true;

	if (!options.runs && !options.seconds)
		ktap_skip("neither --seconds nor --runs");
	for (; ok && more(done, end); done += count, round++) {
		count = ROUND_INPUTS;
		if (options.runs && options.runs - done < count)
			count = options.runs - done;
		ok = run_round(done, (unsigned int)count, NULL, kinds[round % 4]);
		printf("# %lu inputs, %u edges, %u kept\n", done + count,
		       atomic_load(&world->edges), atomic_load(&world->corpus_count));
		fflush(stdout);
	}
	check(ok, "seed %llu, %lu inputs", (unsigned long long)options.seed, done);
}

/* Last, and only in a machine of our own. */
static void test_locked(void)
{
	if (!options.seconds || options.runs)
		ktap_skip("no --seconds");
	if (atomic_load(&world->stop))
		ktap_skip("something was found already");
	check(run_round(LOCKED_FIRST, ROUND_INPUTS / 2, NULL, WORLD_LOCKED), "locked");
	/* Only force gets it out, and switches lockdep off. */
	if (module_unload() == -EAGAIN)
		check(!module_unload_forced(), "rmmod -f: %s", strerrorname_np(errno));
}

static void report(void)
{
	unsigned int i;

	printf("# total: %llu executions, %llu requests, %llu answers judged, %u blocks, %u edges,"
	       " %u kept, %u findings\n",
	       (unsigned long long)world->executions, (unsigned long long)world->steps,
	       (unsigned long long)world->checked, world->pcs, world->edges, world->corpus_count,
	       world->findings);
	for (i = 0; i < NLF_COMMANDS; i++)
		if (world->done[i] || world->refused[i])
			printf("# %-14s done %llu, refused %llu, edges %u, slowest %u ms\n",
			       nlf_commands[i].name ? nlf_commands[i].name : "(none)",
			       (unsigned long long)world->done[i],
			       (unsigned long long)world->refused[i], world->cmd_edges[i],
			       world->slowest_ms[i]);
	printf("# unsealed by the fuzzer: %u times; leases taken: %u; C changed by order: %u\n",
	       atomic_load(&world->unsealed), atomic_load(&world->leased),
	       atomic_load(&world->changed));
	printf("# never refused for:");
	for (i = 1; i < nlf_reason_count; i++)
		if (!(world->reasons[i / 64] >> i % 64 & 1))
			printf(" %s", nlf_reasons[i].name);
	printf("\n");
	if (!mkdir("/out/corpus", 0755) && !corpus_write("/out/corpus"))
		printf("# the corpus could not be written\n");
}

static void on_alarm(int number)
{
	(void)number;
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "given_inputs", test_given },
		{ "fuzz", test_fuzz },
		{ "locked", test_locked },
	};
	/* Only to interrupt waiting. */
	const struct sigaction interrupt = { .sa_handler = on_alarm };
	int ret;

	if (!parse(argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGALRM, &interrupt, NULL);
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (world == MAP_FAILED) {
		printf("Bail out! no shared memory\n");
		return EXIT_FAILURE;
	}
	fixed_make(options.seed);
	record_open();
	ret = ktap_run(tests, sizeof(tests) / sizeof(tests[0]), 1, argv);
	report();
	if (module_loaded())
		module_unload();
	return ret;
}
