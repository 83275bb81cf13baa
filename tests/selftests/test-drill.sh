#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Rehearsals, with leases that are made by hand in the place of managers and
# agent: what zkhsm drill waits for, what it reports, and that its key goes
# whatever comes. "drill revoke" needs a manager: tests/e2e.

# The functions are called by ok.
# shellcheck disable=SC2317

set -u

here=$(cd "$(dirname "$0")" && pwd)
module=${ZKHSM_MODULE:-$here/../../zkhsm.ko}
number=0
failed=0

if ! command -v zkhsm jq > /dev/null || [ ! -r "$module" ]; then
	echo "KTAP version 1"
	echo "1..1"
	echo "ok 1 drill # SKIP no zkhsm, no jq or no module"
	exit 4
fi

work=$(mktemp -d)
drill=
trap '[ -z "$drill" ] || kill "$drill"; rm -rf "$work"
	[ ! -d /sys/module/zkhsm ] || rmmod zkhsm' EXIT

# shellcheck source-path=SCRIPTDIR source=cli.sh
source "$here/cli.sh"

# starts ARGUMENT...: a drill, until it says that it waits for leases
starts()
{
	: > "$work/said"
	zkhsm --output json drill "$@" > "$work/answer" 2> "$work/said" &
	drill=$!
	said 'waiting for leases'
}

# said TEXT: on standard error, sooner or later
said()
{
	until grep -qF -- "$1" "$work/said"; do
		kill -0 "$drill" || { cat "$work/said"; return 1; }
		sleep 0.05
	done
}

# ends STATUS FILTER: and jq's FILTER is true of what it reports; its key is gone
ends()
{
	local status=0

	wait "$drill" || status=$?
	drill=
	if [ "$status" -ne "$1" ] || ! jq -e "$2" "$work/answer" > /dev/null; then
		echo "exit status $status: $(cat "$work/answer" "$work/said")"
		return 1
	fi
	says 'length == 0' key list
}

# lease ALPHA BETA: evidence and a lease of both, for so long
lease()
{
	attest && issue alpha --ttl "$1" && issue beta --ttl "$2" &&
		zkhsm order apply "$work/alpha" && zkhsm order apply "$work/beta"
}

interrupt() { kill -INT "$drill"; }

echo "KTAP version 1"
echo "1..23"
ok loads again
ok new zkhsm hsm new --quorum 2 --stop 1 --wipe 2 --max-ttl 1h
for name in alpha beta; do
	ok pin_$name zkhsm trust new --label $name --key "$(signing_key $name)"
done
ok no_such_manager fails 1 ENOKEY drill manager-down --manager gamma
ok nobody_grants fails 1 ETIMEDOUT drill expire --max-wait 2s

ok expire_starts starts expire --max-wait 5min
ok expire_leases lease 1h 40s
ok expire_works said 'stop the agent'
ok expire_ends ends 0 '.drill == "expire" and .errno == "EKEYEXPIRED" and
	.reason == "lease-expired" and ."worked-for-ms" > 0 and ."refused-after-end-ms" < 5000'

ok down_starts starts manager-down --manager beta --max-wait 5min
ok down_leases lease 1h 40s
ok down_works said 'stop the manager beta'
ok down_stops ends 0 '.works == false and .event == "expired" and ."leases-granted" == 1 and
	."leases-needed" == 2 and .reason == "lease-expired"'

ok one_is_enough zkhsm hsm set --quorum 1
ok down_again starts manager-down --manager beta --max-wait 5min
ok down_again_leases lease 1h 40s
ok down_goes_on ends 0 '.works and .event == "expired" and ."leases-granted" == 1'

ok interrupted_starts starts expire --max-wait 5min
ok interrupted interrupt
ok interrupted_ends ends 1 '.error.errno == "EINTR"'
ok nothing_enforced zkhsm hsm set --enforce-grace report-only
ok nothing_to_rehearse fails 1 EINVAL drill expire
exit $failed
