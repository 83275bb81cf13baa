/* SPDX-License-Identifier: GPL-2.0 */
/*
 * relying.h - the command as a relying party, with a file that says whom it believes
 */
#ifndef ZKHSM_CLI_RELYING_H
#define ZKHSM_CLI_RELYING_H

#include "cli.h"
#include "zkhsm-relying.h"

/* Of "token get", "token verify" and "token use" with --relying. */
int relying_get(struct cli *cli);
int relying_verify(struct cli *cli);

/* relying_show.c: what each manager said; tokens as they stand with @tokens */
json_t *relying_json(const struct zkhsm_relying_result *r, bool tokens);
/* A result that is no success: what was said, and by whom. Frees nothing. */
int relying_failed(struct cli *cli, const struct zkhsm_relying_result *r);

/* cmd_token.c: a token from a file, without the newline that an editor or echo left */
int read_token(struct cli *cli, const char *path, char **token);

#endif /* ZKHSM_CLI_RELYING_H */
