# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What test-cli.sh, test-lease.sh and test-drill.sh have in common: sourced, with $work, $module,
# $number and $failed set. Each ok is a line of KTAP.

# The functions are called by ok.
# shellcheck disable=SC2317,SC2154,SC2034

nonce=$(printf '%064d' 7)

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
	echo "# $*"
	tail -n 5 "$work/seen" | sed 's/^/# /'
}

# says FILTER COMMAND...: done, and jq's FILTER is true of the answer.
says()
{
	local filter=$1 answer
	shift

	answer=$(zkhsm --output json "$@") || return
	jq -e "$filter" <<< "$answer" > /dev/null || { echo "$answer"; return 1; }
}

# prints TEXT COMMAND...: the text for people has these words.
prints()
{
	local text=$1
	shift

	zkhsm "$@" > "$work/out" || return
	grep -qF -- "$text" "$work/out" || { cat "$work/out"; return 1; }
}

# fails STATUS NAME COMMAND...: with this exit status and, for 1, errno or reason
fails()
{
	local want=$1 name=$2 answer status=0
	shift 2

	answer=$(zkhsm --output json "$@" 2> "$work/err") || status=$?
	if [ "$status" -ne "$want" ]; then
		echo "exit status $status: $answer $(cat "$work/err")"
		return 1
	fi
	[ "$want" -eq 2 ] && return
	jq -e --arg n "$name" '.error.errno == $n or .error.reason == $n' <<< "$answer" \
		> /dev/null || { echo "$answer"; return 1; }
}

# unwell TEXT: "not well" is an answer, and a failure for who looks at the status.
unwell()
{
	local status=0

	zkhsm status > "$work/out" || status=$?
	[ "$status" -eq 1 ] && grep -q '^NOT WELL' "$work/out" && grep -qF "$1" "$work/out" &&
		return
	cat "$work/out"
	return 1
}

# The monitor says when it listens; what comes before is not its business.
monitored()
{
	local pid status=0

	zkhsm --output json monitor --count "$1" --timeout 60 > "$work/events" 2> "$work/listening" &
	pid=$!
	until grep -q listening "$work/listening"; do
		kill -0 "$pid" || return 1
		sleep 0.05
	done
	shift
	"$@" || status=$?
	wait "$pid" && return "$status"
}

again() { { [ ! -d /sys/module/zkhsm ] || rmmod zkhsm; } && insmod "$module"; }

# signing_key NAME: a manager's, in files of its name; prints the point
signing_key()
{
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2> /dev/null > "$work/$1.key"
	openssl pkey -in "$work/$1.key" -pubout > "$work/$1.pub"
	openssl pkey -in "$work/$1.key" -pubout -outform DER | tail -c 65 | xxd -p -c 65
}

# id LABEL: of a pinned manager
id()
{
	zkhsm --output json trust list | jq -r --arg l "$1" '.[] | select(.label == $l)."manager-id"'
}

attest()
{
	zkhsm evidence get --offline --manager "$(id alpha)" --nonce "$nonce" \
		--manager "$(id beta)" --nonce "$nonce" --out "$work/evidence"
}

# issue MANAGER ARGUMENT...: into a file of its name
issue()
{
	local name=$1
	shift

	zkhsm --output json lease issue --offline --key "$work/$name.key" \
		--evidence "$work/evidence" --out "$work/$name" "$@"
}

