// SPDX-License-Identifier: GPL-2.0
/*
 * replay.c - a target without libFuzzer: each file named, or in a directory
 * named, once. Any compiler can build it, and its sanitizers watch.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static unsigned long executions;

static void run_file(const char *path)
{
	FILE *file = fopen(path, "re");
	struct stat st;
	uint8_t *data;

	if (!file || fstat(fileno(file), &st)) {
		fprintf(stderr, "%s cannot be read\n", path);
		exit(2);
	}
	/* Of exactly its length: a read behind it is seen. */
	data = malloc(st.st_size ? (size_t)st.st_size : 1);
	FUZZ_ASSERT(data && fread(data, 1, (size_t)st.st_size, file) == (size_t)st.st_size);
	fclose(file);
	/* The last one told is the one that a sanitizer is about. */
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	executions++;
	free(data);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void run_all(const char *path)
{
	struct dirent **entries;
	char name[4096];
	int i, n = scandir(path, &entries, visible, alphasort);

	if (n < 0)
		run_file(path);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		run_file(name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

/* Not every target has something to prepare. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int main(int argc, char **argv)
{
	int i;

	LLVMFuzzerInitialize(&argc, &argv);
	for (i = 1; i < argc; i++)
		run_all(argv[i]);
	printf("executions: %lu\n", executions);
	return executions ? 0 : 1;
}
