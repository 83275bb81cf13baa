# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The stage of the demo and of the end-to-end test: managers on this host, an
# HSM in a virtual machine that reaches nothing but them, an agent there as an
# unprivileged user, an administrator and a client here. Sourced by tools/demo,
# tests/e2e/run and tests/bench/run.
#
# There is room for two managers that know nothing of each other. $M says which
# is meant, as in "M=second manager_start"; it is the first if nobody says so.
#
# Everything is in $WORK, everything that runs was started here and is ended
# by its process id or by the machine's name.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BIN=${ZKHSM_BIN:-$TOP/build/userspace}
AGENT_UID=990
MANAGER_IN_VM=https://10.0.2.100:8443
SECOND_IN_VM=https://10.0.2.100:9443
AGENT_LISTEN=8444
COUNTERS_IN_VM=/out/programs
KERNEL=${KERNEL:-6.1}
MAX_AGE=${MAX_AGE:-8s}
INTERVAL=${INTERVAL:-2s}
# In the machine; empty: an HSM whose state does not outlive its kernel.
KEK=${KEK-/in/kek}

# Life of a lease; and with which managers the agent speaks.
LEASE=${LEASE:-10s}
MANAGERS=${MANAGERS:-first}

WORK='' DISK='' MACHINE='' AGENT_PID='' HSM_ID='' CLIENT=client M=first
declare -A MANAGER_PORTS MANAGER_PIDS

stage_begin()
{
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/zkhsm-$1.XXXXXX")
	MACHINE=$1-$$
	MANAGER_PORTS=([first]=$(free_port) [second]=$(free_port))
	AGENT_PORT=$(free_port)
	MANAGER_URL=$(M=first manager_url)
	AGENT_URL=https://127.0.0.1:$AGENT_PORT
	mkdir "$WORK/in" "$WORK/pki" "$WORK/manager" "$WORK/second" "$WORK/out"
	DISK=$WORK/disk.img
	head -c 32 /dev/urandom > "$WORK/in/kek"
	chmod 600 "$WORK/in/kek"
	chmod 700 "$WORK" "$WORK/manager" "$WORK/second"
	make_certificates
	M=first write_manager_config
	M=second write_manager_config
	write_agent_config
	write_boot
}

# However we leave: no process, no machine, no secret stays behind.
stage_end()
{
	[ -n "$WORK" ] || return 0
	M=first manager_stop TERM
	M=second manager_stop TERM
	if machine_is_up && ! "$TOP/tools/vm-stop" "$MACHINE" > /dev/null 2>&1; then
		echo "The machine $MACHINE did not end well." >&2
	fi
	rm -rf "$WORK"
	WORK=
}

free_port()
{
	/usr/bin/python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

now_ms() { date +%s%3N; }

# await SECONDS COMMAND...: ask again until it says yes. Bounded, never blind.
await()
{
	local end=$(($(now_ms) + $1 * 1000))
	shift

	until "$@" > /dev/null 2>&1; do
		[ "$(now_ms)" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# --- certificates: three authorities that have nothing to do with each other

authority()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj "/CN=zkhsm $1 CA" -keyout "$WORK/pki/$1-ca.key" \
		-out "$WORK/pki/$1-ca.pem" 2> /dev/null
}

# certificate NAME AUTHORITY serverAuth|clientAuth [SUBJECT-ALT-NAMES]
certificate()
{
	local base=$WORK/pki/$1

	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj "/CN=$1" -keyout "$base.key" -out "$base.csr" 2> /dev/null
	{
		echo "extendedKeyUsage=$3"
		echo "keyUsage=digitalSignature"
		echo "basicConstraints=critical,CA:FALSE"
		[ -z "${4:-}" ] || echo "subjectAltName=$4"
	} > "$base.ext"
	openssl x509 -req -in "$base.csr" -CA "$WORK/pki/$2-ca.pem" \
		-CAkey "$WORK/pki/$2-ca.key" -CAcreateserial -days 2 \
		-extfile "$base.ext" -out "$base.pem" 2> /dev/null
}

make_certificates()
{
	local name

	for name in server admin client; do
		authority $name
	done
	certificate manager server serverAuth IP:127.0.0.1,IP:10.0.2.100
	certificate agent server serverAuth IP:127.0.0.1,IP:10.0.2.15
	certificate admin admin clientAuth
	certificate client client clientAuth
	certificate other-client client clientAuth
	cp "$WORK/pki/server-ca.pem" "$WORK/pki/client-ca.pem" "$WORK/pki/agent.pem" \
		"$WORK/pki/agent.key" "$WORK/in/"
}

# --- the managers, on this host

# Where a manager has its things: NAME.conf, NAME.log and the directory NAME.
manager_home() { echo "$WORK/${M/first/manager}"; }
manager_url() { echo "https://127.0.0.1:${MANAGER_PORTS[$M]}"; }

write_manager_config()
{
	cat > "$(manager_home).conf" <<-END
	[server]
	address = 127.0.0.1
	port = ${MANAGER_PORTS[$M]}
	certificate = $WORK/pki/manager.pem
	private_key = $WORK/pki/manager.key
	admin_ca = $WORK/pki/admin-ca.pem
	state_dir = $(manager_home)

	[attestation]
	max_age = $MAX_AGE
	interval = $INTERVAL

	[leases]
	ttl = $LEASE

	[limits]
	${MANAGER_LIMITS:-}
	END
}

# Whoever builds meanwhile must not change the cast.
programs_keep()
{
	[ -d "$WORK/bin" ] && return
	mkdir "$WORK/bin"
	cp "$BIN/zkhsm" "$BIN/zkhsmd" "$WORK/bin/"
}

manager_start()
{
	programs_keep
	"$WORK/bin/zkhsmd" --config "$(manager_home).conf" >> "$(manager_home).log" 2>&1 &
	MANAGER_PIDS[$M]=$!
	if ! await 10 manager_ready; then
		echo "the manager did not become ready:" >&2
		tail -n 20 "$(manager_home).log" >&2
		return 1
	fi
}

manager_ready()
{
	curl -sf --cacert "$WORK/pki/server-ca.pem" "$(manager_url)/health/ready"
}

# manager_stop [SIGNAL]
manager_stop()
{
	local pid=${MANAGER_PIDS[$M]:-}

	[ -n "$pid" ] || return 0
	kill "-${1:-TERM}" "$pid" 2> /dev/null
	wait "$pid" 2> /dev/null
	MANAGER_PIDS[$M]=
}

# Asked by anybody, and by the administrator.
ask()
{
	"$WORK/bin/zkhsm" --output json "$@" --manager "$(manager_url)" --ca "$WORK/pki/server-ca.pem"
}

admin()
{
	ask manager "$@" --cert "$WORK/pki/admin.pem" --key "$WORK/pki/admin.key"
}

hsm_state() { ask manager state "$HSM_ID" | jq -r .state; }
key_status() { ask manager state "$HSM_ID" "$1" | jq -r .status; }
hsm_is() { [ "$(hsm_state)" = "$1" ]; }
key_is() { [ "$(key_status "$1")" = "$2" ]; }
number_now() { ask manager state "$HSM_ID" | jq .number; }
goes_on_from() { [ "$(number_now)" -gt "$1" ]; }
all_orders_applied()
{
	admin orders "$HSM_ID" | jq -e '[.. | objects | select(has("applied")).applied] |
		length > 0 and all'
}
is_pending() { admin pending | jq -e --arg h "$HSM_ID" 'any(.. | .hsm_id? // empty; . == $h)'; }

# --- the HSM, in the virtual machine

# The next one finds the disk as the last one left it, however it ended.
machine_start()
{
	"$TOP/tools/vm" --keep --name "$MACHINE" --no-build --kernel "$KERNEL" --net \
		--disk "$DISK" --share-in "$WORK/in" \
		--forward-guest "8443:${MANAGER_PORTS[first]}" \
		--forward-guest "9443:${MANAGER_PORTS[second]}" \
		--forward-host "$AGENT_PORT:$AGENT_LISTEN" --programs "$BIN" \
		${ZKHSM_COUNTERS:+--append GCOV_PREFIX=$COUNTERS_IN_VM} "$@" -- /in/boot || return
	[ -z "${ZKHSM_COUNTERS:-}" ] || counters_for_all
}

# For tools/coverage: every user in the machine adds to the same counters.
counters_for_all()
{
	vm sh -c "zkhsm --version; zkhsm-agent --version; chmod -R a+rwX $COUNTERS_IN_VM" > /dev/null
}

# What an HSM host does at boot, in the place of systemd and its units: an
# agent that may write its store, the KEK as a credential would bring it, and
# if there is a state, unseal and attest.
write_boot()
{
	cat > "$WORK/in/boot" <<-END
	#!/bin/bash -e
	mkdir -p /run/agent/state /disk/zkhsm /var/lib
	chown $AGENT_UID:$AGENT_UID /disk/zkhsm
	chmod 700 /disk/zkhsm
	ln -sfn /disk/zkhsm /var/lib/zkhsm
	cp /in/*.pem /in/*.key /in/agent.conf /run/agent
	chown -R $AGENT_UID:$AGENT_UID /run/agent
	chmod -R go= /run/agent
	[ ! -e /disk/zkhsm/head ] && [ ! -e /disk/zkhsm/journal ] && exit 0
	zkhsm hsm unseal --kek-file /in/kek
	setpriv --reuid $AGENT_UID --regid $AGENT_UID --clear-groups --no-new-privs \
		setsid zkhsm-agent --config /run/agent/agent.conf \
		>> /out/agent.log 2>&1 < /dev/null &
	echo \$! > /run/agent/pid
	END
	chmod 700 "$WORK/in/boot"
}

# The power goes, and comes back; nobody touches anything.
machine_power_cut()
{
	"$TOP/tools/vm-stop" --kill "$MACHINE" || return
	AGENT_PID=
}

machine_boots_again()
{
	machine_start "$@" || return
	AGENT_PID=$(vm cat /run/agent/pid)
}

machine_is_up() { [ -n "$MACHINE" ] && "$TOP/tools/vm-exec" "$MACHINE" -- true 2> /dev/null; }
vm() { "$TOP/tools/vm-exec" "$MACHINE" -- "$@"; }
vm_put() { "$TOP/tools/vm-exec" --stdin "$MACHINE" -- sh -c "cat > $1"; }
hsm() { vm zkhsm --output json "$@"; }

# hsm_as UID ARGUMENT...: the same by somebody else; "owner" has the keys
hsm_as()
{
	local uid=${1/owner/$AGENT_UID}
	shift

	vm setpriv --reuid "$uid" --regid "$uid" --clear-groups zkhsm --output json "$@"
}

# Its verdict on the kernel is ours too.
machine_stop()
{
	"$TOP/tools/vm-stop" --out "$WORK/out" "$MACHINE" || return
	[ -z "${ZKHSM_COUNTERS:-}" ] || cp -r "$WORK/out/${COUNTERS_IN_VM##*/}" \
		"$(mktemp -d "$ZKHSM_COUNTERS/machine.XXXXXX")/"
}

# identity_new: made in the kernel; what a person reads on its console.
identity_new()
{
	local answer

	answer=$(hsm hsm new --agent-uid "$AGENT_UID" ${KEK:+--kek-file "$KEK"} "$@") || return
	HSM_ID=$(jq -r '."hsm-id"' <<< "$answer")
}

# key_state ID: what the kernel says
key_state() { hsm key get "$1" | jq -r .state; }
key_in_state() { [ "$(key_state "$1")" = "$2" ]; }

# Of the manager $MANAGER_ID, as the kernel has it.
last_order() { hsm trust get "$MANAGER_ID" | jq '."last-number"'; }

# --- the agent, in the virtual machine, as somebody who may do nothing else

write_agent_config()
{
	cat > "$WORK/in/agent.conf" <<-END
	[agent]
	state_dir = /run/agent/state
	backoff_min = 250ms
	backoff_max = 1s
	debounce = 100ms

	[https]
	listen = 0.0.0.0
	port = $AGENT_LISTEN
	certificate = /run/agent/agent.pem
	private_key = /run/agent/agent.key
	client_ca = /run/agent/client-ca.pem

	[manager demo]
	url = $MANAGER_IN_VM
	ca = /run/agent/server-ca.pem
	END
	[[ $MANAGERS == *second* ]] || return 0
	cat >> "$WORK/in/agent.conf" <<-END

	[manager second]
	url = $SECOND_IN_VM
	ca = /run/agent/server-ca.pem
	END
}

agent_install() { vm test -e /run/agent/agent.conf; }

agent_start()
{
	AGENT_PID=$(vm bash -c "setpriv --reuid $AGENT_UID --regid $AGENT_UID \
		--clear-groups --no-new-privs setsid zkhsm-agent --config /run/agent/agent.conf \
		>> /out/agent.log 2>&1 < /dev/null & echo \$!")
}

# agent_stop [SIGNAL]: returns when it is gone
agent_stop()
{
	[ -n "$AGENT_PID" ] || return 0
	vm sh -c "kill -${1:-TERM} $AGENT_PID; while kill -0 $AGENT_PID; do sleep 0.05; done" \
		2> /dev/null
	AGENT_PID=
}

agent_log() { vm cat /out/agent.log; }

# --- the client, on this host

agent_audience() { echo "zkhsm-agent:$HSM_ID"; }

# token KEY FILE [OPTION...]: a token for use at the agent
token()
{
	local key=$1 file=$2
	shift 2

	ask token get --hsm "$HSM_ID" --key-id "$key" --aud "$(agent_audience)" \
		--out "$file" "$@"
}

# remote_sign KEY TOKEN FILE [OPTION...]: the HSM's kernel signs, through the agent
remote_sign()
{
	local key=$1 token=$2 file=$3
	shift 3

	"$WORK/bin/zkhsm" --output json remote sign --agent "$AGENT_URL" \
		--ca "$WORK/pki/server-ca.pem" --cert "$WORK/pki/$CLIENT.pem" \
		--key "$WORK/pki/$CLIENT.key" --key-id "$key" --token "$token" \
		--file "$file" "$@"
}

# Whether the error on standard input, as JSON, has this errno or reason.
error_is()
{
	jq -e --arg want "$1" '.error | .reason == $want or .errno == $want'
}

# refused REASON COMMAND...: it fails, and says exactly that.
refused()
{
	local want=$1 answer status=0
	shift

	answer=$("$@" 2> /dev/null) || status=$?
	if [ $status -ne 1 ]; then
		echo "exit status $status instead of 1: $*" >&2
		return 1
	fi
	if ! error_is "$want" <<< "$answer" > /dev/null; then
		echo "expected $want, got: $answer" >&2
		return 1
	fi
}
