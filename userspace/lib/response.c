// SPDX-License-Identifier: GPL-2.0
/*
 * What a server answered: JSON, or a problem (RFC 9457) as an error.
 */
#include "lib_private.h"

#include <stdlib.h>
#include <strings.h>

void zkhsm_response_free(struct zkhsm_response *r)
{
	free(r->body);
	memset(r, 0, sizeof(*r));
}

/**
 * zkhsm_response_json() - the JSON object in an answer
 * @r: the answer, of application/json or application/problem+json
 * @out: for the caller to decref
 * @err: why not
 *
 * Return: 0, or -EBADMSG: another media type, not JSON, not an object, or a
 * member twice.
 */
int zkhsm_response_json(const struct zkhsm_response *r, json_t **out, struct zkhsm_error *err)
{
	json_error_t why;

	*out = NULL;
	if (strcasecmp(r->content_type, "application/json") &&
	    strcasecmp(r->content_type, "application/problem+json") &&
	    strcasecmp(r->content_type, "application/jwk-set+json"))
		return zkhsm_fail(err, -EBADMSG, "the server answers %s instead of JSON",
				  r->content_type[0] ? r->content_type : "nothing");
	*out = json_loadb((const char *)r->body, r->body_len, JSON_REJECT_DUPLICATES, &why);
	if (json_is_object(*out))
		return 0;
	json_decref(*out);
	*out = NULL;
	return zkhsm_fail(err, -EBADMSG, "the server's JSON is malformed: %.128s", why.text);
}

void zkhsm_response_type(const struct zkhsm_response *r, char type[64])
{
	json_t *problem;
	const char *text;

	type[0] = '\0';
	if (zkhsm_response_json(r, &problem, NULL))
		return;
	text = json_string_value(json_object_get(problem, "type"));
	if (text && strlen(text) < 64)
		strcpy(type, text);	/* just measured */
	json_decref(problem);
}

/**
 * zkhsm_response_problem() - an answer that is not the one wanted, as an error
 *
 * Return: -EREMOTEIO, with title and detail of the problem (RFC 9457), or the
 * status alone when the server sent none.
 */
int zkhsm_response_problem(const struct zkhsm_response *r, struct zkhsm_error *err)
{
	const char *title, *detail;
	json_t *problem;

	if (zkhsm_response_json(r, &problem, NULL))
		return zkhsm_fail(err, -EREMOTEIO, "the server answers with status %ld", r->status);
	title = json_string_value(json_object_get(problem, "title"));
	detail = json_string_value(json_object_get(problem, "detail"));
	zkhsm_fail(err, -EREMOTEIO, "%.80s%s%.200s (status %ld)", title ? title : "refused",
		   detail ? ": " : "", detail ? detail : "", r->status);
	json_decref(problem);
	return -EREMOTEIO;
}
