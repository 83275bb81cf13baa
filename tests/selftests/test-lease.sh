#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Leases and changes of the configuration as a person at the console sees them:
# what works until when, thanks to whom, what is missing; and made by hand.

# The functions are called by ok.
# shellcheck disable=SC2317

set -u

here=$(cd "$(dirname "$0")" && pwd)
module=${ZKHSM_MODULE:-$here/../../zkhsm.ko}
number=0
failed=0

if ! command -v zkhsm jq > /dev/null || [ ! -r "$module" ]; then
	echo "KTAP version 1"
	echo "1..1"
	echo "ok 1 lease # SKIP no zkhsm, no jq or no module"
	exit 4
fi

work=$(mktemp -d)
trap 'rm -rf "$work"; [ ! -d /sys/module/zkhsm ] || rmmod zkhsm' EXIT

# shellcheck source-path=SCRIPTDIR source=cli.sh
source "$here/cli.sh"

# shows TEXT COMMAND...: also when the exit status is 1, on either output
shows()
{
	local text=$1
	shift

	zkhsm "$@" < /dev/null > "$work/out" 2>&1 || [ $? -eq 1 ] || return
	grep -qF -- "$text" "$work/out" || { cat "$work/out"; return 1; }
}

echo "KTAP version 1"
echo "1..53"
ok loads again
ok feature says '.features | index("leases")' hsm get
ok new_with_times says '."max-ttl-ms" == 7200000 and ."enforce-grace-ms" == 1000' \
	hsm new --quorum 2 --stop 1 --wipe 2 --max-ttl 2h --enforce-grace 1s --agent-uid root
ok set_no_grace says '."enforce-grace-ms" == 0' hsm set --enforce-grace 0s
ok set_report_only says '."enforce-grace-ms" == "report-only"' hsm set --enforce-grace report-only
ok status_report_only unwell 'report-only'
ok set_enforced says '."enforce-grace-ms" == 0 and ."max-ttl-ms" == 3600000' \
	hsm set --enforce-grace 0s --max-ttl 1h
ok set_ttl_too_long fails 2 '' hsm set --max-ttl 32d
ok set_ttl_no_time fails 2 '' hsm set --max-ttl 3600
ok lock_too_few fails 1 config hsm lock
ok lock_says_before shows 'keys that require leases do not work' hsm lock
for name in alpha beta; do
	public=$(signing_key $name)
	ok trust_$name says '.label | IN("alpha", "beta")' trust new --label $name --key "$public"
done
ok show_hsm prints 'leases: when 1 manager or more withhold theirs' hsm show
ok show_hsm_json says '."withheld-revocation-bites-at" == 1 and .managers == 2' hsm show
ok key_leased says '.flags | index("lease-required")' key new leased --lease-required
ok key_unleased says '.flags | index("lease-required") | not' key new free
ok key_set_leased says '.flags | index("lease-required")' key set free --lease-required
ok key_free says true key new really-free
ok show_free prints 'requires no leases' key show really-free
ok sign_no_lease fails 1 no-lease key sign leased --digest "$nonce"
ok show_no_lease prints 'DOES NOT WORK' key show leased
ok show_missing says '."leases-missing" == 2 and ([.lease[].verdict] == ["none", "none"])' \
	key show leased
ok lease_none says 'length == 2 and all(.verdict == "none")' lease show
ok lease_of_nobody fails 1 ENOKEY lease show gamma
ok evidence_offline attest
ok issue_not_pinned fails 1 ENOENT lease issue --offline --key "$work/gamma.key" \
	--evidence "$work/evidence" --out "$work/gamma"
ok issue_too_long fails 1 EINVAL lease issue --offline --key "$work/alpha.key" \
	--evidence "$work/evidence" --out "$work/alpha" --ttl 2h
ok issue_alpha issue alpha --deny free
ok issue_beta issue beta
ok order_show_lease says '.type == "lease" and .verdict == "grant" and (.exceptions | length) == 1' \
	order show "$work/alpha"
ok apply_alpha says '.type == "lease" and ."expires-ms" > 0' order apply "$work/alpha"
ok sign_one_of_two fails 1 lease-quorum key sign leased --digest "$nonce"
ok apply_alpha_again fails 1 replay order apply "$work/alpha"
ok apply_beta monitored 1 zkhsm order apply "$work/beta"
ok monitor_leased jq -e '.notification == "lease-ntf" and .event == "leased" and
	.label == "beta" and .verdict == "grant" and ."expires-ms" > 0' "$work/events"
ok sign_leased zkhsm key sign leased --digest "$nonce"
ok sign_denied fails 1 lease-denied key sign free --digest "$nonce"
ok show_leased says '."leases-missing" == 0 and ."works-until-ms" > 0 and
	([.lease[].label] | sort) == ["alpha", "beta"]' key show leased
ok show_leased_text prints 'thanks to' key show leased
ok lease_show says '.[0].label == "alpha" and .[0].exceptions == 1' lease show alpha
# A shorter one in its place. Whoever is slow has only these three within its life.
soon_over() { attest && issue beta --ttl 30s && zkhsm order apply "$work/beta"; }
ok lease_ends monitored 3 soon_over
ok monitor_expired jq -es '[.[].event] == ["evidence", "leased", "expired"] and
	.[2].label == "beta"' "$work/events"
ok sign_expired fails 1 lease-expired key sign leased --digest "$nonce"
ok show_expired prints 'beta: its lease has ended' key show leased
ok drill_hopeless fails 1 ETIMEDOUT drill expire --max-wait 2s
ok drill_leaves_none says '[.[].id] | all(startswith("drill-") | not)' key list
ok change_offline zkhsm trust change --key "$work/alpha.key" --max-ttl 30min --out "$work/alpha"
ok change_offline_too zkhsm trust change --key "$work/beta.key" --max-ttl 30min --out "$work/beta"
ok change_waits says '.outcome == "waiting" and .votes == 1 and .needed == 2' \
	order apply "$work/alpha"
ok change_pending says '[.[] | select(.pending)] | length == 1' trust list
ok change_done says '.outcome == "done"' order apply "$work/beta"
ok change_in_force says '."max-ttl-ms" == 1800000' hsm get
exit $failed
