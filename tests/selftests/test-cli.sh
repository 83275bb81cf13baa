#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a person at the console does with zkhsm(1): every command that asks the
# kernel, its answer as JSON, and how it fails. The kernel's own refusals are
# tested by the C programs beside this; here they have to arrive, by name.

# The functions are called by ok.
# shellcheck disable=SC2317

set -u

module=${ZKHSM_MODULE:-$(cd "$(dirname "$0")" && pwd)/../../zkhsm.ko}
vectors=$(cd "$(dirname "$0")" && pwd)/../vectors
number=0
failed=0

if ! command -v zkhsm jq > /dev/null || [ ! -r "$module" ]; then
	echo "KTAP version 1"
	echo "1..1"
	echo "ok 1 cli # SKIP no zkhsm, no jq or no module"
	exit 4
fi

work=$(mktemp -d)
trap 'rm -rf "$work"; [ ! -d /sys/module/zkhsm ] || rmmod zkhsm' EXIT

# unwell TEXT: "not well" is an answer, and a failure for who looks at the status.
unwell()
{
	local status=0

	zkhsm status > "$work/out" || status=$?
	[ "$status" -eq 1 ] && grep -q '^NOT WELL' "$work/out" && grep -qF "$1" "$work/out" &&
		return
	cat "$work/out"
	return 1
}

# The monitor says when it listens; what comes before is not its business.
monitored()
{
	local pid status=0

	zkhsm --output json monitor --count "$1" --timeout 60 > "$work/events" 2> "$work/listening" &
	pid=$!
	until grep -q listening "$work/listening"; do
		kill -0 "$pid" || return 1
		sleep 0.05
	done
	shift
	"$@" || status=$?
	wait "$pid" && return "$status"
}

create_and_delete()
{
	zkhsm key new watched > /dev/null && zkhsm key del watched > /dev/null
}

# order NAME: the bytes of a vector
order()
{
	jq -r --arg n "$1" '.cases[] | select(.name == $n).order' "$vectors/orders.json" |
		xxd -r -p > "$work/order"
}

# shellcheck source-path=SCRIPTDIR source=cli.sh
source "$(dirname "$0")/cli.sh"

echo "KTAP version 1"
echo "1..137"

# --- without an identity
ok loads again
ok status_no_identity unwell 'no identity yet'
ok get_empty says '.initialised == false' hsm get
ok set_without_identity fails 1 no-identity hsm set --quorum 1
ok set_nothing fails 2 '' hsm set
ok key_without_identity fails 1 no-identity key new early
ok list_without_evidence fails 1 ENOENT list get

# --- the identity
ok new says '.initialised and .quorum == 2 and .stop == 1 and .wipe == 2' \
	hsm new --quorum 2 --stop 1 --wipe 2 --agent-uid owner
ok new_twice fails 1 identity-exists hsm new
ok set_agent says '."agent-uid" == 1001' hsm set --agent-uid agent
ok set_bad_quorum fails 2 '' hsm set --quorum many
ok set_too_many fails 2 '' hsm set --quorum 99
ok agent_unknown fails 2 '' hsm set --agent-uid nobody-of-that-name
ok status_few_managers unwell 'fewer managers pinned'

# --- keys
ok key_new says '.id == "one" and .state == "active"' key new one
ok key_pre_active says '.state == "pre-active"' key new later --state pre-active
ok key_owned says '."owner-uid" == 1000' key new owned --owner owner --usage sign
ok key_bulk says '.count == 3 and .first == "many-000001" and .last == "many-000003"' \
	key new many --count 3
ok key_bulk_twice fails 1 id-exists key new many --count 3
ok key_bulk_long fails 2 '' key new "$(printf '%064d' 0)" --count 2
ok key_bulk_import fails 2 '' key new many --count 2 --import /dev/null
ok key_bad_state fails 2 '' key new x --state nonsense
ok key_bad_usage fails 2 '' key new x --usage decrypt
ok key_bad_type fails 2 '' key new x --type rsa
ok key_import_nothing fails 1 EBADMSG key new x --import /dev/null
ok key_list says 'length == 6 and ([.[].id] | index("owned") != null)' key list
ok key_list_text prints many-000003 key list
ok key_get says '.id == "one" and .uses == 0' key get one
ok key_get_none fails 1 ENOKEY key get none
ok key_set_usage says '.usage == ["sign"]' key set one --usage sign
ok key_set_wider fails 1 EPERM key set one --usage sign,prove
ok key_set_nothing fails 2 '' key set one
ok key_activate says '.state == "active"' key set later --state active
ok key_public prints 'BEGIN PUBLIC KEY' key public one --pem
ok key_sign zkhsm key sign one --file "$module" --out "$work/signature"
ok key_counts says '.uses == 1' key get one
ok key_public_file zkhsm key public one --pem --out "$work/public"
ok key_sign_der zkhsm key sign one --file "$module" --der --out "$work/signature"
ok openssl_agrees openssl dgst -sha256 -verify "$work/public" -signature "$work/signature" "$module"
ok key_del says true key del many-000002
ok key_del_twice fails 1 ENOKEY key del many-000002

# --- managers and orders
secret=$(openssl ecparam -name prime256v1 -genkey -noout | openssl ec -pubout -outform DER \
	2> /dev/null | tail -c 65 | xxd -p -c 65)
ok trust_new says '.label == "here"' trust new --key "$secret" --label here
ok trust_again fails 1 EEXIST trust new --key "$secret" --label again
ok trust_not_a_point fails 1 malformed trust new --key "04$(printf '%0128d' 0)" --label bad
ok trust_no_key fails 2 '' trust new --label bad
ok trust_list says 'length == 1 and .[0].label == "here"' trust list
ok trust_list_text prints here trust list
order revoke
ok order_show says '.type == "revoke" and .verified == false' order show "$work/order"
public=$(jq -r .public "$vectors/orders.json")
ok order_verified says '.verified == true' order show "$work/order" --public "$public"
ok order_of_another fails 1 EKEYREJECTED order show "$work/order" --public "$secret"
ok order_apply_other fails 1 other-hsm order apply "$work/order"
head -c 20 "$work/order" > "$work/cut"
ok order_cut fails 1 EBADMSG order show "$work/cut"
ok order_none fails 1 ENOENT order show "$work/none"

# --- evidence and events
manager=$(zkhsm --output json trust list | jq -r '.[0]."manager-id"')
ok evidence zkhsm evidence get --manager "$manager" --nonce "$nonce" --out "$work/evidence"
ok list_get says 'length == 5' list get
ok list_file zkhsm list get --out "$work/list"
ok monitor_count monitored 2 create_and_delete
ok monitor_json jq -es 'length == 2 and .[0].id == "watched" and .[1].event == "deleted"' "$work/events"
ok monitor_timeout fails 1 ETIMEDOUT monitor --count 1 --timeout 1
ok monitor_bad_count fails 2 '' monitor --count 0
ok trust_del says true trust del "$manager"
ok trust_get_none fails 1 not-pinned trust get "$manager"

# --- shares of a KEK
mkdir "$work/shares"
ok split says '.shares == 3 and .threshold == 2 and (.files | length) == 3' share split \
	--shares 3 --threshold 2 --out-dir "$work/shares" --label "this test"
share=$work/shares/zkhsm-share
ok split_mode test "$(stat -c %a "$share-2-of-3.txt")" = 600
ok split_label grep -qx 'label: this test' "$share-1-of-3.txt"
ok split_again fails 1 EEXIST share split --shares 3 --threshold 2 --out-dir "$work/shares"
mkdir "$work/half"
touch "$work/half/zkhsm-share-2-of-2.txt"
ok split_half fails 1 EEXIST share split --shares 2 --threshold 2 --out-dir "$work/half"
ok split_half_leaves_none test "$(ls "$work/half")" = zkhsm-share-2-of-2.txt
ok split_too_high fails 2 '' share split --shares 2 --threshold 3 --out-dir "$work"
ok split_too_many fails 2 '' share split --shares 17 --threshold 3 --out-dir "$work"
head -c 31 /dev/zero > "$work/kek"
ok split_short_kek fails 1 EINVAL share split --shares 2 --threshold 2 --out-dir "$work" \
	--kek-file "$work/kek"
head -c 32 /dev/zero | tr '\0' '\377' > "$work/kek"
ok split_large_kek fails 1 ERANGE share split --shares 2 --threshold 2 --out-dir "$work" \
	--kek-file "$work/kek"
ok share_status_none says '.threshold == 0 and .complete == false' share status
ok share_enter says '.entered == 1 and .threshold == 2 and .complete == false' share enter \
	"$share-3-of-3.txt"
ok share_again fails 1 repeated share enter "$share-3-of-3.txt"
sed 's/this/that/; s/^share: 1 of 3/share: 2 of 3/' "$share-1-of-3.txt" > "$work/mistyped"
ok share_mistyped fails 1 EBADMSG share enter "$work/mistyped"
ok share_status says '.entered == 1' share status
sed -n '/^$/,$ { /^$/d; /^-----/d; p }' "$share-1-of-3.txt" > "$work/typed"
from_pipe()
{
	tr -d "\n" < "$work/typed" | zkhsm --output json share enter - > "$work/out" &&
		jq -e .complete "$work/out"
}
ok share_from_pipe from_pipe
ok share_too_many fails 1 share share enter "$share-2-of-3.txt"
ok share_forget says '.forgotten' share forget
ok share_forgotten says '.entered == 0' share status

# --- leases: a fresh HSM with two managers, both of which have to grant
# shows TEXT COMMAND...: also when the exit status is 1, on either output
shows()
{
	local text=$1
	shift

	zkhsm "$@" < /dev/null > "$work/out" 2>&1 || [ $? -eq 1 ] || return
	grep -qF -- "$text" "$work/out" || { cat "$work/out"; return 1; }
}

ok again_for_leases again
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

# --- and without the module
rmmod zkhsm
ok status_no_module fails 1 ENOENT status
ok share_no_module fails 1 ENOENT share enter "$share-1-of-3.txt"
ok monitor_no_module fails 1 ENOENT monitor --count 1 --timeout 1
exit $failed
