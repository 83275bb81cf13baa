# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Bash completion of zkhsm. The words are the program's own: zkhsm --commands
# prints each object and verb with its options.

_zkhsm()
{
	local cur=${COMP_WORDS[COMP_CWORD]} words object verb

	COMPREPLY=()
	words=$("${COMP_WORDS[0]}" --commands 2>/dev/null) || return
	object=${COMP_WORDS[1]:-}
	verb=${COMP_WORDS[2]:-}
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$(awk '{ print $1 }' <<< "$words" | sort -u)" -- "$cur")
	elif [ "$COMP_CWORD" -eq 2 ] &&
	     ! awk -v o="$object" '$1 == o && $2 == "-" { f = 1 } END { exit !f }' <<< "$words"; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$(awk -v o="$object" '$1 == o { print $2 }' <<< "$words")" -- "$cur")
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$(awk -v o="$object" -v v="$verb" '$1 == o && ($2 == v || $2 == "-") {
				for (i = 3; i <= NF; i++) print $i }' <<< "$words")" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}
complete -F _zkhsm zkhsm
