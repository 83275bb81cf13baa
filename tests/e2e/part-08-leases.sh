# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Two managers, both of whom must grant: a key stops working by itself, says
# why, and comes back by itself. One manager's word stops it, two erase it.

second() { M=second "$@"; }
configuration() { hsm hsm get | jq -r '."configuration-digest"'; }
sign() { hsm_as owner key sign "$1" --file /in/agent.conf; }
works() { sign "$1" > /dev/null; }
# works_not REASON KEY
works_not() { refused "$1" sign "$2"; }
granted_is() { [ "$(hsm key show "$1" | jq '."leases-granted"')" = "$2" ]; }
verdict_of() { hsm key show "$1" | jq -r --arg m "$2" '.lease[] | select(."manager-id" == $m).verdict'; }
verdict_is() { [ "$(verdict_of "$1" "$2")" = "$3" ]; }
uptime_ms() { vm cut -d ' ' -f 1 /proc/uptime | awk '{ print int($1 * 1000) }'; }
give_file() { "$TOP/tools/vm-exec" --stdin "$MACHINE" -- sh -c "umask 077; cat > $2" < "$1"; }
agent_changes_managers()
{
	MANAGERS=$1 write_agent_config
	agent_stop TERM
	# The file is there already, and the agent's.
	give_file "$WORK/in/agent.conf" /run/agent/agent.conf && agent_start
}
drill_revoke()
{
	give_file "$WORK/pki/admin.pem" /tmp/admin.pem &&
		give_file "$WORK/pki/admin.key" /tmp/admin.key &&
		hsm drill revoke --manager "$MANAGER_IN_VM" --ca /in/server-ca.pem \
			--cert /tmp/admin.pem --key /tmp/admin.key > "$WORK/drill.json"
	local status=$?
	vm rm -f /tmp/admin.pem /tmp/admin.key
	return $status
}
only_drills_are_gone() { ! hsm key list | jq -r '.[].id' | grep drill; }

need "a second manager starts, who knows nothing of the first" second manager_start
SECOND_ID=$(second ask manager info | jq -r .manager_id)
need "the administrator pins it as well" vm zkhsm trust new --label second \
	--key "$(second ask manager info | jq -r .order_key)"
ok "two leases are needed, one to stop, two to wipe" \
	hsm hsm set --quorum 2 --stop 1 --wipe 2
ok "the second manager enrols the HSM for this configuration" \
	second admin enrol "$HSM_ID" --name second --config "$(configuration)"
ok "no lease for a configuration that a manager has not approved" \
	await 15 agent_said verdict=configuration
ok "the first approves it" admin approve "$HSM_ID" --config "$(configuration)" --unseen
need "the agent speaks with both" agent_changes_managers "first second"
ok "the second manager knows the HSM by the same evidence" second await 20 hsm_is attested

agent_stop TERM
ok "a key that needs leases is made" \
	vm zkhsm key new ledger --lease-required --owner "$AGENT_UID"
ok "nobody has attested it yet: refused" works_not EKEYEXPIRED ledger
ok "the agent starts" agent_start
ok "both managers grant it" await 20 granted_is ledger 2
ok "it works" works ledger
ok "key show says until when" [ "$(hsm key show ledger | jq '."works-until-ms"')" -gt "$(uptime_ms)" ]

second manager_stop KILL
ok "one manager is gone: the key goes on" works ledger
ok "until its lease has ended" await 30 verdict_is ledger "$SECOND_ID" expired
ok "then the key stops, and says why" works_not lease-expired ledger
ok "the other manager still grants it" granted_is ledger 1
ok "keys that need no lease do not care" works backup
ok "the manager is back" second manager_start
ok "and so is the key" await 20 works ledger

agent_stop KILL
ok "the network is cut" vm ip link set eth0 down
ok "nothing comes any more: the key stops by itself" await 40 works_not lease-expired ledger
ok "no manager grants it" await 15 granted_is ledger 0
ok "the network is back" vm ip link set eth0 up
ok "and the agent" agent_start
ok "the key works again" await 30 works ledger

ok "a drill: a key made for it is revoked, and the kernel refuses" drill_revoke
ok "it tells how long that took" jq -e '[.. | numbers] | length > 1' "$WORK/drill.json"
ok "and leaves no key behind" only_drills_are_gone

ok "one manager revokes it" admin revoke --hsm "$HSM_ID" --key-id ledger --reason key-compromise
ok "that stops it" await 15 key_in_state ledger held
ok "whatever the other manager grants" works_not held ledger
ok "the other one revokes it too" second admin revoke --hsm "$HSM_ID" --key-id ledger \
	--reason key-compromise
ok "that erases it" await 15 key_in_state ledger compromised
ok "for good" works_not EKEYREVOKED ledger

ok "what follows needs one manager: the second is unpinned" hsm trust del "$SECOND_ID"
ok "and one of everything" hsm hsm set --quorum 1 --stop 1 --wipe 1
ok "approved" admin approve "$HSM_ID" --config "$(configuration)" --unseen
ok "the agent speaks with the first alone" agent_changes_managers first
ok "attested" await 20 hsm_is attested
ok "the second manager ends when asked" second manager_stop TERM
