# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# TAP for the end-to-end test: one line per claim, with what was seen when it
# does not hold.

TAP_COUNT=0 TAP_FAILED=0 TAP_ENDED=''

# ok CLAIM COMMAND...
ok()
{
	local claim=$1 status=0
	shift

	"$@" > "$WORK/seen" 2>&1 || status=$?
	TAP_COUNT=$((TAP_COUNT + 1))
	if [ $status -eq 0 ]; then
		echo "ok $TAP_COUNT - $claim"
		return 0
	fi
	TAP_FAILED=$((TAP_FAILED + 1))
	echo "not ok $TAP_COUNT - $claim"
	echo "# exit status $status: $*"
	tail -n 12 "$WORK/seen" | cut -c 1-300 | sed 's/^/# /'
	return 1
}

# need CLAIM COMMAND...: nothing after it makes sense without it.
need()
{
	ok "$@" && return 0
	show_logs
	echo "Bail out! $1"
	exit 1
}

show_logs()
{
	echo "# the manager's log:"
	tail -n 15 "$WORK/manager.log" | cut -c 1-300 | sed 's/^/#   /'
	echo "# the agent's log:"
	vm tail -n 15 /out/agent.log 2> /dev/null | cut -c 1-300 | sed 's/^/#   /'
	echo "# the kernel's log:"
	vm sh -c 'dmesg | grep zkhsm | tail -n 15' 2> /dev/null | cut -c 1-300 | sed 's/^/#   /'
}

tap_end()
{
	TAP_ENDED=1
	[ $TAP_FAILED -eq 0 ] || show_logs
	echo "1..$TAP_COUNT"
	[ $TAP_FAILED -eq 0 ]
}

tap_leave()
{
	local status=$?

	trap - EXIT INT TERM
	[ -n "$TAP_ENDED" ] || echo "# ended early with exit status $status" >&3
	stage_end
	exit $status
}
