// SPDX-License-Identifier: GPL-2.0
/*
 * What the manager counts: sums, buckets, and labels that stay few.
 */
#include <event2/buffer.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../userspace/manager/metrics.h"

static struct zkhsmd m;

static int start(void **state)
{
	(void)state;
	return zkhsmd_metrics_new(&m.metrics);
}

static int end(void **state)
{
	(void)state;
	zkhsmd_metrics_free(m.metrics);
	m.metrics = NULL;
	return 0;
}

static char *print(void)
{
	struct evbuffer *to = evbuffer_new();
	char *text;
	size_t len;

	assert_non_null(to);
	assert_int_equal(zkhsmd_metrics_print(m.metrics, to), 0);
	len = evbuffer_get_length(to);
	text = calloc(1, len + 1);
	assert_non_null(text);
	assert_int_equal(evbuffer_remove(to, text, len), len);
	evbuffer_free(to);
	return text;
}

static void *count_up(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10000; i++)
		zkhsmd_metric_add(&m, M_TOKENS, 1);
	for (int i = 0; i < 1000; i++)
		zkhsmd_metric_label(&m, L_TOKENS_REFUSED, "stale");
	return NULL;
}

static void threads(void **state)
{
	pthread_t id[4];
	char *text;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&id[i], NULL, count_up, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(id[i], NULL);
	assert_int_equal(zkhsmd_metric_get(&m, M_TOKENS), 40000);
	text = print();
	assert_non_null(strstr(text, "\nzkhsm_tokens_issued_total 40000\n"));
	assert_non_null(strstr(text, "\nzkhsm_tokens_refused_total{reason=\"stale\"} 4000\n"));
	free(text);
}

static void histogram(void **state)
{
	const uint64_t now = zkhsmd_metric_now();
	char *text;

	(void)state;
	zkhsmd_metric_time(&m, T_SIGN, now - 60000);		/* above 50 ms */
	zkhsmd_metric_time(&m, T_SIGN, now - 3600000000);	/* beyond the last bound */
	text = print();
	assert_non_null(strstr(text, "\nzkhsm_order_sign_duration_seconds_bucket{le=\"0.05\"} 0\n"));
	assert_non_null(strstr(text, "\nzkhsm_order_sign_duration_seconds_bucket{le=\"10\"} 1\n"));
	assert_non_null(strstr(text, "\nzkhsm_order_sign_duration_seconds_bucket{le=\"+Inf\"} 2\n"));
	assert_non_null(strstr(text, "\nzkhsm_order_sign_duration_seconds_sum 3600."));
	assert_non_null(strstr(text, "\nzkhsm_order_sign_duration_seconds_count 2\n"));
	free(text);
}

/* Whatever becomes a label some day, it does not become a series each. */
static void few_labels(void **state)
{
	unsigned int series = 0;
	char label[200], *text;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(label, sizeof(label), "%d-%0150d", i, i);
		zkhsmd_metric_label(&m, L_GRANTS_REFUSED, label);
		zkhsmd_metric_label(&m, L_REQUESTS, label);
	}
	text = print();
	for (char *p = text; (p = strstr(p, "\nzkhsm_grants_refused_total{")); p++)
		series++;
	assert_int_equal(series, 65);
	assert_non_null(strstr(text, "\nzkhsm_grants_refused_total{reason=\"other\"} 936\n"));
	assert_non_null(strstr(text, "\nzkhsm_http_requests_total{code=\"other\"} 936\n"));
	free(text);
}

/* Tools that have no server count nothing, and do not mind. */
static void without(void **state)
{
	struct zkhsmd_metrics *kept = m.metrics;

	(void)state;
	m.metrics = NULL;
	zkhsmd_metric_add(&m, M_TOKENS, 1);
	zkhsmd_metric_label(&m, L_ALERTS, "clone");
	zkhsmd_metric_time(&m, T_COMMIT, 0);
	assert_int_equal(zkhsmd_metric_get(&m, M_TOKENS), 0);
	m.metrics = kept;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads), cmocka_unit_test(histogram),
		cmocka_unit_test(few_labels), cmocka_unit_test(without),
	};

	return cmocka_run_group_tests(tests, start, end);
}
