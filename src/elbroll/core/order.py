"""Which host comes next, and in which batch (safety.md 4, I-18). Pure."""

from __future__ import annotations

import re
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Literal, TypeVar, assert_never

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elbroll.model import Host

Order = Literal["spread", "zone", "name"]
T = TypeVar("T")

COUNTED = re.compile(r"\d{1,18}")
"""Numbers in names; nobody counts further, and Python does not read endless ones."""


def in_order(hosts: Iterable[Host], order: Order) -> list[Host]:
    """By name as people count (web-2 before web-10), within the zones as `order` says."""
    by_name = sorted(hosts, key=lambda host: (natural(host.name), host.id))
    zones = sorted({host.zone or "" for host in by_name})
    queues = [[host for host in by_name if (host.zone or "") == zone] for zone in zones]
    match order:
        case "name":
            return by_name
        case "zone":
            return list(chain.from_iterable(queues))
        case "spread":
            turns = zip_longest(*queues)
            return [host for turn in turns for host in turn if host is not None]
        case _:
            assert_never(order)


def batch_of(place: int, size: int, canary: int) -> int:
    """The batch, from 1, of the host at this place, from 0; the canary makes the first one."""
    if canary <= 0:
        return place // size + 1
    return 1 if place < canary else (place - canary) // size + 2


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts names as people count."""
    return tuple(
        (int(part), "") if COUNTED.fullmatch(part) else (-1, part) for part in re.split(r"(\d+)", name) if part
    )
