// SPDX-License-Identifier: GPL-2.0
/*
 * Reports of the concurrency sanitizer. The core kernel has data races of its
 * own; a report is a problem when a function of our module has a part in it.
 * All of them are listed in /out/kcsan.txt: "ours" or "core", and the title.
 */
#include <stdio.h>
#include <string.h>

#include "init.h"

#define TITLE	"BUG: KCSAN: "
#define END	"=================="
#define OURS	"[zkhsm]"

/*
 * The core kernel's own, on data of its own, though it is we who call it. When
 * it asks whether anybody listens it reads with test_bit() what is written, a
 * word at a time, as others join and leave: those who have joined are seen.
 */
static const char *const known[] = {
	"data-race in netlink_has_listeners / netlink_update_listeners",
};

static char title[512];
static bool ours;
/* Further down in this stack is what an interrupt came upon, which has no part in it. */
static bool interrupted;

static void end_report(void)
{
	FILE *list;
	size_t i;

	if (!title[0])
		return;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(title, known[i]))
			ours = false;
	list = fopen("/out/kcsan.txt", "ae");
	if (list) {
		fprintf(list, "%s %s\n", ours ? "ours" : "core", title);
		fclose(list);
	} else {
		report_problem("cannot write down %s", title);
	}
	if (ours)
		report_problem(TITLE "%s", title);
	title[0] = '\0';
}

/* Takes the kernel's log line by line. True for a line that is a report's title. */
bool kcsan_line(const char *text)
{
	const char *start = strstr(text, TITLE);

	if (start) {
		end_report();
		snprintf(title, sizeof(title), "%s", start + strlen(TITLE));
		ours = interrupted = false;
	} else if (title[0] && !strncmp(text, END, strlen(END))) {
		end_report();
	}
	if (!text[0])
		interrupted = false;
	if (strstr(text, "asm_sysvec_") || strstr(text, "asm_common_interrupt"))
		interrupted = true;
	if (title[0] && !interrupted && strstr(text, OURS))
		ours = true;
	return start;
}

void kcsan_end(void)
{
	end_report();
}
