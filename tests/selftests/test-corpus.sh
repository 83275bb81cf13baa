#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The netlink fuzzer's corpus and what it once found, and a few hundred inputs
# that are drawn the same each time. The fuzzer itself, which goes on for as
# long as one likes and learns from coverage: tests/fuzz/netlink/run.

here=$(cd "$(dirname "$0")" && pwd)/../fuzz/netlink
exec "$here/fuzz" --runs 120 --seed 1 "$here/corpus" "$here/crashers"
