#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# In the machine: one step of the story, or the judgement of stores.
#
# guest.sh step PHASE NUMBER COMMAND...	marks, then prints the state
# guest.sh reboot
# guest.sh judge				of all in /in/stores: NAME JSON

set -u

view()
{
	for what in "hsm get" "key list" "trust list"; do
		# shellcheck disable=SC2086
		zkhsm $what --output json || return 1
	done | jq -sc .
}

reboot()
{
	rmmod zkhsm && insmod "$ZKHSM_MODULE"
}

step()
{
	phase=$1 number=$2
	shift 2
	/in/mark /dev/vda "$(cat /in/end)" begin "$phase" "$number" || return 125
	"$@" > /tmp/said || return
	/in/mark /dev/vda "$(cat /in/end)" ack "$phase" "$number" || return 125
	view
}

# Each in a kernel that has just been loaded, with the KEK that it was sealed with.
judge_one()
{
	rm -rf /tmp/store
	cp -r "$1" /tmp/store && reboot || return 125
	for kek in 1 2; do
		if zkhsm hsm unseal --store /tmp/store --kek-file "/in/kek$kek" \
			> /tmp/said 2> /tmp/error.$kek; then
			view
			return
		fi
	done
	jq -nc --arg one "$(cat /tmp/error.1)" --arg two "$(cat /tmp/error.2)" \
		'{refused: [$one, $two]}'
}

judge()
{
	for store in /in/stores/*; do
		said=$(judge_one "$store") || return
		echo "$(basename "$store") $said"
	done
}

"$@"
