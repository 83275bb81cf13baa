// SPDX-License-Identifier: GPL-2.0
/*
 * conf.c - configuration files of the daemons, INI read by libinih
 */
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"

#define SECTIONS_MAX	1024
#define TITLE_MAX	49		/* libinih cuts what is longer */
#define LINE_MAX_LEN	512		/* with its end */

/* One section that the file has (or that has defaults), and what it has set. */
struct section {
	char title[128];
	char kind[64];
	const char *name;		/* into @title, or NULL */
	void *base;
	int line;			/* of its beginning, 0: not in the file */
	uint64_t given;			/* bit: index of the option among the section's own */
};

struct reader {
	const char *path;
	FILE *file;
	int line;			/* the last one read */
	const char *unreadable;		/* what was wrong with it: no other follows */
	struct section *current;	/* the one that it is in */
	const struct conf_option *options;
	size_t count;
	void *(*section)(void *arg, const char *kind, const char *name);
	void *arg;
	struct section sections[SECTIONS_MAX];
	size_t section_count;
	char fault[256];		/* the first one */
	int fault_line;
};

static int fault(struct reader *r, const char *format, const char *a, const char *b)
{
	if (!r->fault[0]) {
		r->fault_line = r->line;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(r->fault, sizeof(r->fault), format, a, b);
#pragma GCC diagnostic pop
	}
	return 0;	/* libinih's failure */
}

int conf_duration(const char *text, uint64_t *ms)
{
	static const struct { const char *unit; uint64_t ms; } units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 }, { "d", 86400000 },
	};
	unsigned long long n;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(end, units[i].unit) == 0)
			return __builtin_mul_overflow(n, units[i].ms, ms) ? -EINVAL : 0;
	}
	return -EINVAL;
}

static int parse_number(const char *text, uint64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno || *end ? -EINVAL : 0;
}

static int add_item(struct reader *r, const struct conf_option *o, const char *text, void *to)
{
	struct conf_list *l = to;

	if (strlen(text) >= o->size)
		return fault(r, "%s has something too long: %s", o->name, text);
	if (conf_list_has(l, text))
		return fault(r, "%s has %s twice", o->name, text);
	if (l->count >= o->max)
		return fault(r, "%s has too many, the first of them %s", o->name, text);
	if (conf_list_add(l, text, r->line))
		return fault(r, "%s%s", "out of memory", "");
	return 1;
}

static int add_word(struct reader *r, const struct conf_option *o, const char *text, void *to)
{
	uint32_t *set = to, bit = 1;
	size_t i;

	for (i = 0; o->words[i] && strcmp(o->words[i], text) != 0; i++)
		bit <<= 1;
	if (!o->words[i])
		return fault(r, "%s cannot be \"%s\"", o->name, text);
	if (*set & bit)
		return fault(r, "%s has %s twice", o->name, text);
	if ((uint64_t)__builtin_popcount(*set) >= o->max)
		return fault(r, "%s has too many, the first of them %s", o->name, text);
	*set |= bit;
	return 1;
}

/* Those between the commas of "a, b", without the space around them. */
static int each_item(struct reader *r, const struct conf_option *o, const char *value,
		     int (*add)(struct reader *r, const struct conf_option *o, const char *text,
				void *to), void *to)
{
	static const char space[] = " \t\v\f\r";
	char text[LINE_MAX_LEN];

	for (const char *end; ; value = end + 1) {
		size_t len;

		end = value + strcspn(value, ",");
		value += strspn(value, space);
		for (len = value < end ? (size_t)(end - value) : 0; len; len--) {
			if (!strchr(space, value[len - 1]))
				break;
		}
		if (!len)
			return fault(r, "%s has nothing where something is to be%s", o->name, "");
		snprintf(text, sizeof(text), "%.*s", (int)len, value);
		if (!add(r, o, text, to))
			return 0;
		if (!*end)
			return 1;
	}
}

static int store(struct reader *r, const struct conf_option *o, void *base, const char *value)
{
	void *to = (char *)base + o->offset;
	uint64_t n = 0;

	switch (o->type) {
	case CONF_TEXT:
		if (strlen(value) >= o->size)
			return fault(r, "%s is too long: %s", o->name, value);
		if (strlen(value) < o->min)
			return fault(r, "%s is too short: \"%s\"", o->name, value);
		strcpy(to, value);	/* just measured */
		return 1;
	case CONF_BOOL:
		if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
			return fault(r, "%s is yes or no, not \"%s\"", o->name, value);
		*(bool *)to = value[0] == 'y';
		return 1;
	case CONF_NUMBER:
		if (parse_number(value, &n))
			return fault(r, "%s is a number, not \"%s\"", o->name, value);
		break;
	case CONF_DURATION:
		if (conf_duration(value, &n))
			return fault(r, "%s is a time like 250ms, 5s, 10min, 1h or 7d, not \"%s\"",
				     o->name, value);
		break;
	case CONF_WORDS:
		*(uint32_t *)to = 0;
		return each_item(r, o, value, add_word, to);
	case CONF_LIST:
		return each_item(r, o, value, add_item, to);
	case CONF_LINE:
		return 1;
	}
	if (n < o->min || n > o->max)
		return fault(r, "%s is out of range: %s", o->name, value);
	*(uint64_t *)to = n;
	return 1;
}

/* Whether "[title]" is a section of the option's kind; @name is set for "KIND NAME". */
static bool section_matches(const struct conf_option *o, const char *title, const char **name)
{
	size_t len = strlen(o->section);

	*name = NULL;
	if (len < 3 || strcmp(o->section + len - 2, " *") != 0)
		return strcmp(o->section, title) == 0;
	if (strncmp(o->section, title, len - 1) != 0 || !title[len - 1])
		return false;
	*name = title + len - 1;
	return true;
}

static struct section *section_open(struct reader *r, const char *title, int line)
{
	const char *name = NULL;
	struct section *s;
	size_t i;

	for (i = 0; i < r->section_count; i++) {
		if (strcmp(r->sections[i].title, title) == 0)
			return &r->sections[i];
	}
	for (i = 0; i < r->count; i++) {
		if (section_matches(&r->options[i], title, &name))
			break;
	}
	if (i == r->count || r->section_count == SECTIONS_MAX ||
	    strlen(title) >= sizeof(s->title))
		return NULL;
	s = &r->sections[r->section_count];
	strcpy(s->title, title);	/* just measured */
	s->name = name ? s->title + (name - title) : NULL;
	snprintf(s->kind, sizeof(s->kind), "%.*s",
		 (int)(name ? name - title - 1 : (long)strlen(title)), title);
	s->base = r->section(r->arg, s->kind, s->name);
	if (!s->base)
		return NULL;
	s->line = line;
	for (i = 0; i < r->count; i++) {
		if (r->options[i].type == CONF_LINE && section_matches(&r->options[i], title, &name))
			*(int *)((char *)s->base + r->options[i].offset) = line;
	}
	r->section_count++;
	return s;
}

/* What "[title]" says; libinih would not tell of it before an option follows. */
static void on_title(struct reader *r, const char *title)
{
	size_t before = r->section_count;

	r->current = section_open(r, title, r->line);
	if (!r->current)
		fault(r, "section [%s] is unknown, or one too many%s", title, "");
	else if (r->current->name && r->section_count == before)
		fault(r, "section [%s] is there twice%s", title, "");
	if (r->fault[0])
		r->unreadable = r->fault;
}

static int on_line(void *arg, const char *title, const char *name, const char *value)
{
	struct reader *r = arg;
	struct section *s = r->current;
	unsigned int own = 0;
	const char *unused;

	/* Before the first title, or after one that was not read alike here. */
	if (!s || strcmp(s->title, title) != 0)
		return fault(r, "section [%s] is unknown, or one too many%s", title, "");
	for (size_t i = 0; i < r->count; i++) {
		if (!section_matches(&r->options[i], title, &unused))
			continue;
		if (r->options[i].type == CONF_LINE || strcmp(r->options[i].name, name) != 0) {
			own++;
			continue;
		}
		if (s->given & 1ULL << own && r->options[i].type != CONF_LIST)
			return fault(r, "%s is there twice in [%s]", name, title);
		s->given |= 1ULL << own;
		return store(r, &r->options[i], s->base, value);
	}
	return fault(r, "option %s is unknown in [%s]", name, title);
}

/* What stands between the brackets of "[title]". */
static void look_for_title(struct reader *r, const char *line)
{
	char title[TITLE_MAX + 1];
	size_t len;

	line += strspn(line, " \t\v\f\r");
	if (*line != '[')
		return;
	len = strcspn(line + 1, "]\n");
	if (len > TITLE_MAX) {
		r->unreadable = "the name of the section is too long";
	} else if (line[1 + len] == ']') {
		snprintf(title, sizeof(title), "%.*s", (int)len, line + 1);
		on_title(r, title);
	}
}

/*
 * As fgets(), for libinih, which would take the rest of a line that is too long
 * for it as a line of its own, even if of a comment; would cut the title of a
 * section; and would not see what follows a zero byte.
 */
static char *next_line(char *line, int size, void *arg)
{
	struct reader *r = arg;
	int len = 0, c = 0;

	if (r->unreadable)
		return NULL;
	r->line++;
	while (c != '\n' && (c = getc(r->file)) != EOF) {
		if (!c)
			r->unreadable = "a zero byte";
		else if (len == size - 1)
			r->unreadable = "the line is too long";
		if (r->unreadable)
			return NULL;
		line[len++] = (char)c;
	}
	line[len] = '\0';
	if (ferror(r->file))
		r->unreadable = "the file cannot be read";
	else
		look_for_title(r, line);
	return len && !r->unreadable ? line : NULL;
}

/* What the file left out, after the whole of it was read. */
static int fill_defaults(struct reader *r)
{
	for (size_t k = 0; k < r->section_count; k++) {
		struct section *s = &r->sections[k];
		unsigned int own = 0;
		const char *unused;

		for (size_t i = 0; i < r->count; i++) {
			const struct conf_option *o = &r->options[i];

			if (!section_matches(o, s->title, &unused))
				continue;
			if (s->given & 1ULL << own++)
				continue;
			r->line = s->line;
			if (!o->fallback)
				return fault(r, "%s is missing in [%s]", o->name, s->title);
			/* Only what a file says has a least length: "" is "not set". */
			if (o->type == CONF_TEXT && !o->fallback[0])
				*((char *)s->base + o->offset) = '\0';
			else if (o->type == CONF_WORDS && !o->fallback[0])
				*(uint32_t *)((char *)s->base + o->offset) = 0;
			else if (o->type == CONF_LIST && !o->fallback[0])
				continue;
			else if (!store(r, o, s->base, o->fallback))
				return 0;
		}
	}
	return 1;
}

int conf_read(FILE *file, const char *path, const struct conf_option *options, size_t count,
	      void *(*section)(void *arg, const char *kind, const char *name), void *arg,
	      struct zkhsm_error *err)
{
	struct reader *r;
	int line, ret = 0;

	r = calloc(1, sizeof(*r));
	if (!r)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	*r = (struct reader){ .path = path, .file = file, .options = options, .count = count,
			      .section = section, .arg = arg };
	/* A continued line would be the same option twice to us. */
	ini_allow_multiline = false;
	/* Nor is there a mark in front of a title that is not part of it. */
	ini_allow_bom = false;
	/* On the stack it has 200 bytes, less than the longest option. */
	ini_use_stack = false;
	ini_initial_alloc = ini_max_line = LINE_MAX_LEN;
	line = ini_parse_stream(next_line, r, on_line, r);
	if (!line && r->unreadable) {
		ret = zkhsm_fail(err, -EINVAL, "%s:%d: %s", path, r->line, r->unreadable);
		goto out;
	}
	if (line) {
		ret = zkhsm_fail(err, -EINVAL, "%s:%d: %s", path, line,
				 r->fault_line == line ? r->fault : "not \"option = value\"");
		goto out;
	}
	for (size_t i = 0; i < count; i++) {
		if (!strchr(options[i].section, '*') && !section_open(r, options[i].section, 0)) {
			ret = zkhsm_fail(err, -EINVAL, "%s: too many sections", path);
			goto out;
		}
	}
	if (!fill_defaults(r) && r->line)
		ret = zkhsm_fail(err, -EINVAL, "%s:%d: %s", path, r->line, r->fault);
	else if (r->fault[0])
		ret = zkhsm_fail(err, -EINVAL, "%s: %s", path, r->fault);
out:
	free(r);
	return ret;
}

int conf_load(const char *path, const struct conf_option *options, size_t count,
	      void *(*section)(void *arg, const char *kind, const char *name), void *arg,
	      struct zkhsm_error *err)
{
	FILE *file = fopen(path, "re");
	int ret;

	if (!file)
		return zkhsm_fail(err, -errno, "%s: %s", path, strerror(errno));
	ret = conf_read(file, path, options, count, section, arg, err);
	fclose(file);
	return ret;
}
