# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The HSM alone: nobody is trusted yet, and not everybody may do everything.

random() { openssl rand -hex 32; }

need "the manager starts" manager_start
need "the machine boots and loads the module" machine_start
ok "without an identity there are no keys" refused no-identity hsm key new early
ok "nor evidence" refused no-identity \
	hsm evidence get --manager "$(random)" --nonce "$(random)"
ok "a user may not make the identity" refused not-admin hsm_as 1000 hsm new
need "root makes it" identity_new
ok "once" refused identity-exists hsm hsm new
ok "the family is not there in another network namespace" refused ENOENT \
	vm unshare -n zkhsm --output json hsm get

for key in payments mail backup spare; do
	ok "$key is generated" vm zkhsm key new $key --owner "$AGENT_UID"
done
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORK/legacy.pem" 2> /dev/null
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$WORK/p384.pem" 2> /dev/null
vm_put /tmp/legacy.pem < "$WORK/legacy.pem"
vm_put /tmp/p384.pem < "$WORK/p384.pem"
ok "legacy is imported" vm zkhsm key new legacy --import /tmp/legacy.pem --owner "$AGENT_UID"
ok "an element is there once" refused element-exists \
	hsm key new again --import /tmp/legacy.pem
ok "an id is there once" refused id-exists hsm key new mail
ok "an id has no slash" refused bad-id hsm key new a/b
ok "a key of another group is not imported" refused EINVAL \
	hsm key new p384 --import /tmp/p384.pem
ok "a user may not make keys" refused not-admin hsm_as 1000 key new mine
ok "nor use those of another" refused not-owner hsm_as 1000 key sign mail --file /in/agent.conf
ok "nor see them" refused not-owner hsm_as 1000 key get mail
ok "nor delete them" refused not-owner hsm_as 1000 key del mail
ok "not even root uses a key of somebody else" refused not-owner \
	hsm key sign mail --file /in/agent.conf
ok "the owner uses them" hsm_as owner key sign mail --file /in/agent.conf

prove_and_verify()
{
	local public

	public=$(hsm key get mail | jq -r .public)
	hsm_as owner proof get mail --user-id client --out /tmp/proof &&
		vm cat /tmp/proof > "$WORK/proof" &&
		"$WORK/bin/zkhsm" proof verify "$WORK/proof" --public "$public" --user-id client &&
		"$TOP/tests/interop/verify.py" proof "$public" "$(jq -r '."user-id"' "$WORK/proof")" \
			"$(jq -r .proof "$WORK/proof")" &&
		refused EKEYREJECTED "$WORK/bin/zkhsm" --output json proof verify "$WORK/proof" \
			--public "$public" --user-id somebody-else
}
ok "a proof of one key holds, for this user id only; Python agrees" prove_and_verify
