# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Evidence by hand: what is believed, and what is not.

# evidence_for HSM-ID DIRECTORY: over a nonce that the manager gave to HSM-ID
evidence_for()
{
	NONCE=$(challenge "$1") || return
	mkdir -p "$2"
	vm sh -c "zkhsm evidence get --manager $MANAGER_ID --nonce $NONCE --out /tmp/bundle >&2 &&
		cat /tmp/bundle" > "$2/bundle" && forge unbundle "$2/bundle" "$2"
}

ok "evidence is made over the manager's nonce" evidence_for "$HSM_ID" "$WORK/e1"
ok "the command line verifies it" "$WORK/bin/zkhsm" evidence verify "$WORK/e1/bundle" \
	--manager "$MANAGER_ID" --nonce "$NONCE"
ok "so does the independent verifier" "$TOP/tests/interop/verify.py" evidence \
	"$WORK/e1/evidence" "$WORK/e1/list" "$WORK/e1/configuration" \
	--manager-id "$MANAGER_ID" --nonce "$NONCE"
ok "but not over another nonce" refused EKEYREJECTED "$WORK/bin/zkhsm" --output json evidence verify \
	"$WORK/e1/bundle" --manager "$MANAGER_ID" --nonce "$(random)"

size=$(stat -c %s "$WORK/e1/evidence")
forge flip "$WORK/e1/evidence" $((size - 1)) > "$WORK/bad"
ok "with another response it is false" answers 422 urn:zkhsm:false post_evidence "$WORK/bad"
forge flip "$WORK/e1/evidence" 300 > "$WORK/bad"
ok "with another statement too" answers 422 post_evidence "$WORK/bad"
head -c $((size - 1)) "$WORK/e1/evidence" > "$WORK/bad"
ok "cut short it is malformed" answers 422 urn:zkhsm:malformed post_evidence "$WORK/bad"
head -c 5000 /dev/zero > "$WORK/bad"
ok "too long it is not read" answers 413 post_evidence "$WORK/bad"
ok "as JSON it is not read" answers 415 http -H 'Content-Type: application/json' \
	--data-binary "@$WORK/e1/evidence" "$MANAGER_URL/v1/evidence"

# The agent attests at the same time; what it overtakes is late, and tried again.
accepted_twice_alike()
{
	for _ in 1 2 3 4 5; do
		evidence_for "$HSM_ID" "$WORK/e1" || return
		answers 200 post_evidence "$WORK/e1/evidence" || continue
		cp "$WORK/body" "$WORK/first-answer"
		answers 200 post_evidence "$WORK/e1/evidence" || continue
		cmp "$WORK/first-answer" "$WORK/body"
		return
	done
	return 1
}
need "untouched it is accepted; the very same bytes get the very same answer" accepted_twice_alike
NUMBER=$(jq .number "$WORK/body")
newer() { [ "$(ask manager state "$HSM_ID" | jq .number)" -gt "$NUMBER" ]; }
ok "the agent's next is newer" await 15 newer
ok "then the old one is a replay" answers 422 urn:zkhsm:nonce post_evidence "$WORK/e1/evidence"

ok "evidence is made over a nonce of another HSM" evidence_for "$OTHER_HSM" "$WORK/e3"
ok "and not believed" answers 422 urn:zkhsm:nonce post_evidence "$WORK/e3/evidence"
ok "a nonce is asked for by an id, not by rubbish" answers 400 \
	post_json /v1/challenges '{"hsm_id":"rubbish"}'
ok "with no other member" answers 400 \
	post_json /v1/challenges "{\"hsm_id\":\"$HSM_ID\",\"more\":1}"
ok "nor the same one twice" answers 400 \
	post_json /v1/challenges "{\"hsm_id\":\"$HSM_ID\",\"hsm_id\":\"$HSM_ID\"}"
ok "the HSM is still attested" hsm_is attested
