"""Names of things, as types of their own."""

from __future__ import annotations

import re
from typing import NewType

PoolId = NewType("PoolId", str)
"""`tg/NAME/HASH` for a target group (the end of its ARN), `clb/NAME` for a classic balancer.

Unique within account and region, free of colons, so that it can be part of a ledger key."""

HostId = NewType("HostId", str)
"""The instance id, or `ip-VPC-ADDRESS` (colons as dots) for a bare address of an `ip` target group."""

RunId = NewType("RunId", str)
"""Six hexadecimal digits, fresh for each invocation that may change things."""

LABEL = re.compile(r"[A-Za-z0-9._+][A-Za-z0-9._+-]{0,127}")
"""A release's name: no shell, no option and no terminal makes anything of it (S-4)."""
