# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Held, released, revoked: at the manager, in the list, in the kernel.

kernel_state_is() { [ "$(hsm key get "$1" | jq -r .state)" = "$2" ]; }
element() { hsm key get "$1" | jq -r .element; }
in_list()
{
	ask manager revocations --jwks "$WORK/jwks.json" |
		jq -e --arg l "$1" --arg k "$2" --arg r "$3" \
			'any(.[$l][]; .key_id == $k and .reason == $r)'
}
list_number() { ask manager revocations --jwks "$WORK/jwks.json" | jq .number; }

ask_admin() { ask "$@" --cert "$WORK/pki/admin.pem" --key "$WORK/pki/admin.key"; }
list_is_newer_than() { [ "$(list_number)" -gt "$1" ]; }

ok "the HSM is put into a cluster" admin cluster "$HSM_ID" lab
ok "the cluster is held" ask_admin revocation add --cluster lab --hold --reason certificate-hold
ok "the kernel holds mail" await 15 kernel_state_is mail held
ok "no token for it" refused urn:zkhsm:revoked token mail "$WORK/t6"
ok "the record says of what" ask_admin revocation show --cluster lab
ok "the cluster is released" ask_admin revocation release --cluster lab
ok "the kernel uses mail again" await 15 kernel_state_is mail active
ok "and its HSM attests" await 15 token mail "$WORK/t6"

before=$(list_number)
ok "mail is held" admin hold --hsm "$HSM_ID" --key-id mail --reason certificate-hold
ok "no token for it" refused urn:zkhsm:revoked token mail "$WORK/t7"
ok "the list has it as suspended" in_list suspended mail certificate-hold
ok "under a higher number" list_is_newer_than "$before"
ok "the kernel holds it" await 15 kernel_state_is mail held
ok "and refuses its use as held" refused held hsm_as owner key sign mail --file /in/agent.conf
ok "its owner cannot undo it" refused held hsm_as owner key set mail --state active
ok "the manager releases it" admin release --hsm "$HSM_ID" --key-id mail --reason remove-from-crl
ok "the kernel uses it again" await 15 kernel_state_is mail active
ok "it signs" hsm_as owner key sign mail --file /in/agent.conf
ok "and has tokens" await 15 token mail "$WORK/t8"

ok "payments is revoked" admin revoke --hsm "$HSM_ID" --key-id payments --reason key-compromise
manager_stop KILL
need "the manager is killed at once and starts again" manager_start
ok "no token: what was answered is kept" refused urn:zkhsm:revoked token payments "$WORK/t9"
ok "the list has it as revoked, with its reason" in_list revoked payments key-compromise
ok "the kernel erases it" await 20 kernel_state_is payments compromised
ok "and refuses its use as revoked" refused EKEYREVOKED hsm_as owner key sign payments --file /in/agent.conf
ok "twice is once" refused urn:zkhsm:already admin revoke --hsm "$HSM_ID" --key-id payments \
	--reason key-compromise
ok "a revocation is not released" refused urn:zkhsm:final admin release --hsm "$HSM_ID" \
	--key-id payments --reason remove-from-crl
ok "the HSM attests on, with the order applied" await 15 all_orders_applied

ok "a token for spare is given" token spare "$WORK/t10"
ok "spare is revoked" admin revoke --hsm "$HSM_ID" --key-id spare --reason superseded
ok "the kernel erases it" await 8 kernel_state_is spare compromised
ok "a token from before does not help: the kernel refuses" refused urn:zkhsm:kernel \
	remote_sign spare "$WORK/t10" "$WORK/message"

ok "legacy's element is revoked everywhere" admin revoke --element "$(element legacy)" \
	--reason superseded
ok "the kernel erases it" await 15 kernel_state_is legacy compromised
ok "it is deleted" hsm_as owner key del legacy
ok "and cannot be imported again" refused revoked \
	hsm key new legacy-2 --import /tmp/legacy.pem
