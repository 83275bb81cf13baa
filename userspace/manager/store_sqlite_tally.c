// SPDX-License-Identifier: GPL-2.0
/*
 * store_sqlite_tally.c - how many rows of which kind
 */
#include <errno.h>

#include "store_sqlite.h"
#include "tally.h"

/*
 * Stopped keys by what stops them most, of keys that are proved now: from the
 * revocations, which are few, to the holdings by their index.
 */
#define STOPPED \
	"SELECT 3, '', action, count(*) FROM (SELECT min(r.action) AS action" \
	" FROM revocation AS r JOIN holding AS h ON h.element = r.element" \
	" AND (r.hsm_id IS NULL OR r.hsm_id = h.hsm_id)" \
	" WHERE r.ended IS NULL AND r.scope IN (1, 2) GROUP BY h.element, h.hsm_id)" \
	" GROUP BY action"

const char sq_tally_text[] =
	"SELECT 1 AS what, code, state, count(*) FROM alert WHERE state IN (1, 2)"
	" GROUP BY code, state"
	" UNION ALL SELECT 2, CAST(scope AS TEXT), action, count(*) FROM revocation"
	" WHERE ended IS NULL GROUP BY scope, action"
	" UNION ALL " STOPPED
	" UNION ALL SELECT 4, '', 0, count(*) FROM delivery"
	" UNION ALL SELECT 5, '', 0, page_count * page_size FROM pragma_page_count(),"
	" pragma_page_size()"
	" ORDER BY 1, 2, 3";

int sq_tally(struct zkhsmd_store *s, int (*fn)(const struct zkhsmd_tally *t, void *arg), void *arg)
{
	sqlite3_stmt *stmt = sq_stmt(to_sq(s), SQL_TALLY);
	struct zkhsmd_tally t;
	int ret;

	while ((ret = sq_step(stmt)) > 0) {
		t.what = (enum zkhsmd_tallied)sqlite3_column_int(stmt, 0);
		if (!sq_text(stmt, 1, t.name, sizeof(t.name))) {
			ret = -EUCLEAN;
			break;
		}
		t.kind = sqlite3_column_int(stmt, 2);
		t.count = (uint64_t)sqlite3_column_int64(stmt, 3);
		ret = fn(&t, arg);
		if (ret)
			break;
	}
	return sq_end(stmt, ret);
}
