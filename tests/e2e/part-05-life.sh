# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What dies comes back; what does not come back goes stale.


old_token_verifies()
{
	"$WORK/bin/zkhsm" --output json token verify "$WORK/old-token" --jwks "$WORK/jwks.json" \
		--aud "$(agent_audience)"
}
agent_serves() { [ "$(as_client "$AGENT_URL/health/alive")" = 200 ]; }

ok "a token is given before the manager dies" token mail "$WORK/old-token"
ok "it verifies" old_token_verifies
number=$(number_now)
manager_stop KILL
need "the manager is killed and starts again" manager_start
ok "it still knows the HSM, as attested" hsm_is attested
ok "the agent finds it again" await 20 goes_on_from "$number"
number=$(number_now)
agent_stop KILL
need "the agent is killed and starts again" agent_start
ok "and attests again" await 15 goes_on_from "$number"

agent_stop TERM
ok "without an agent the HSM goes stale" await 20 hsm_is stale
ok "its keys too" key_is mail stale
ok "there is no token" refused urn:zkhsm:stale token mail "$WORK/t6"
ok "the old token expires, with some leeway for clocks" await 20 \
	refused EKEYEXPIRED old_token_verifies
agent_once()
{
	vm setpriv --reuid "$AGENT_UID" --regid "$AGENT_UID" --clear-groups --no-new-privs \
		zkhsm-agent --config /run/agent/agent.conf --once
}
ok "one attestation by hand" agent_once
ok "does for as long as it lasts" hsm_is attested
number=$(number_now)
need "the agent starts again" agent_start
ok "its endpoint serves" await 15 agent_serves
agent_names_hsm()
{
	[ "$(as_client "$AGENT_URL/v1/hsm")" = 200 ] &&
		[ "$(jq -r .hsm_id "$WORK/body")" = "$HSM_ID" ]
}
ok "and says whose agent it is" agent_names_hsm
# It takes no token before it knows whose keys it has, and it reads the guest's clock.
ok "the HSM is attested again" await 15 goes_on_from "$number"
ok "an expired token is refused by it" await 10 refused urn:zkhsm:token-expired \
	remote_sign mail "$WORK/old-token" "$WORK/message"
