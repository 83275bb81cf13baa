#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What version 1 sealed opens in the kernel of today: a backup that is kept in
# tests/vectors, on a machine that never saw its HSM.

set -u

here=$(cd "$(dirname "$0")" && pwd)
module=${ZKHSM_MODULE:-$here/../../zkhsm.ko}
kept=$here/../vectors/sealed
number=0
failed=0

if ! command -v zkhsm jq > /dev/null || [ ! -r "$module" ]; then
	echo "KTAP version 1"
	echo "1..1"
	echo "ok 1 kept # SKIP no zkhsm, no jq or no module"
	exit 4
fi

work=$(mktemp -d)
export ZKHSM_STORE=$work/store
trap 'rm -rf "$work"; [ ! -d /sys/module/zkhsm ] || rmmod zkhsm' EXIT

# ok NAME COMMAND...
ok()
{
	local name=$1
	shift

	number=$((number + 1))
	if "$@" > "$work/seen" 2>&1; then
		echo "ok $number $name"
		return
	fi
	failed=1
	echo "not ok $number $name"
	tail -n 5 "$work/seen" | sed 's/^/# /'
}

# says FILTER COMMAND...: done, and jq's FILTER is true of the answer.
# shellcheck disable=SC2317
says()
{
	local filter=$1
	shift

	zkhsm --output json "$@" | tee "$work/answer" | jq -e "$filter" > /dev/null ||
		{ cat "$work/answer"; return 1; }
}

[ ! -d /sys/module/zkhsm ] || rmmod zkhsm
insmod "$module" || exit 1

echo "KTAP version 1"
echo "1..8"
ok "the backup becomes a store" zkhsm hsm restore --in "$kept/v1.json"
ok "the store opens" zkhsm hsm unseal --kek-file "$kept/v1-kek.bin"
ok "it is the HSM that it was" says '."hsm-id" ==
	"5db3b012ca0aacda9d9c26d82f0079e26b3a159731d120947c7482e03f9f9663"' hsm get
ok "one boot more" says '."boot-count" == 5' hsm get
ok "the keys as they were" says '[.[] | [.id, .state]] == [["active", "active"],
	["held", "held"], ["imported.v1@2026", "active"], ["wiped", "compromised"]]' key list
ok "its owner's, and root's no more than before" says '."owner-uid" == 1000' key get active
ok "the managers as they were" says '[.[] | ."last-number"] == [3, 3]' trust list
ok "what was opened is stored again" says '.sequence > 9 and .unsealed == 0' hsm get
exit $failed
