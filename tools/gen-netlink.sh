#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The netlink contract is written once, in Documentation/netlink/specs.  This
# makes the uapi header, the policies and the table of operations from it,
# with the generator of linux-source-6.12.

set -euo pipefail

TOP=$(cd "$(dirname "$0")/.." && pwd)
SPEC=Documentation/netlink/specs/zkhsm.yaml
# Output file, then the generator's mode and form.
OUTPUTS="include/uapi/linux/zkhsm.h uapi --header
kmod/netlink-gen.h kernel --header
kmod/netlink-gen.c kernel --source"

usage()
{
	cat <<EOF
Usage: tools/gen-netlink.sh            write the generated files
       tools/gen-netlink.sh --check    compare them with what is there
From $SPEC:
$(awk '{ print "  " $1 }' <<< "$OUTPUTS")
EOF
}

die() { echo "gen-netlink: $*" >&2; exit 1; }

check=0
case ${1:-} in
--check) check=1 ;;
-h|--help) usage; exit 0 ;;
"") ;;
*) usage >&2; exit 2 ;;
esac

cd "$TOP"
[ -e "$SPEC" ] || die "no $SPEC"
scripts=$(tools/kernels scripts)

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
# The generator walks upwards to a file called MAINTAINERS, and without one
# for ever; the path from there to the spec is what it writes in its headers.
touch "$stage/MAINTAINERS"
mkdir -p "$stage/$(dirname "$SPEC")"
cp "$SPEC" "$stage/$SPEC"
# The schema is found relative to the spec.
ln -s "$scripts/Documentation/netlink/"*.yaml "$stage/Documentation/netlink/"

status=0
while read -r file mode form; do
	mkdir -p "$stage/$(dirname "$file")"
	timeout 60 /usr/bin/python3 "$scripts/tools/net/ynl/ynl-gen-c.py" \
		--mode "$mode" "$form" --spec "$stage/$SPEC" -o "$stage/$file" \
		< /dev/null || die "the generator failed on $SPEC ($file)"
	[ -s "$stage/$file" ] || die "the generator wrote no $file"
	if [ $check -eq 1 ]; then
		diff -u --label "$file" --label "$file, generated" \
			"$file" "$stage/$file" || status=1
	elif cmp -s "$stage/$file" "$file"; then
		echo "unchanged $file"
	else
		mkdir -p "$(dirname "$file")"
		cat "$stage/$file" > "$file"
		echo "generated $file"
	fi
done <<< "$OUTPUTS"

if [ $check -eq 1 ] && [ $status -ne 0 ]; then
	die "generated files differ from $SPEC: run tools/gen-netlink.sh"
fi
exit $status
