#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# zkhsm monitor: what whoever reads events has to be told apart from silence.

set -u

number=0
failed=0
module=${ZKHSM_MODULE:-$(cd "$(dirname "$0")" && pwd)/../../zkhsm.ko}
err=$(mktemp)

# result NAME: by the status of the command before it
result()
{
	local status=$?

	number=$((number + 1))
	if [ $status -eq 0 ]; then
		echo "ok $number $1"
	else
		echo "not ok $number $1"
		sed 's/^/# /' "$err"
		failed=1
	fi
}

# Called by name.
# shellcheck disable=SC2317
change() { zkhsm key set watched --owner "$RANDOM"; }
# shellcheck disable=SC2317
use() { zkhsm key sign leased --digest "$(printf '%064d' 1)"; }
happens=change

# watched STATUS WHAT-IS-SAID OUTPUT ARGUMENT...: monitor, an event, its end
watched()
{
	local status=$1 text=$2 out=$3 line
	shift 3

	: > "$err"
	coproc { exec zkhsm "$@" 3>&1 > "$out" 2>&3; }
	local pid=$COPROC_PID
	exec {said}<&"${COPROC[0]}"
	read -r line <&"$said"
	if [ "$line" = "zkhsm: monitor: listening" ]; then
		$happens > /dev/null || return 1
	else
		echo "$line" > "$err"
	fi
	cat <&"$said" >> "$err"
	exec {said}<&-
	wait "$pid"
	[ $? -eq "$status" ] && { [ -z "$text" ] || grep -q -- "$text" "$err"; }
}

if [ ! -r "$module" ]; then
	echo "KTAP version 1"
	echo "1..1"
	echo "ok 1 monitor # SKIP no module file at $module"
	exit 4
fi
echo "KTAP version 1"
echo "1..7"
if [ -d /sys/module/zkhsm ]; then rmmod zkhsm; fi
insmod "$module" && zkhsm hsm new --enforce-grace report-only > "$err" 2>&1 &&
	zkhsm key new watched > "$err" 2>&1 &&
	zkhsm key new leased --lease-required > "$err" 2>&1
result "an identity and two keys"

watched 0 '' /tmp/events monitor --count 1 && grep -q 'changed id=watched' /tmp/events
result "an event is one line"
watched 0 '' /tmp/events --output json monitor --count 1 &&
	[ "$(jq -r .event /tmp/events)" = changed ]
result "or one object"
happens=use
watched 0 '' /tmp/events monitor --count 1 && grep -q 'unleased id=leased' /tmp/events
result "a use without leases, where that is only reported"
zkhsm --output json key show leased > /tmp/events &&
	jq -e '."unleased-uses" == 1 and ."works-until-ms" == "not-enforced"' /tmp/events > "$err"
result "and how often there was one"
happens=change
watched 1 'EIO' /dev/full monitor
result "a full disk ends it: EIO"
watched 1 'EIO' /dev/full --output json monitor
result "also where programs read"

rm -f "$err" /tmp/events
exit $failed
