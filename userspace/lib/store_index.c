// SPDX-License-Identifier: GPL-2.0
/*
 * The index: a line of JSON for each record that came or went, with its
 * sequence; the last one counts. It is a hint for people, kept without care
 * for power cuts: when the kernel says that a record is an old one, this says
 * which. What is not a line of it is passed over.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store_private.h"

#define INDEX	"index"
/* Written anew when it is longer than that, and for each record there is. */
#define SLACK		(256U << 10)
#define LINE		160U

static void take_line(json_t *index, const char *line, size_t len)
{
	json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *name = NULL;
	json_int_t sequence = 0;

	if (o && !json_unpack(o, "{s:s, s:I!}", "name", &name, "sequence", &sequence) &&
	    zkhsm_store_name_valid(name)) {
		if (sequence > 0)
			json_object_set_new(index, name, json_integer(sequence));
		else
			json_object_del(index, name);
	}
	json_decref(o);
}

json_t *zkhsm_store_index_read(const struct zkhsm_store *s)
{
	json_t *index = json_object();
	uint8_t *data;
	char *line, *end;
	size_t len;

	if (!index || zkhsm_store_read(s, s->dir, INDEX, STORE_JOURNAL_MAX, &data, &len, NULL))
		return index;
	for (line = (char *)data; *line; line = end) {
		end = strchrnul(line, '\n');
		take_line(index, line, (size_t)(end - line));
		end += *end == '\n';
	}
	free(data);
	return index;
}

static void print_line(FILE *f, const char *name, uint64_t sequence)
{
	fprintf(f, "{\"name\":\"%s\",\"sequence\":%llu}\n", name, (unsigned long long)sequence);
}

static void print_change(FILE *f, const struct store_change *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct zkhsm_sealed r = { 0 };

		if (!c->records[i].data)
			print_line(f, c->records[i].name, 0);
		else if (!zkhsm_sealed_decode(&r, c->records[i].data, c->records[i].len))
			print_line(f, c->records[i].name, r.sequence);
	}
}

/* Lines that others have taken the place of go. */
static int compact(const struct zkhsm_store *s, struct zkhsm_error *err)
{
	json_t *index, *sequence;
	const char *name;
	char *text = NULL;
	uint8_t *data;
	size_t len;
	FILE *f;
	int ret;

	ret = zkhsm_store_read(s, s->dir, INDEX, STORE_JOURNAL_MAX, &data, &len, err);
	if (ret)
		return ret;
	free(data);
	index = zkhsm_store_index_read(s);
	if (len <= SLACK + LINE * 2 * json_object_size(index)) {
		json_decref(index);
		return 0;
	}
	f = open_memstream(&text, &len);
	if (f) {
		json_object_foreach(index, name, sequence) {
			print_line(f, name, (uint64_t)json_integer_value(sequence));
		}
		fclose(f);
		ret = zkhsm_store_replace(s, s->dir, INDEX, text, len, false, err);
	}
	free(text);
	json_decref(index);
	return ret;
}

int zkhsm_store_index_note(const struct zkhsm_store *s, const struct store_change *c,
			   struct zkhsm_error *err)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int ret;

	if (!f)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	print_change(f, c);
	if (fclose(f)) {
		free(text);
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	}
	if (c->full)
		ret = zkhsm_store_replace(s, s->dir, INDEX, text, len, false, err);
	else
		ret = zkhsm_store_append(s, s->dir, INDEX, text, len, err);
	free(text);
	/* Now and then is enough: it takes reading all of it. */
	if (!ret && !c->full && c->sequence % 256 == 0)
		ret = compact(s, err);
	return ret;
}
