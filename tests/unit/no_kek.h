/* SPDX-License-Identifier: GPL-2.0 */
/*
 * no_kek.h - the part of a simulated kernel that knows of no KEK
 *
 * None of these is asked for. They are here so that the library's own netlink
 * stays out of a test that replaces zkhsm_nl_open().
 */
#ifndef NO_KEK_H
#define NO_KEK_H

#include <errno.h>

#include "zkhsm.h"

int zkhsm_hsm_seal(struct zkhsm_nl *nl, const struct zkhsm_seal_request *request,
		   int (*fn)(const struct zkhsm_seal_item *item, void *arg), void *arg,
		   struct zkhsm_error *err)
{
	(void)nl;
	(void)request;
	(void)fn;
	(void)arg;
	return zkhsm_fail(err, -ENOKEY, "no KEK");
}

int zkhsm_hsm_seal_commit(struct zkhsm_nl *nl, uint64_t sequence, struct zkhsm_error *err)
{
	(void)nl;
	(void)sequence;
	return zkhsm_fail(err, -ENOKEY, "no KEK");
}

int zkhsm_hsm_unseal_begin(struct zkhsm_nl *nl, const struct zkhsm_unseal_request *request,
			   struct zkhsm_error *err)
{
	(void)nl;
	(void)request;
	return zkhsm_fail(err, -EEXIST, "there is an identity");
}

int zkhsm_hsm_unseal_add(struct zkhsm_nl *nl, const struct zkhsm_bytes *records, size_t count,
			 size_t *done, struct zkhsm_error *err)
{
	(void)nl;
	(void)records;
	*done = count;
	return zkhsm_fail(err, -EEXIST, "there is an identity");
}

int zkhsm_hsm_unseal_finish(struct zkhsm_nl *nl, struct zkhsm_unseal_result *out,
			    struct zkhsm_error *err)
{
	(void)nl;
	(void)out;
	return zkhsm_fail(err, -EEXIST, "there is an identity");
}

#endif /* NO_KEK_H */
