#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In the machine: a host that boots for the first or the second time. What it
# says of itself is in /out/answers, a file for each answer.

set -Eeuo pipefail

answer() { cat > "/out/answers/$1"; }
# What is in /disk outlives this boot.
keep() { mkdir -p "/disk$1" "$1" && mount --bind "/disk$1" "$1"; }
# A command of systemd's, which must be called from beside it.
beside() { nsenter -t "$systemd" -p -m -- "$@"; }
# Status of a unit, after an attempt to start it.
start() { beside systemctl start "$@" > /tmp/start 2>&1 || cat /tmp/start >&2; }
# The word that it prints is the answer; its exit status says the same.
status() { beside systemctl is-active "$1" || [ $? -eq 3 ]; }

install_host()
{
	# Numbers that are the same at each boot; the rest is sysusers.d's.
	echo 'zkhsm-agent:x:990:990::/var/lib/zkhsm-agent:/bin/false' >> /etc/passwd
	echo 'zkhsm-agent:x:990:' >> /etc/group
	systemd-sysusers
	mkdir -p "/lib/modules/$(uname -r)/updates" /var/log /var/tmp /etc/systemd/system /out/answers
	cp /zkhsm/zkhsm.ko "/lib/modules/$(uname -r)/updates/"
	/usr/bin/depmod
	# Of this the key that opens credentials is made.
	echo 0123456789abcdef0123456789abcdef > /etc/machine-id
	keep /var/lib
	keep /etc/zkhsm
	# Where no journal runs, what services say goes to a file.
	for unit in zkhsm-kek zkhsm-unseal zkhsm-agent zkhsmd; do
		mkdir -p "/etc/systemd/system/$unit.service.d"
		printf '[Service]\nStandardOutput=append:/out/%s.log\nStandardError=inherit\n' \
			"$unit" > "/etc/systemd/system/$unit.service.d/log.conf"
	done
}

# As in a container: /sys and /dev are there, and nobody else's units.
boot_systemd()
{
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	env container=test unshare --pid --mount --fork sh -c 'mount -t proc proc /proc &&
		mount --make-rshared / &&
		exec /usr/lib/systemd/systemd --system --unit=multi-user.target' \
		> /out/systemd.log 2>&1 &
	until systemd=$(pidof systemd) &&
		[[ $(beside systemctl is-system-running 2> /dev/null) =~ running|degraded ]]; do
		sleep 0.2
	done
}

configure_agent()
{
	cp /in/ca.pem /etc/zkhsm/ca.pem
	cat > /etc/zkhsm/zkhsm-agent.conf <<-END
	[manager none]
	url = https://127.0.0.1:1
	ca = /etc/zkhsm/ca.pem
	END
}

configure_manager()
{
	cp /in/ca.pem /in/manager.pem /in/manager.key /etc/zkhsm/
	cat > /etc/zkhsm/zkhsmd.conf <<-END
	[server]
	certificate = /etc/zkhsm/manager.pem
	private_key = /etc/zkhsm/manager.key
	admin_ca = /etc/zkhsm/ca.pem
	END
	systemd-tmpfiles --create /usr/local/lib/tmpfiles.d/zkhsm.conf
}

ask_manager() { zkhsm manager info --manager https://127.0.0.1:8443 --ca /in/ca.pem --output json; }

manager()
{
	local pid

	configure_manager
	start zkhsmd.service
	status zkhsmd.service | answer manager
	pid=$(beside systemctl show --property MainPID --value zkhsmd.service)
	beside stat -c %U "/proc/$pid" | answer manager-user
	beside sed -n 's/^Seccomp_filters:[[:space:]]*//p' "/proc/$pid/status" |
		answer manager-filters
	beside sed -n 's/^CapBnd:[[:space:]]*//p' "/proc/$pid/status" | answer manager-capabilities
	stat -c %U /var/lib/zkhsmd /var/lib/zkhsmd/* | answer manager-owners
	beside systemctl reload zkhsmd.service
	status zkhsmd.service | answer manager-reload
	ask_manager | answer manager-info
	beside systemctl show --property NRestarts zkhsmd.service | answer manager-restarts
	beside systemctl stop zkhsmd.service
	beside systemctl show --property Result zkhsmd.service | answer manager-stop

	# The order key in the kernel: another manager, with a drop-in as the unit says.
	zkhsm key new orders --owner zkhsmd --usage sign > /dev/null
	zkhsm key get orders --output json | answer manager-key
	cat >> /etc/zkhsm/zkhsmd.conf <<-END
	state_dir = /var/lib/zkhsmd/kernel
	[keys]
	order_key = zkhsm:orders
	END
	printf '[Service]\nRestrictAddressFamilies=AF_NETLINK\n' \
		> /etc/systemd/system/zkhsmd.service.d/netlink.conf
	beside systemctl daemon-reload
	start zkhsmd.service
	ask_manager | answer manager-kernel-info
	zkhsmd --backup /tmp/manager.db > /dev/null && echo $? | answer manager-backup
	beside systemctl stop zkhsmd.service
}

first()
{
	boot_systemd
	configure_agent
	/usr/bin/modprobe zkhsm
	head -c 32 /dev/urandom > /tmp/kek
	beside systemd-creds encrypt --with-key=host --name=kek /tmp/kek /etc/zkhsm/kek.cred
	zkhsm hsm new --kek-file /tmp/kek --agent-uid zkhsm-agent
	zkhsm key new one --owner zkhsm-agent
	zkhsm hsm get --output json | answer hsm
	zkhsm key list --output json | answer keys
}

second()
{
	# Enabled, but for the first attempt there is no credential.
	mv /etc/zkhsm/kek.cred /etc/zkhsm/kek.away
	mkdir -p /etc/systemd/system/multi-user.target.wants
	ln -s /usr/local/lib/systemd/system/zkhsm-unseal.service \
		/etc/systemd/system/multi-user.target.wants/
	boot_systemd
	status zkhsm-unseal.service | answer without
	zkhsm hsm get --output json | jq .initialised | answer without-identity

	mv /etc/zkhsm/kek.away /etc/zkhsm/kek.cred
	start zkhsm-unseal.service
	status zkhsm-unseal.service | answer unseal
	zkhsm hsm get --output json | answer hsm
	zkhsm key list --output json | answer keys
	keyctl link @u @s
	if keyctl search @s logon zkhsm:kek > /tmp/search 2>&1; then
		echo found
	else
		grep -o revoked /tmp/search
	fi | answer kek

	start zkhsm-agent.service
	zkhsm key new two --owner zkhsm-agent > /dev/null && echo $? | answer change
	# Its own: of what the command could not store, which it says.
	zkhsm key new three --store /nonexistent/store > /dev/null 2>&1 || echo $? | answer unstored
	for ((i = 0; i < 120; i++)); do
		zkhsm hsm get --output json | jq .unsealed > /tmp/unsealed
		grep -qx 0 /tmp/unsealed && break
		sleep 0.5
	done
	answer unsealed < /tmp/unsealed
	stat -c %U /var/lib/zkhsm /var/lib/zkhsm/* /var/lib/zkhsm/records/* | answer owners
	zkhsm hsm store check > /dev/null && echo $? | answer check
	status zkhsm-agent.service | answer agent
	beside systemctl show --property NRestarts zkhsm-agent.service | answer restarts
	manager
}

failed()
{
	echo "line $1: $BASH_COMMAND"
	for log in /out/*.log; do
		echo "== $log"
		cat "$log"
	done
}
trap 'failed $LINENO' ERR

install_host
"$1"
beside systemctl stop zkhsm-agent.service zkhsm-unseal.service
