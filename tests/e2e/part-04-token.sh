# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Tokens and their use at the agent: whose, for what, how long.

curl -sf --cacert "$WORK/pki/server-ca.pem" "$MANAGER_URL/.well-known/zkhsm/jwks.json" \
	> "$WORK/jwks.json"
echo "a message" > "$WORK/message"

# verify_token TOKEN AUDIENCE NONCE, as the client does
verify_token()
{
	"$WORK/bin/zkhsm" --output json token verify "$1" --jwks "$WORK/jwks.json" --aud "$2" \
		--nonce "$3"
}
aud=$(agent_audience)

ok "a token is given for an attested key" token mail "$WORK/t" --nonce fresh-nonce-1
ok "not over a nonce that is shorter than EAT has them" refused urn:zkhsm:request \
	token mail "$WORK/t2" --nonce short
ok "it verifies for its audience and nonce" verify_token "$WORK/t" "$aud" fresh-nonce-1
ok "not for another audience" refused EACCES verify_token "$WORK/t" other fresh-nonce-1
ok "nor another nonce" refused EACCES verify_token "$WORK/t" "$aud" fresh-nonce-2

need "the kernel signs for a client with a token" \
	remote_sign mail "$WORK/t" "$WORK/message" --der --out "$WORK/signature"
openssl_agrees()
{
	vm zkhsm key public mail --pem > "$WORK/mail.pem" &&
		openssl dgst -sha256 -verify "$WORK/mail.pem" -signature "$WORK/signature" \
			"$WORK/message"
}
ok "openssl accepts it" openssl_agrees
ok "there is no token for a key that is not there" refused urn:zkhsm:unknown \
	token nobody "$WORK/t2"

for n in 1 2; do
	forge token "$WORK/t" --part $n > "$WORK/altered"
	ok "a token altered in part $n is refused by the agent" refused urn:zkhsm:token \
		remote_sign mail "$WORK/altered" "$WORK/message"
done
forge token "$WORK/t" --key "$WORK/legacy.pem" > "$WORK/altered"
ok "a token signed by another key too" refused urn:zkhsm:token \
	remote_sign mail "$WORK/altered" "$WORK/message"
ok "a token for another key too" refused urn:zkhsm:token-key \
	remote_sign backup "$WORK/t" "$WORK/message"
other_audience()
{
	ask token get --hsm "$HSM_ID" --key-id mail --aud somebody-else --out "$WORK/t3" &&
		refused urn:zkhsm:token-audience remote_sign mail "$WORK/t3" "$WORK/message"
}
ok "a token for another audience too" other_audience
other_binding()
{
	token mail "$WORK/t4" --cert-binding "$WORK/pki/other-client.pem" &&
		refused urn:zkhsm:token-binding remote_sign mail "$WORK/t4" "$WORK/message" &&
		CLIENT=other-client remote_sign mail "$WORK/t4" "$WORK/message"
}
ok "a token of another client too, while that client may use it" other_binding
ok "rubbish too" answers 400 as_client -H 'Content-Type: application/json' \
	--data-binary '{"key_id":"mail"}' "$AGENT_URL/v1/sign"
without_certificate()
{
	local status=0 code

	code=$(http -H 'Content-Type: application/json' --data-binary '{}' "$AGENT_URL/v1/sign") ||
		status=$?
	# TLS 1.3: the client learns of it with the first read, as an alert or a 401.
	[ "$code" = 401 ] || [ $status -eq 56 ] || [ $status -eq 35 ] ||
		{ echo "status $code, curl exited with $status"; return 1; }
}
ok "a client without a certificate is refused" without_certificate
ok "TLS 1.2 is refused by the agent" no_handshake --tls-max 1.2 "$AGENT_URL/health/alive"
ok "and by the manager" no_handshake --tls-max 1.2 "$MANAGER_URL/health/alive"

state_follows() { [ "$(key_status backup)" = "$1" ]; }
ok "a key is deactivated by its owner" hsm_as owner key set backup --state deactivated
ok "the kernel does not use it" refused state hsm_as owner key sign backup --file /in/agent.conf
ok "the manager learns of it" await 15 state_follows not-active
ok "and gives no token" refused urn:zkhsm:not-active token backup "$WORK/t5"
ok "it is activated again" hsm_as owner key set backup --state active
ok "and is attested again" await 15 state_follows attested
