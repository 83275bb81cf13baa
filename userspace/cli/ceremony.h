/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ceremony.h - questions, plain commands, and the protocol of both
 */
#ifndef ZKHSM_CEREMONY_H
#define ZKHSM_CEREMONY_H

#include <stdio.h>

#include "cli.h"

#define ANSWER_SIZE	256
#define WORDS_MAX	24

/**
 * struct ceremony - one that is under way
 * @dry:	commands are said and not run
 * @answers:	of --answers: a string, or an array for what is asked again and
 *		again; NULL: the terminal
 * @taken:	how many of each array
 * @protocol:	memory; what was done, without any secret
 */
struct ceremony {
	struct cli *cli;
	bool dry;
	json_t *answers, *taken;
	FILE *protocol;
	char *text;
	size_t text_len;
	unsigned int step;
};

/* A command as it could be typed, word by word; values are not copied. */
struct words {
	const char *word[WORDS_MAX];
	size_t count;
};

int ceremony_begin(struct ceremony *c, struct cli *cli);
/* @name is what --answers calls it. @fallback NULL: there must be an answer. */
int ceremony_ask(struct ceremony *c, const char *name, const char *question,
		 const char *fallback, char out[ANSWER_SIZE]);
void ceremony_title(struct ceremony *c, const char *title);
/* A line of the protocol, and for those who sit there. */
void ceremony_note(struct ceremony *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* An option with its value, unless that is empty. */
void words_add(struct words *w, const char *option, const char *value);
/* Says the command and runs it: an error is that of the command, in cli->err. */
int ceremony_run(struct ceremony *c, const struct words *w);
/* Bytes as hex in groups of four digits, for voices and eyes. */
void ceremony_groups(struct ceremony *c, const char *name, const uint8_t *data, size_t len);
/* Writes the protocol to --protocol, and frees what there is. */
int ceremony_end(struct ceremony *c, int ret);

#endif /* ZKHSM_CEREMONY_H */
