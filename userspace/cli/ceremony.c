// SPDX-License-Identifier: GPL-2.0
/*
 * ceremony.c - see ceremony.h
 */
#include "ceremony.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ANSWERS_MAX	(1U << 20)

int ceremony_begin(struct ceremony *c, struct cli *cli)
{
	const char *path = cli->value[OPT_ANSWERS];
	uint8_t *data;
	size_t len;
	int ret;

	memset(c, 0, sizeof(*c));
	c->cli = cli;
	c->dry = cli->value[OPT_DRY_RUN];
	c->taken = json_object();
	c->protocol = open_memstream(&c->text, &c->text_len);
	if (!c->taken || !c->protocol)
		return zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
	if (!path)
		return 0;
	ret = zkhsm_read_file(path, ANSWERS_MAX, &data, &len, &cli->err);
	if (ret)
		return ret;
	ret = cli_json_load(cli, path, data, len, &c->answers);
	free(data);
	return ret;
}

/* What is asked until there are no more: one answer is then one, not all of them. */
static bool is_list(const char *name)
{
	return !strcmp(name, "present") || !strcmp(name, "manager") || !strcmp(name, "key") ||
	       !strcmp(name, "share-file");
}

/* The next one of --answers; NULL: there is none, or no more. */
static const char *next_answer(struct ceremony *c, const char *name)
{
	json_t *value = json_object_get(c->answers, name);
	json_int_t n = json_integer_value(json_object_get(c->taken, name));

	json_object_set_new(c->taken, name, json_integer(n + 1));
	if (json_is_array(value))
		return json_string_value(json_array_get(value, (size_t)n));
	return n && is_list(name) ? NULL : json_string_value(value);
}

/* Return: NULL at the end of the input. */
static const char *read_line(char *line, size_t size)
{
	if (!fgets(line, (int)size, stdin))
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static bool clean(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

int ceremony_ask(struct ceremony *c, const char *name, const char *question,
		 const char *fallback, char out[ANSWER_SIZE])
{
	char line[ANSWER_SIZE];
	const char *answer;

	fprintf(stderr, "%s", question);
	if (fallback && *fallback)
		fprintf(stderr, " [%s]", fallback);
	fputs(": ", stderr);
	fflush(stderr);
	if (c->answers) {
		answer = next_answer(c, name);
		fprintf(stderr, "%s\n", answer ? answer : "");
	} else {
		answer = read_line(line, sizeof(line));
		if (!answer)
			return zkhsm_fail(&c->cli->err, -ECANCELED, "no answer: %s", question);
	}
	if (!answer || !*answer)
		answer = fallback;
	if (!answer)
		return zkhsm_fail(&c->cli->err, -EINVAL, "needs an answer (%s): %s", name,
				  question);
	if (strlen(answer) >= ANSWER_SIZE || !clean(answer))
		return zkhsm_fail(&c->cli->err, -EINVAL, "no good answer (%s): %s", name,
				  question);
	snprintf(out, ANSWER_SIZE, "%s", answer);
	return 0;
}

void ceremony_title(struct ceremony *c, const char *title)
{
	c->step++;
	fprintf(c->protocol, "\n%u. %s\n", c->step, title);
	fprintf(stderr, "\n%u. %s\n", c->step, title);
}

void ceremony_note(struct ceremony *c, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fprintf(c->protocol, "   %s\n", line);
	fprintf(stderr, "   %s\n", line);
}

void words_add(struct words *w, const char *option, const char *value)
{
	if ((value && !*value) || w->count + 2 > WORDS_MAX)
		return;
	w->word[w->count++] = option;
	if (value)
		w->word[w->count++] = value;
}

/* As a shell wants it. */
static void print_word(FILE *f, const char *word)
{
	if (*word && !strpbrk(word, " \t'\"\\$`!*?[]{}()<>|&;#~")) {
		fprintf(f, " %s", word);
		return;
	}
	fputs(" '", f);
	for (; *word; word++)
		fputs(*word == '\'' ? "'\\''" : (const char []){ *word, '\0' }, f);
	fputc('\'', f);
}

static void print_words(FILE *f, const struct words *w)
{
	fputs("   $ zkhsm", f);
	for (size_t i = 0; i < w->count; i++)
		print_word(f, w->word[i]);
	fputc('\n', f);
}

/* The command of the table that the first two words are; run as if from the shell. */
static int run_words(struct cli *cli, const struct words *w, struct zkhsm_error *err)
{
	struct cli sub = { .table = cli->table, .table_len = cli->table_len, .json = cli->json };
	char *argv[WORDS_MAX + 1] = { NULL };
	int ret;

	for (size_t i = 0; i < cli->table_len && !sub.command; i++)
		if (!strcmp(cli->table[i].object, w->word[0]) &&
		    !strcmp(cli->table[i].verb, w->word[1]))
			sub.command = &cli->table[i];
	if (!sub.command)
		return zkhsm_fail(err, -EINVAL, "there is no %s %s", w->word[0], w->word[1]);
	for (size_t i = 0; i < w->count; i++)
		argv[i] = (char *)w->word[i];	/* getopt sorts the pointers, no more */
	ret = cli_parse(&sub, (int)w->count - 2, argv + 2);
	ret = ret ? ret : sub.command->run(&sub);
	if (sub.nl)
		zkhsm_nl_close(sub.nl);
	fflush(stdout);
	if (ret > 0 && !sub.err.code)
		zkhsm_error_set(&sub.err, -EINVAL, "%s %s failed", w->word[0], w->word[1]);
	*err = sub.err;
	return ret > 0 ? -EINVAL : ret;
}

int ceremony_run(struct ceremony *c, const struct words *w)
{
	int ret = 0;

	print_words(c->protocol, w);
	print_words(stderr, w);
	if (!c->dry)
		ret = run_words(c->cli, w, &c->cli->err);
	if (ret)
		fprintf(c->protocol, "   REFUSED: %s\n", c->cli->err.text);
	return ret;
}

void ceremony_groups(struct ceremony *c, const char *name, const uint8_t *data, size_t len)
{
	char line[5 * 33] = "", *p = line;

	for (size_t i = 0; i < len && i < 64; i++)
		p += snprintf(p, sizeof(line) - (size_t)(p - line), "%02x%s", data[i],
			      i & 1 && i + 1 < len ? " " : "");
	ceremony_note(c, "%s", name);
	ceremony_note(c, "  %s", line);
}

int ceremony_end(struct ceremony *c, int ret)
{
	const char *path = c->cli->value[OPT_PROTOCOL];
	struct zkhsm_error err = { 0 };
	int written = 0;

	if (c->protocol)
		fclose(c->protocol);
	/* Also of one that failed: what was done is done. */
	if (path && c->text)
		written = zkhsm_write_file(path, c->text, c->text_len, 0644, &err);
	if (written && ret)
		fprintf(stderr, "zkhsm: hsm ceremony: %s\n", err.text);
	else if (written)
		c->cli->err = err;
	free(c->text);
	json_decref(c->taken);
	json_decref(c->answers);
	return ret ? ret : written;
}
