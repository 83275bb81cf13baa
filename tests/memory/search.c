// SPDX-License-Identifier: GPL-2.0
/*
 * search RAM WORDS: where in the file RAM, at every byte, is one of the 64-bit
 * words of the file WORDS? Both in the byte order of this machine.
 *
 * Prints "address word" in hex per hit, and at the end what was looked at. A
 * page of zeros has no hit: the caller leaves words out that are not random.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE		4096
#define FILTER_BITS	20
#define TABLE_BITS	21
#define TABLE_MASK	((1u << TABLE_BITS) - 1)
#define HITS_MAX	100000

static uint8_t filter[1u << (FILTER_BITS - 3)];
static uint64_t table[1u << TABLE_BITS];
static unsigned int hits;

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "search: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t hash(uint64_t word)
{
	return word * 0x9e3779b97f4a7c15ull;
}

static const uint8_t *map(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st))
		die(path);
	*len = (size_t)st.st_size;
	p = mmap(NULL, *len, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die(path);
	close(fd);
	return p;
}

static uint64_t load(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* Zero marks a free place of the table, and is no word. */
static void add(uint64_t word)
{
	uint64_t h = hash(word);
	uint32_t bit = (uint32_t)(h >> (64 - FILTER_BITS));
	uint32_t i = (uint32_t)(h >> 20) & TABLE_MASK;

	filter[bit / 8] |= (uint8_t)(1u << bit % 8);
	while (table[i] && table[i] != word)
		i = (i + 1) & TABLE_MASK;
	table[i] = word;
}

static bool wanted(uint64_t word, uint64_t h)
{
	uint32_t i = (uint32_t)(h >> 20) & TABLE_MASK;

	for (; table[i]; i = (i + 1) & TABLE_MASK)
		if (table[i] == word)
			return true;
	return false;
}

static void search(const uint8_t *ram, size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to; i++) {
		uint64_t word = load(ram + i), h = hash(word);
		uint32_t bit = (uint32_t)(h >> (64 - FILTER_BITS));

		if (!(filter[bit / 8] >> bit % 8 & 1) || !wanted(word, h))
			continue;
		printf("%zx %016" PRIx64 "\n", i, word);
		if (++hits == HITS_MAX)
			exit(0);
	}
}

static bool all_zero(const uint8_t *page)
{
	return !page[0] && !memcmp(page, page + 1, PAGE - 1);
}

int main(int argc, char **argv)
{
	const uint8_t *ram, *words;
	size_t size, len, i, looked = 0;

	if (argc != 3) {
		fprintf(stderr, "Usage: search RAM WORDS\n");
		return 2;
	}
	words = map(argv[2], &len);
	if (len / 8 > TABLE_MASK / 2) {
		errno = E2BIG;
		die(argv[2]);
	}
	for (i = 0; i + 8 <= len; i += 8)
		add(load(words + i));
	ram = map(argv[1], &size);
	for (i = 0; i + PAGE <= size; i += PAGE) {
		if (all_zero(ram + i))
			continue;
		looked++;
		search(ram, i, i + PAGE == size ? size - 7 : i + PAGE);
	}
	printf("pages %zu of %zu\n", looked, size / PAGE);
	return fflush(stdout) ? 1 : 0;
}
