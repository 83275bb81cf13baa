// SPDX-License-Identifier: GPL-2.0
/*
 * KCOV: which basic blocks of the module the calling thread has been in. Only
 * our module is built for it (KCOV_INSTRUMENT=y), and of it neither scalar nor
 * point arithmetic, in which no branch depends on what is fuzzed. Without such
 * a kernel and module inputs run all the same, and nothing is kept.
 */
#include <fcntl.h>
#include <linux/kcov.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nlf.h"

#define AREA_WORDS	(256 * 1024)

void cover_open(struct nlf_worker *w)
{
	w->area = NULL;
	w->kcov = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	if (w->kcov < 0)
		return;
	if (ioctl(w->kcov, KCOV_INIT_TRACE, AREA_WORDS))
		return;
	w->area = mmap(NULL, AREA_WORDS * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED,
		       w->kcov, 0);
	if (w->area == MAP_FAILED || ioctl(w->kcov, KCOV_ENABLE, KCOV_TRACE_PC)) {
		printf("Bail out! KCOV does not work\n");
		exit(EXIT_FAILURE);
	}
}

/* Where the module's text is this time. */
void cover_module(void)
{
	FILE *file = fopen("/sys/module/zkhsm/sections/.text", "re");
	unsigned long long at;

	if (file && fscanf(file, "%llx", &at) == 1)
		world->text = at;
	if (file)
		fclose(file);
}

static bool mark(uint8_t *map, uint32_t bit)
{
	uint8_t mask = (uint8_t)(1 << bit % 8);

	return !(__atomic_fetch_or(&map[bit / 8], mask, __ATOMIC_RELAXED) & mask);
}

void cover_begin(struct nlf_worker *w)
{
	if (w->area)
		__atomic_store_n(&w->area[0], 0, __ATOMIC_RELAXED);
}

bool cover_end(struct nlf_worker *w, uint8_t cmd)
{
	uint64_t i, count, last = 0;
	bool fresh = false;

	if (!w->area)
		return false;
	count = __atomic_load_n(&w->area[0], __ATOMIC_RELAXED);
	for (i = 1; i <= count && i < AREA_WORDS; i++) {
		uint64_t pc = w->area[i] - world->text;
		uint32_t edge;

		if (pc >= PC_BITS)
			continue;
		edge = (uint32_t)((last * 0x9e3779b97f4a7c15 ^ pc * 0xc2b2ae3d27d4eb4f) >> 40) %
		       EDGE_BITS;
		last = pc;
		if (mark(world->pc_map, (uint32_t)pc))
			atomic_fetch_add(&world->pcs, 1);
		if (mark(world->edge_map, edge)) {
			atomic_fetch_add(&world->edges, 1);
			fresh = true;
		}
		if (mark(world->cmd_edge_map[cmd % NLF_COMMANDS], edge))
			atomic_fetch_add(&world->cmd_edges[cmd % NLF_COMMANDS], 1);
	}
	return fresh;
}

/* Two processes may both want the last place. */
void corpus_add(const struct nlf_input *in)
{
	unsigned int n;

	while (atomic_exchange(&world->corpus_lock, 1))
		;
	n = atomic_load(&world->corpus_count);
	if (n < CORPUS_MAX) {
		world->corpus[n] = *in;
		atomic_store(&world->corpus_count, n + 1);
	}
	atomic_store(&world->corpus_lock, 0);
}

/* Newer ones more often: they are at the border of what is known. */
bool corpus_pick(struct nlf_input *in, uint32_t which)
{
	uint32_t n = atomic_load(&world->corpus_count);

	if (!n)
		return false;
	*in = world->corpus[which & 1 && n > 32 ? n - 1 - (which >> 1) % 32 : (which >> 1) % n];
	return true;
}

static bool write_file(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "we");
	bool ok = file && fwrite(bytes, 1, len, file) == len;

	return file && !fclose(file) && ok;
}

/* The kept inputs, and the blocks reached, as offsets in the module's text. */
bool corpus_write(const char *directory)
{
	uint32_t i, n = atomic_load(&world->corpus_count);
	char path[256];
	FILE *file;

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%05u.bin", directory, i);
		if (!write_file(path, world->corpus[i].step, world->corpus[i].count * STEP_LEN))
			return false;
	}
	snprintf(path, sizeof(path), "%s/blocks.txt", directory);
	file = fopen(path, "we");
	for (i = 0; file && i < PC_BITS; i++)
		if (world->pc_map[i / 8] >> i % 8 & 1)
			fprintf(file, "%#x\n", i);
	return file && !fclose(file);
}
