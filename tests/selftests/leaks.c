// SPDX-License-Identifier: GPL-2.0
#include "leaks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ktap.h"

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define HEAD		"unreferenced object"
/* An object is told once it is older than this. */
#define AGE		6
#define RECORD_MAX	4096

static bool command(const char *word)
{
	int fd = open(KMEMLEAK, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, word, strlen(word)) == (ssize_t)strlen(word);

	if (fd >= 0)
		close(fd);
	return ok;
}

struct tally {
	unsigned int ours, known;
};

static void judge(struct tally *t, char *record, const char *known)
{
	char *line;

	if (!record[0])
		return;
	if (known && strstr(record, known)) {
		t->known++;
		return;
	}
	t->ours++;
	for (line = strtok(record, "\n"); line; line = strtok(NULL, "\n"))
		ktap_note("%s", line);
}

static struct tally read_report(const char *known)
{
	struct tally t = { 0, 0 };
	char record[RECORD_MAX] = "", line[256];
	FILE *file = fopen(KMEMLEAK, "re");

	require(file, "kmemleak: %s", strerrorname_np(errno));
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, HEAD, strlen(HEAD))) {
			judge(&t, record, known);
			record[0] = '\0';
		}
		strncat(record, line, sizeof(record) - strlen(record) - 1);
	}
	fclose(file);
	judge(&t, record, known);
	return t;
}

void leaks_check(const char *known)
{
	struct tally t;

	if (access(KMEMLEAK, W_OK))
		ktap_skip("this kernel has no kmemleak");
	/* Two scans, and the age: there is no event for an object that nobody knows any more. */
	require(command("scan"), "kmemleak: %s", strerrorname_np(errno));
	sleep(AGE);
	require(command("scan"), "kmemleak: %s", strerrorname_np(errno));
	t = read_report(known);
	check(!t.ours, "%u objects are left", t.ours);
	if (!t.known)
		return;
	ktap_note("%u objects are left by %s, which is the kernel's", t.known, known);
	if (!t.ours)
		check(command("clear"), "kmemleak: %s", strerrorname_np(errno));
}
