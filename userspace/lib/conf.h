/* SPDX-License-Identifier: GPL-2.0 */
/*
 * conf.h - configuration files of the daemons, INI read by libinih
 *
 * A program describes its options in one table; reading, checking, defaults
 * and the refusal of what the table does not know follow from it.
 */
#ifndef ZKHSM_CONF_H
#define ZKHSM_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "zkhsm.h"

/* What "name = a, b" lines say, in their order; begins zeroed. */
struct conf_list {
	struct conf_item {
		char *text;
		int line;
	} *items;
	size_t count;
};

/* conf_list.c */
bool conf_list_has(const struct conf_list *l, const char *text);
/* A copy of @text at the end; -ENOMEM, and the list is as it was. */
int conf_list_add(struct conf_list *l, const char *text, int line);
/* Leaves it empty. */
void conf_list_free(struct conf_list *l);

enum conf_type {
	CONF_TEXT,	/* char[size] */
	CONF_NUMBER,	/* uint64_t */
	CONF_DURATION,	/* uint64_t ms; "250ms", "5s", "10min", "1h", "7d" */
	CONF_BOOL,	/* bool; "yes" or "no" */
	CONF_WORDS,	/* uint32_t, a bit for each of @words that is named; by commas */
	CONF_LIST,	/* struct conf_list, by commas; may be there more than once */
	CONF_LINE,	/* int: the line in which the section begins, 0: it is not there */
};

/**
 * struct conf_option - one line that a file may have
 * @section:	its section; "manager *" stands for each section "manager NAME"
 * @fallback:	the value when the file does not say, in the file's own syntax;
 *		NULL: the file must say. Of a CONF_WORDS or CONF_LIST "" is none
 * @offset:	where the value goes in the structure of the section
 * @size:	of a CONF_TEXT, with its terminator; of what is in a CONF_LIST likewise
 * @min, @max:	inclusive, of a CONF_NUMBER or CONF_DURATION; for a CONF_TEXT
 *		@min is its least length; for CONF_WORDS and CONF_LIST @max is how many
 * @words:	of CONF_WORDS, up to a NULL, at most 32
 */
struct conf_option {
	const char *section, *name;
	enum conf_type type;
	const char *fallback;
	size_t offset, size;
	uint64_t min, max;
	const char *const *words;
};

/* The option called @opt for @member of @type. */
#define CONF_TEXT_OF(sec, opt, def, type_, member, least)			\
	{ .section = (sec), .name = (opt), .type = CONF_TEXT, .fallback = (def),	\
	  .offset = offsetof(type_, member), .size = sizeof(((type_ *)0)->member),	\
	  .min = (least) }
#define CONF_NUMBER_OF(sec, opt, def, type_, member, lo, hi)			\
	{ .section = (sec), .name = (opt), .type = CONF_NUMBER, .fallback = (def),	\
	  .offset = offsetof(type_, member), .min = (lo), .max = (hi) }
#define CONF_DURATION_OF(sec, opt, def, type_, member, lo, hi)			\
	{ .section = (sec), .name = (opt), .type = CONF_DURATION, .fallback = (def),	\
	  .offset = offsetof(type_, member), .min = (lo), .max = (hi) }
#define CONF_BOOL_OF(sec, opt, def, type_, member)				\
	{ .section = (sec), .name = (opt), .type = CONF_BOOL, .fallback = (def),	\
	  .offset = offsetof(type_, member) }
#define CONF_WORDS_OF(sec, opt, def, type_, member, words_, most)		\
	{ .section = (sec), .name = (opt), .type = CONF_WORDS, .fallback = (def),	\
	  .offset = offsetof(type_, member), .words = (words_), .max = (most) }
#define CONF_LIST_OF(sec, opt, def, type_, member, size_, most)			\
	{ .section = (sec), .name = (opt), .type = CONF_LIST, .fallback = (def),	\
	  .offset = offsetof(type_, member), .size = (size_), .max = (most) }
#define CONF_LINE_OF(sec, type_, member)					\
	{ .section = (sec), .name = "", .type = CONF_LINE, .fallback = "",	\
	  .offset = offsetof(type_, member) }

/**
 * conf_load - read a file
 * @path:	the file; parsed whole even when a line is wrong, the first fault
 *		is the one reported
 * @options:	@count of them; those of one section stand together
 * @section:	gives the structure for a section; @name is what follows "KIND "
 *		in "KIND *" sections, NULL for others. Called once for each
 *		section in @options without a star, and once for each "KIND NAME"
 *		in the file, which may have that once. NULL refuses the section (one
 *		too many, bad name)
 *
 * Unknown sections and options, options given twice, values that do not parse
 * or are out of range, and empty or repeated items are refused, and so are lines of more than 510 bytes, names
 * of sections of more than 49 and zero bytes. -EINVAL with "FILE:LINE: ..." in @err, or
 * the errno of opening the file. Lists are the caller's to free, also after that.
 */
int conf_load(const char *path, const struct conf_option *options, size_t count,
	      void *(*section)(void *arg, const char *kind, const char *name), void *arg,
	      struct zkhsm_error *err);
/* The same of what is open already; @path is for the errors. */
int conf_read(FILE *file, const char *path, const struct conf_option *options, size_t count,
	      void *(*section)(void *arg, const char *kind, const char *name), void *arg,
	      struct zkhsm_error *err);

/* "250ms", "5s", "10min", "1h", "7d" to milliseconds; -EINVAL. */
int conf_duration(const char *text, uint64_t *ms);

#endif /* ZKHSM_CONF_H */
