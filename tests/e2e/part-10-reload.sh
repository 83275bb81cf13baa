# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The module is loaded anew: another HSM, which nobody knows. And the end.

old=$HSM_ID
old_is_stale() { local HSM_ID=$old; await 20 hsm_is stale; }
# The third part of a JWT is its signature; "eyJ" is how each JWT begins.
manager_log_is_clean()
{
	! grep -E "PRIVATE|eyJ" "$WORK/manager.log" &&
		! grep -F "$(cut -d. -f3 "$WORK/t")" "$WORK/manager.log"
}
agent_log_is_clean() { ! agent_log | grep -E "PRIVATE|eyJ"; }
refused_store() { refused EEXIST hsm hsm new --kek-file /in/kek; }
need "the module is reloaded under the running agent" \
	vm sh -c 'rmmod zkhsm && insmod /zkhsm/zkhsm.ko'
ok "all keys are gone" refused no-identity hsm key get mail
ok "no other HSM is made over the store of the old one" refused_store
need "the store of the old one is put away" vm sh -c 'mkdir /disk/old && mv /disk/zkhsm/* /disk/old'
need "a new identity is made" identity_new
ok "which is another" [ "$old" != "$HSM_ID" ]
first_manager() { hsm trust list | jq -r '.[0]."manager-id"'; }
ok "a manager whose certificate is not trusted is not pinned" refused EKEYREJECTED \
	hsm trust new --from-manager "$MANAGER_IN_VM" --ca /in/client-ca.pem --label demo
need "the manager is pinned in it, on its own word" vm zkhsm trust new \
	--from-manager "$MANAGER_IN_VM" --ca /in/server-ca.pem --label demo
ok "it is the same manager" [ "$(first_manager)" = "$MANAGER_ID" ]
ok "its evidence is pending, by the same agent" await 30 is_pending
ok "the old identity goes stale" old_is_stale
need "it is enrolled" admin enrol "$HSM_ID" --name reloaded
ok "and attested" await 20 hsm_is attested

ok "the whole HSM is revoked" admin revoke --hsm "$HSM_ID" --reason cessation-of-operation
ok "the manager says revoked" hsm_is revoked
ok "its evidence is refused" await 15 agent_said verdict=hsm-revoked

unlisted() { admin list | jq -e --arg h "$HSM_ID" 'all(.. | .hsm_id? // empty; . != $h)'; }
listed() { admin list | jq -e --arg h "$HSM_ID" 'any(.. | .hsm_id? // empty; . == $h)'; }
ok "it is in the list of those that are enrolled" listed
ok "its enrolment ends" admin unenrol "$HSM_ID"
ok "once" refused urn:zkhsm:unknown admin unenrol "$HSM_ID"
ok "it is in the list no more" unlisted

ok "no token, key or secret is in the manager's log" manager_log_is_clean
ok "nor in the agent's" agent_log_is_clean
ok "the agent ends when asked" agent_stop TERM
ok "the kernel is unharmed, the module is unloaded" machine_stop
ok "the manager ends when asked" manager_stop TERM
