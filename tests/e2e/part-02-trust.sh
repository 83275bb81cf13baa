# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Manager and HSM get to know each other, from both sides.

MANAGER_ID=$(ask manager info | jq -r .manager_id)
ORDER_KEY=$(ask manager info | jq -r .order_key)
OTHER_HSM=$(random)

agent_said() { agent_log | grep -F "$1"; }
agent_arrives() { agent_install && agent_start; }
config_digest() { hsm hsm get | jq -r '."configuration-digest"'; }

ok "an unknown manager gets no evidence" refused not-pinned \
	hsm evidence get --manager "$MANAGER_ID" --nonce "$(random)"
need "the agent starts, as a user" agent_arrives
ok "the kernel refuses its question: not pinned" await 15 agent_said verdict=not-pinned
ok "the manager has heard nothing of this HSM" answers 404 urn:zkhsm:unknown \
	http "$MANAGER_URL/v1/hsms/$HSM_ID"
ok "the agent may not pin a manager" refused not-admin \
	hsm_as owner trust new --key "$ORDER_KEY" --label demo
need "the administrator may" vm zkhsm trust new --key "$ORDER_KEY" --label demo
ok "once" refused already-pinned hsm trust new --key "$ORDER_KEY" --label again
ok "nobody but the agent asks for evidence" refused not-agent \
	hsm_as 1000 evidence get --manager "$MANAGER_ID" --nonce "$(random)"

need "true evidence of an unknown HSM is pending" await 15 is_pending
ok "the agent is told so" await 15 agent_said verdict=pending
ok "and it stays at that: there is no token" answers 404 urn:zkhsm:unknown post_json /v1/tokens \
	"{\"hsm_id\":\"$HSM_ID\",\"key_id\":\"mail\",\"aud\":\"x\"}"

enrol_body() { echo "{\"hsm_id\":\"$1\",\"name\":\"test\"}"; }
ok "nobody enrols without a certificate" answers 401 post_json /v1/admin/hsms \
	"$(enrol_body "$HSM_ID")"
enrol_as_client()
{
	local status

	# Either the handshake fails, or the request is refused: never enrolled.
	status=$(as_client -H 'Content-Type: application/json' \
		--data-binary "$(enrol_body "$HSM_ID")" "$MANAGER_URL/v1/admin/hsms")
	[ "$status" = 000 ] || [ "$status" = 401 ] || { echo "status $status"; return 1; }
	is_pending
}
ok "nor with a certificate of another authority" enrol_as_client
ok "a wrong fingerprint is nobody's that is pending" refused urn:zkhsm:not-pending \
	admin enrol "$OTHER_HSM" --name test
ok "it is enrolled for a configuration that it does not have" \
	admin enrol "$HSM_ID" --name test --config "$(random)"
ok "and refused for that" await 15 agent_said verdict=configuration
ok "the configuration that it attests is approved" \
	admin approve "$HSM_ID" --config "$(config_digest)"
need "then it is attested" await 15 hsm_is attested
ok "it is enrolled once" refused urn:zkhsm:enrolled admin enrol "$HSM_ID" --name test
for key in payments mail backup spare legacy; do
	ok "$key is attested" key_is $key attested
done
ok "a key that is not there is unknown" answers 404 urn:zkhsm:unknown \
	http "$MANAGER_URL/v1/hsms/$HSM_ID/keys/nobody"
