# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Plain HTTPS by curl, for requests that our own programs would never make.

# http [CURL-OPTION...] URL: the status; the body is in $WORK/body
http()
{
	curl -s --max-time 20 --cacert "$WORK/pki/server-ca.pem" -o "$WORK/body" \
		-w '%{http_code}' "$@"
}

as_admin() { http --cert "$WORK/pki/admin.pem" --key "$WORK/pki/admin.key" "$@"; }
as_client() { http --cert "$WORK/pki/client.pem" --key "$WORK/pki/client.key" "$@"; }

# answers STATUS [URN] COMMAND...: exactly this status, and this problem type
answers()
{
	local want=$1 urn='' got type
	shift
	case $1 in
	urn:*) urn=$1; shift ;;
	esac

	: > "$WORK/body"
	got=$("$@") || { echo "no answer: curl exited with $?"; return 1; }
	if [ "$got" != "$want" ]; then
		echo "status $got instead of $want: $(cat "$WORK/body")"
		return 1
	fi
	[ -n "$urn" ] || return 0
	type=$(jq -r .type "$WORK/body")
	[ "$type" = "$urn" ] || { echo "$type instead of $urn: $(cat "$WORK/body")"; return 1; }
}

post_json() { http -H 'Content-Type: application/json' --data-binary "$2" "$MANAGER_URL$1"; }

post_evidence()
{
	http -H 'Content-Type: application/vnd.zkhsm.evidence' --data-binary "@$1" \
		"$MANAGER_URL/v1/evidence"
}

# No answer at all: the handshake fails. 56 and 35 are curl's words for that.
no_handshake()
{
	local status=0

	http "$@" || status=$?
	[ $status -eq 56 ] || [ $status -eq 35 ] || { echo "curl exited with $status"; return 1; }
}

# challenge HSM-ID: a nonce of the manager's
challenge()
{
	post_json /v1/challenges "{\"hsm_id\":\"$1\"}" > /dev/null && jq -r .nonce "$WORK/body"
}

forge() { "$TOP/tests/e2e/forge" "$@"; }
