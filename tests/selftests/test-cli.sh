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
echo "1..84"

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

# --- and without the module
rmmod zkhsm
ok status_no_module fails 1 ENOENT status
ok share_no_module fails 1 ENOENT share enter "$share-1-of-3.txt"
ok monitor_no_module fails 1 ENOENT monitor --count 1 --timeout 1
exit $failed
