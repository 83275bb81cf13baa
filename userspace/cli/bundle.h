/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bundle.h - evidence with all it takes to verify it, in one file
 *
 * A JSON object: "format": "zkhsm-evidence", "version": 1, and in base64url
 * without padding "evidence", "announcement", "list", "configuration", each as
 * Documentation/protocol.rst describes it. "announcement" may be absent.
 */
#ifndef ZKHSM_BUNDLE_H
#define ZKHSM_BUNDLE_H

#include "cli.h"

struct blob {
	uint8_t *data;
	size_t len;
};

struct bundle {
	struct blob evidence, announcement, list, configuration;
};

json_t *bundle_json(const struct bundle *b);
/* From a bundle, or from evidence's bytes with --list and --config beside it. */
int bundle_read(struct cli *cli, const char *path, struct bundle *b);
void bundle_free(struct bundle *b);

#endif /* ZKHSM_BUNDLE_H */
