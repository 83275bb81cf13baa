// SPDX-License-Identifier: GPL-2.0
/*
 * What the lines of a configuration file list, in their order: see conf.h.
 */
#include "conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool conf_list_has(const struct conf_list *l, const char *text)
{
	for (size_t i = 0; i < l->count; i++) {
		if (strcmp(l->items[i].text, text) == 0)
			return true;
	}
	return false;
}

int conf_list_add(struct conf_list *l, const char *text, int line)
{
	struct conf_item *items;
	char *own = strdup(text);

	if (!own)
		return -ENOMEM;
	items = realloc(l->items, (l->count + 1) * sizeof(*items));
	if (!items) {
		free(own);
		return -ENOMEM;
	}
	items[l->count].line = line;
	items[l->count++].text = own;
	l->items = items;
	return 0;
}

void conf_list_free(struct conf_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->items[i].text);
	free(l->items);
	*l = (struct conf_list){ .count = 0 };
}
