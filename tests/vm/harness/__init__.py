# SPDX-License-Identifier: GPL-2.0
"""The host's side of the virtual machines that the tests run in."""

import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.dirname(os.path.abspath(__file__)))))

# Exit codes that are not the command's.
TIMEOUT = 124
BROKEN = 125


class Failure(Exception):
    """Something that is not the command's fault, in words for people."""


def cache_dir():
    path = os.environ.get("ZKHSM_CACHE") or os.path.expanduser("~/.cache/zkhsm")
    os.makedirs(path, exist_ok=True)
    return path
