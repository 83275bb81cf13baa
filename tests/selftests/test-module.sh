#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What an administrator sees of the module: modinfo, insmod, rmmod, sysfs, the
# log.  load.c tests the same with system calls and exact errnos.

set -u

number=0
failed=0
module=${ZKHSM_MODULE:-$(cd "$(dirname "$0")" && pwd)/../../zkhsm.ko}

plan() { echo "KTAP version 1"; echo "1..$1"; }

# result NAME: by the status of the command before it
result()
{
	local status=$?

	number=$((number + 1))
	if [ $status -eq 0 ]; then
		echo "ok $number $1"
	else
		echo "not ok $number $1"
		failed=1
	fi
}

says() { modinfo -F "$1" "$module" | grep -q "$2"; }

documented()
{
	local p

	for p in kpp_driver evidence_rate evidence_burst nonce_slots nonce_life_ms grant_slots; do
		says parm "^$p:.*(" || { echo "# parameter $p"; return 1; }
	done
}

unload() { [ ! -d /sys/module/zkhsm ] || rmmod zkhsm; }

readable()
{
	local p

	for p in /sys/module/zkhsm/parameters/*; do
		if [ "$(stat -c %a "$p")" != 444 ]; then
			echo "# mode of $p"
			return 1
		fi
	done
	[ "$(cat /sys/module/zkhsm/parameters/nonce_slots)" = 7 ]
}

# A secret that reaches the log is out of the kernel.
quiet() { [ "$(dmesg | grep -c 'zkhsm:')" -le "$(($1 + 2))" ]; }

if [ ! -r "$module" ]; then
	plan 1
	echo "ok 1 module # SKIP no module file at $module"
	exit 4
fi

plan 8
says license '^GPL$';			result license
says description 'zero-knowledge';	result description
says softdep 'ecdh_generic';		result softdep
documented;				result parameters_documented
unload && insmod "$module" nonce_slots=7;	result insmod
readable;				result parameters_readable
lines=$(dmesg | grep -c 'zkhsm:')
rmmod zkhsm && [ ! -d /sys/module/zkhsm ];	result rmmod
insmod "$module" && rmmod zkhsm && quiet "$lines";	result quiet
exit $failed
