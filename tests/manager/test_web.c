// SPDX-License-Identifier: GPL-2.0
/*
 * test_web.c - the page of the fleet in a browser; and what it asks for, where
 * that is asked for by nobody else
 */
#include "daemon.h"

#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARKUP	"<img src=x onerror=alert(1)>"

extern char **environ;

static struct daemon *d;
static struct prover *first, *second;

static int start(void **state)
{
	(void)state;
	d = daemon_new("max_age = 1h\n", NULL);
	daemon_start(d, 0);
	first = prover_new("web 1", 3);
	second = prover_new("web 2", 2);
	prover_pin(first, d->order_public);
	prover_pin(second, d->order_public);
	prover_refresh(first);
	prover_refresh(second);
	enrol(d, first);
	enrol(d, second);
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'revoke','scope':'key','hsm_id':'%s','key_id':'key-000001','reason':'key-compromise'}",
		      hex32(first->hsm_id)));
	return 0;
}

static int end(void **state)
{
	(void)state;
	prover_free(first);
	prover_free(second);
	daemon_free(d);
	return 0;
}

/* Tests are run from anywhere: this source's directory, as the compiler had it. */
static void look_path(char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.*s/web/look.py",
		 (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__);
}

/* What the browser made of this place; the caller's to free. @picture is kept if asked for. */
static char *look(const char *place, const char *picture)
{
	char script[PATH_MAX], port[16], ca[256], certificate[256], key[256], out[256];
	char *argv[16] = { script, (char *)(uintptr_t)"--port", port, (char *)(uintptr_t)"--ca",
			   ca, (char *)(uintptr_t)"--certificate", certificate,
			   (char *)(uintptr_t)"--key", key };
	const char *pictures = getenv("PICTURES");
	posix_spawn_file_actions_t actions;
	char file[256], *text = NULL;
	size_t argc = 9, size = 0;
	int status, c;
	pid_t pid;
	FILE *f, *m;

	look_path(script);
	snprintf(port, sizeof(port), "%d", d->port);
	daemon_file(d, "ca.pem", ca);
	daemon_file(d, "admin.pem", certificate);
	daemon_file(d, "admin.key", key);
	daemon_file(d, "page", out);
	if (pictures) {
		snprintf(file, sizeof(file), "%s/%s.png", pictures, picture);
		argv[argc++] = (char *)(uintptr_t)"--picture";
		argv[argc++] = file;
	}
	argv[argc] = (char *)(uintptr_t)place;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out, O_WRONLY | O_CREAT | O_TRUNC,
					 0600);
	assert_int_equal(posix_spawn(&pid, script, &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);

	f = fopen(out, "re");
	m = open_memstream(&text, &size);
	assert_non_null(f);
	assert_non_null(m);
	while ((c = fgetc(f)) != EOF)
		fputc(c, m);
	fclose(f);
	fclose(m);
	return text;
}

static void expect(const char *page, const char *text)
{
	if (!strstr(page, text))
		fail_msg("the page has no \"%s\":\n%s", text, page);
}

static void expect_not(const char *page, const char *text)
{
	if (strstr(page, text))
		fail_msg("the page has \"%s\":\n%s", text, page);
}

static void fleet(void **state)
{
	char *page = look("#/", "fleet"), place[128];

	(void)state;
	expect(page, "data-ready=\"yes\"");
	expect(page, "<b class=\"good\">2</b>fresh<small>5 keys</small>");
	expect(page, "list 1");
	snprintf(place, sizeof(place), "href=\"#/hsm/%s\"", hex32(first->hsm_id));
	expect(page, place);
	snprintf(place, sizeof(place), "href=\"#/hsm/%s\"", hex32(second->hsm_id));
	expect(page, place);
	expect(page, "<span class=\"state attested\">attested</span>");
	/* No script, style or request that the browser was told not to run or make. */
	expect_not(page, "CONSOLE");
	free(page);
}

static void keys(void **state)
{
	char place[128], *page;

	(void)state;
	snprintf(place, sizeof(place), "#/hsm/%s", hex32(first->hsm_id));
	page = look(place, "hsm");
	expect(page, "data-ready=\"yes\"");
	expect(page, ">key-000000</a>");
	expect(page, "<span class=\"state revoked\">revoked</span>");
	expect(page, "key-compromise");
	expect_not(page, "CONSOLE");
	free(page);
}

static void timeline(void **state)
{
	char place[160], *page;

	(void)state;
	snprintf(place, sizeof(place), "#/hsm/%s/key/key-000001", hex32(first->hsm_id));
	page = look(place, "key");
	expect(page, "data-ready=\"yes\"");
	expect(page, "<h2>key-000001 <span class=\"state revoked\">revoked</span></h2>");
	expect(page, "<b>revoked</b>");
	expect_not(page, "CONSOLE");
	free(page);
}

/* Whoever names an HSM writes a name, not a page. */
static void markup(void **state)
{
	struct prover *p = prover_new("web markup", 1);
	char *page;

	(void)state;
	prover_pin(p, d->order_public);
	prover_refresh(p);
	tell(attest(d, p, 403, "pending"));
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 201, NULL,
		      "{'hsm_id':'%s','name':'" MARKUP "'}", hex32(p->hsm_id)));
	page = look("#/", "markup");
	expect(page, "&lt;img src=x onerror=alert(1)&gt;");
	expect_not(page, MARKUP);
	expect_not(page, "CONSOLE");
	free(page);
	prover_free(p);
}

static void unknown(void **state)
{
	char place[128], *page;

	(void)state;
	snprintf(place, sizeof(place), "#/hsm/%064d", 0);
	page = look(place, "unknown");
	expect(page, "data-ready=\"failed\"");
	expect(page, "not up to date: ");
	free(page);
}

static void page_by_page(void **state)
{
	json_t *o, *k;

	(void)state;
	o = get(d->admin, 200, NULL, "/v1/admin/hsms/%s/keys?limit=2", hex32(first->hsm_id));
	k = json_object_get(o, "keys");
	assert_int_equal(json_array_size(k), 2);
	assert_string_equal(text_of(json_array_get(k, 1), "key_id"), "key-000001");
	assert_string_equal(text_of(json_array_get(k, 1), "status"), "revoked");
	assert_true(json_is_true(json_object_get(o, "more")));
	json_decref(o);
	o = get(d->admin, 200, NULL, "/v1/admin/hsms/%s/keys?limit=2&after=key-000001",
		hex32(first->hsm_id));
	k = json_object_get(o, "keys");
	assert_int_equal(json_array_size(k), 1);
	assert_string_equal(text_of(json_array_get(k, 0), "key_id"), "key-000002");
	assert_true(json_is_false(json_object_get(o, "more")));
	json_decref(o);
	tell(get(d->admin, 400, "request", "/v1/admin/hsms/%s/keys?limit=0", hex32(first->hsm_id)));
	tell(get(d->admin, 400, "request", "/v1/admin/hsms/%s/keys?limit=1001",
		 hex32(first->hsm_id)));
	tell(get(d->admin, 400, "request", "/v1/admin/hsms/%s/keys?limit=2x",
		 hex32(first->hsm_id)));
	tell(get(d->admin, 400, "request", "/v1/admin/hsms/%s/keys?after=..%%2f",
		 hex32(first->hsm_id)));
	tell(get(d->admin, 404, "unknown", "/v1/admin/hsms/%064d/keys", 0));
	tell(get(d->public, 401, "client-certificate", "/v1/admin/hsms/%s/keys",
		 hex32(first->hsm_id)));
	tell(get(d->public, 401, "client-certificate", "/v1/admin/summary"));
}

static void summary(void **state)
{
	json_t *o = get(d->admin, 200, NULL, "/v1/admin/summary"), *states;

	(void)state;
	states = json_object_get(o, "states");
	assert_int_equal(number_of(json_object_get(states, "attested"), "hsms"), 2);
	assert_int_equal(number_of(json_object_get(states, "attested"), "keys"), 5);
	assert_int_equal(number_of(json_object_get(states, "pending"), "hsms"), 0);
	assert_int_equal(number_of(json_object_get(o, "due"), "hsms"), 0);
	assert_int_equal(number_of(o, "revoked"), 1);
	assert_int_equal(number_of(o, "held"), 0);
	assert_int_equal(number_of(o, "revocation_list"), 1);
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(summary), cmocka_unit_test(page_by_page), cmocka_unit_test(fleet),
		cmocka_unit_test(keys), cmocka_unit_test(timeline), cmocka_unit_test(unknown),
		cmocka_unit_test(markup),
	};

	return cmocka_run_group_tests_name("the page of the fleet", tests, start, end);
}
