// SPDX-License-Identifier: GPL-2.0
/*
 * web.c - the page of the fleet: three files, in the program as they are
 *
 * It only reads, with the rights of whoever's browser shows it. It loads nothing
 * from elsewhere and runs nothing that is written into it, and the browser is told
 * to see to that: names of HSMs and keys come from outside.
 */
#include <string.h>

#include "fleet.h"

/* The assembler looks where the compiler looks for headers: from there it is a neighbour. */
#define EMBED(name, file)						\
	__asm__(".section .rodata\n"					\
		".global " name ", " name "_end\n"			\
		name ": .incbin \"../manager/web/" file "\"\n"		\
		name "_end: .byte 0\n"					\
		".previous\n")

EMBED("zkhsmd_web_page", "index.html");
EMBED("zkhsmd_web_script", "fleet.js");
EMBED("zkhsmd_web_style", "fleet.css");

extern const char zkhsmd_web_page[], zkhsmd_web_page_end[];
extern const char zkhsmd_web_script[], zkhsmd_web_script_end[];
extern const char zkhsmd_web_style[], zkhsmd_web_style_end[];

static const struct {
	const char *name, *media, *start, *end;
} files[] = {
	{ "", "text/html; charset=utf-8", zkhsmd_web_page, zkhsmd_web_page_end },
	{ "fleet.js", "text/javascript; charset=utf-8", zkhsmd_web_script, zkhsmd_web_script_end },
	{ "fleet.css", "text/css; charset=utf-8", zkhsmd_web_style, zkhsmd_web_style_end },
};

/* It is part of the program: nobody frees it. */
static void release(void *owner)
{
	(void)owner;
}

static void reply(struct server_request *rq, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (strcmp(files[i].name, name) != 0)
			continue;
		server_reply_shared(rq, 200, files[i].media, files[i].start,
				    (size_t)(files[i].end - files[i].start), release, NULL);
		server_reply_header(rq, "Content-Security-Policy",
				    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
		server_reply_header(rq, "X-Content-Type-Options", "nosniff");
		server_reply_header(rq, "Cache-Control", "no-cache");
		server_send(rq);
		return;
	}
	zkhsmd_problem(rq, P_UNKNOWN, "there is no such file");
	server_send(rq);
}

void zkhsmd_api_web(struct server_request *rq)
{
	reply(rq, "");
}

void zkhsmd_api_web_file(struct server_request *rq)
{
	reply(rq, *rq->args[0] ? rq->args[0] : "-");
}
