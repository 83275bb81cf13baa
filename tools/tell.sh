# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# How a demo is told: steps, sentences that have just been checked, and a table at
# the end. Sourced by tools/demo and tools/demo-fleet, after tests/e2e/lib.sh; they
# have show_logs for when a sentence is not true.

BOLD='' GREEN='' RED='' DIM='' PLAIN=''
if [ -t 1 ]; then
	BOLD=$'\e[1m' GREEN=$'\e[32m' RED=$'\e[31m' DIM=$'\e[2m' PLAIN=$'\e[0m'
fi

STEP=0 STEP_TITLE='' STEP_CHECKS=0 STARTED=$(now_ms)
TITLES=() TIMES=() CHECKS=() VERDICTS=()

seconds() { printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100)); }

step()
{
	STEP=$((STEP + 1))
	STEP_TITLE=$1
	STEP_STARTED=$(now_ms)
	STEP_CHECKS=0
	printf '\n%s%d. %s%s\n\n' "$BOLD" "$STEP" "$1" "$PLAIN"
}

# Paragraphs, wrapped; indented lines are left as they are.
say() { fold -s -w 74 <<< "$*" | sed 's/^/   /'; }
show() { sed "s/^/     $DIM/; s/\$/$PLAIN/"; }

end_step()
{
	TITLES+=("$STEP_TITLE")
	TIMES+=("$(seconds $(($(now_ms) - STEP_STARTED)))")
	CHECKS+=("$STEP_CHECKS")
	VERDICTS+=("$1")
}

# check SENTENCE COMMAND...: true, or the story ends here.
check()
{
	local sentence=$1 start
	shift

	start=$(now_ms)
	if "$@" > "$WORK/check.out" 2>&1; then
		STEP_CHECKS=$((STEP_CHECKS + 1))
		printf '   %sok%s    %s %s(%s)%s\n' "$GREEN" "$PLAIN" "$sentence" "$DIM" \
			"$(seconds $(($(now_ms) - start)))" "$PLAIN"
		return 0
	fi
	printf '   %sNO%s    %s\n' "$RED" "$PLAIN" "$sentence"
	show < "$WORK/check.out"
	end_step NO
	show_logs
	summary
	exit 1
}

summary()
{
	local i

	printf '\n%s%-4s %-62s %6s %8s  %s%s\n' "$BOLD" step what checks time "done" "$PLAIN"
	for i in "${!TITLES[@]}"; do
		printf '%-4s %-62.62s %6s %8s  %s\n' $((i + 1)) "${TITLES[$i]}" \
			"${CHECKS[$i]}" "${TIMES[$i]}" "${VERDICTS[$i]}"
	done
	printf '%-4s %-62s %6s %8s\n' "" "together" "" "$(seconds $(($(now_ms) - STARTED)))"
}

# KEEP: what runs goes on where the story ended well.
leave()
{
	local status=$?

	trap - EXIT INT TERM
	if [ -z "${KEEP:-}" ] || [ $status -ne 0 ]; then
		stage_end
	fi
	exit $status
}
trap leave EXIT
# Whatever was running may have had its output elsewhere.
exec 3>&1
trap 'printf "\nStopped.\n" >&3; exit 130' INT
trap 'exit 143' TERM

short() { printf '%s' "${1:0:16}..."; }

build()
{
	local kdir

	make -s -j2 -C "$TOP/userspace" all || return
	kdir=$("$TOP/tools/kernels" "$KERNEL" | sed -n 's/^KDIR=//p')
	"$TOP/tools/build-module" "$kdir"
}
