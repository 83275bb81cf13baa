# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The power fails. The host boots, and the HSM is back: the same identity, keys,
# owners, pinned manager and orders, and what was revoked stays dead.

sealing() { hsm hsm get | jq -r ".\"$1\""; }
instance=$(sealing instance-id)
boots=$(sealing boot-count)
keys() { hsm key list | jq -S 'map(del(.uses))'; }
config=$(config_digest)
orders=$(last_order)
listed=$(keys)
number=$(number_now)

store_put_away() { vm sh -c "mkdir /disk/$1 && mv /disk/zkhsm/* /disk/$1"; }

need "a backup is made" vm zkhsm hsm backup --out /disk/backup
ok "nor restored over a store" refused EEXIST hsm hsm restore --in /disk/backup
ok "the store is whole" vm zkhsm hsm store check
ok "nothing waits to be stored" [ "$(sealing unsealed)" = 0 ]
agents_kek() { vm sh -c "head -c 32 /dev/urandom > /run/agent/kek && chown $AGENT_UID /run/agent/kek"; }
ok "the store is the agent's" refused EACCES hsm_as 1000 hsm seal
need "the agent has a KEK of its own" agents_kek
ok "but does not change that of the HSM" refused not-admin \
	hsm_as owner hsm rekey --kek-file /run/agent/kek
ok "what is there is not unsealed into" refused identity-exists hsm hsm unseal --kek-file /in/kek
need "the power fails" machine_power_cut
ok "without an agent the HSM goes stale" await 20 hsm_is stale
need "it comes back, and the machine boots" machine_boots_again
ok "the HSM has the same identity" [ "$(sealing hsm-id)" = "$HSM_ID" ]
ok "it has counted the boot" [ "$(sealing boot-count)" = $((boots + 1)) ]
ok "it is another instance" [ "$(sealing instance-id)" != "$instance" ]
ok "under the same configuration" [ "$(config_digest)" = "$config" ]
ok "with the same orders applied" [ "$(last_order)" = "$orders" ]
ok "and the same keys, in the same states" [ "$(keys)" = "$listed" ]
ok "it is attested again, by itself" await 20 hsm_is attested
ok "with evidence that is numbered anew" [ "$(number_now)" -lt "$number" ]
ok "payments is dead" refused EKEYREVOKED hsm_as owner key sign payments --file /in/agent.conf
vm_put /tmp/legacy.pem < "$WORK/legacy.pem"
ok "legacy cannot be imported" refused revoked hsm key new legacy-3 --import /tmp/legacy.pem
ok "mail signs for who has a token" await 20 token mail "$WORK/t"
ok "as before" remote_sign mail "$WORK/t" "$WORK/message"

ok "a key made now is stored before it is said to be there" vm zkhsm key new late \
	--owner "$AGENT_UID"
ok "a key deleted now too" hsm_as owner key del backup
need "the power fails at once" machine_power_cut
need "the machine boots again" machine_boots_again
ok "the new key is there" hsm key get late
ok "the deleted one is not" refused no-such-key hsm key get backup
ok "the HSM is attested again" await 20 hsm_is attested

# A state from the past, of before the first cut. It is genuine, all of it.
ok "mail is revoked" admin revoke --hsm "$HSM_ID" --key-id mail --reason superseded
ok "the kernel erases it" await 15 kernel_state_is mail compromised
ok "the order is reported as applied" await 15 all_orders_applied
need "the store is put away" store_put_away after
need "the backup is restored in its place" vm zkhsm hsm restore --in /disk/backup \
	--agent-uid "$AGENT_UID"
need "the power fails" machine_power_cut
need "the machine boots" machine_boots_again
ok "mail is alive in the kernel" kernel_state_is mail active
ok "the manager sees a state from the past" await 20 agent_said verdict=rollback
ok "it has no tokens for mail" refused urn:zkhsm:revoked token mail "$WORK/t"
ok "nor, in a while, for anything" await 20 hsm_is stale
ok "the administrator of the manager says that it is meant" admin restore "$HSM_ID"
ok "then it is attested" await 20 hsm_is attested
ok "and the order comes again: mail is dead" await 20 kernel_state_is mail compromised
ok "all orders are applied" await 15 all_orders_applied
