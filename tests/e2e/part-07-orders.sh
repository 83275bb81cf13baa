# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Orders in the kernel: whose, for whom, once, in turn.

openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORK/rogue.pem" 2> /dev/null
next=$(($(last_order) + 1))
mail=$(element mail)

# give ORDER-FILE: to the kernel, as the agent
give() { vm_put /tmp/order < "$1" && hsm_as owner order apply /tmp/order; }
rogue_order() { forge order "$@" > "$WORK/order"; }
second_id() { hsm trust list | jq -r '.[] | select(.label == "second")["manager-id"]'; }
not_addressed()
{
	vm sh -c "zkhsm evidence get --manager $second --nonce $(random) --out /tmp/b >&2 &&
		cat /tmp/b" > "$WORK/b2" && forge unbundle "$WORK/b2" "$WORK" &&
		answers 422 urn:zkhsm:not-addressed post_evidence "$WORK/evidence"
}


rogue_order "$WORK/rogue.pem" revoke "$HSM_ID" 1 "$mail"
ok "an unknown manager's order is refused" refused not-pinned give "$WORK/order"
rogue_order "$WORK/rogue.pem" --manager-id "$MANAGER_ID" revoke "$HSM_ID" "$next" "$mail"
ok "signed by another key: refused" refused signature give "$WORK/order"
need "a second manager is pinned" \
	vm zkhsm trust new --key "$(forge point "$WORK/rogue.pem")" --label second
second=$(second_id)
ok "which the first one notices: another configuration" await 15 agent_said verdict=configuration
ok "evidence for the second only is not for the first" not_addressed

rogue_order "$WORK/rogue.pem" hold "$OTHER_HSM" 1 "$mail"
ok "an order for another HSM is refused" refused other-hsm give "$WORK/order"
rogue_order "$WORK/rogue.pem" transfer "$HSM_ID" 1 "$mail"
ok "an order that has no body yet is not supported" refused not-supported give "$WORK/order"
rogue_order "$WORK/rogue.pem" grant "$HSM_ID" 1 "$mail"
ok "a hold's body does not make a grant" refused malformed give "$WORK/order"
rogue_order "$WORK/rogue.pem" release "$HSM_ID" 5 "$mail"
ok "a release ahead of its turn is refused" refused out-of-turn give "$WORK/order"
rogue_order "$WORK/rogue.pem" hold "$HSM_ID" 1 "$mail"
head -c -1 "$WORK/order" > "$WORK/short"
ok "a short one is malformed" refused malformed give "$WORK/short"
vm_put /tmp/order < "$WORK/order"
ok "nobody but the agent brings orders" refused not-agent hsm_as 1000 order apply /tmp/order
ok "a true one is obeyed" give "$WORK/order"
ok "mail is held" kernel_state_is mail held
ok "a replay is refused" refused replay give "$WORK/order"
rogue_order "$WORK/rogue.pem" release "$HSM_ID" 2 "$mail"
ok "and released" give "$WORK/order"
ok "unpinning makes it a stranger again" vm zkhsm trust del "$second"
rogue_order "$WORK/rogue.pem" hold "$HSM_ID" 3 "$mail"
ok "whose orders are refused" refused not-pinned give "$WORK/order"
ok "the first manager is content again" await 15 hsm_is attested
