/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cli.h - the zkhsm command that was built with this program, asking a daemon
 */
#ifndef ZKHSM_TEST_CLI_H
#define ZKHSM_TEST_CLI_H

#include "daemon.h"

/* As the client with the certificate @cert; words up to a NULL. Its exit status, and all it said. */
int cli_run(struct daemon *d, const char *cert, char *output, size_t size, ...)
	__attribute__((sentinel));

#endif /* ZKHSM_TEST_CLI_H */
