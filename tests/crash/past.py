"""What had been written, registered and read by any moment of the time line; by none of elbroll's code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from elbroll.demo.lifelike.timeline import Call, Moved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from elbroll.demo.world import World

LEDGER = "/elbroll/v1/"
HOSTS = f"{LEDGER}host/"
LOCKS = f"{LEDGER}lock/"
READS = ("DescribeTargetHealth", "DescribeInstanceHealth")
Target = tuple[str, int | None]


class Past:
    """The account since we watch. A moment is a number of entries of the time line."""

    def __init__(self, world: World) -> None:
        self._timeline = world.simulation.timeline
        self.first = len(self._timeline)
        self._at_first = effective(world, LEDGER)
        self._versions = versions(world, LEDGER)

    def calls(self) -> Iterator[tuple[int, Call]]:
        """Every call that was applied, with its place."""
        for place, entry in enumerate(self._timeline.entries):
            if place >= self.first and isinstance(entry, Call) and entry.applied:
                yield place, entry

    def writes(self) -> Iterator[tuple[int, Call, str, dict[str, Any]]]:
        """Every write that counts: over the version right below it (2.5). Place, call, name, value."""
        newest = dict(self._versions)
        for place, call in self.calls():
            if call.action != "PutParameter":
                continue
            name, value = str(call.parameters["Name"]), json.loads(call.parameters["Value"])
            newest[name] = newest.get(name, 0) + 1
            if value["base"] == newest[name] - 1:
                yield place, call, name, value

    def written(self, name: str, moment: int) -> tuple[int, Mapping[str, Any] | None]:
        """What stood there and where it was written; -1 for something that is older than we watch."""
        found: tuple[int, Mapping[str, Any] | None] = (-1, self._at_first.get(name))
        for place, _, written, value in self.writes():
            if written == name and place < moment:
                found = (place, value)
        return found

    def states(self, pool: str, moment: int) -> dict[Target, str]:
        """The last state of every target that has moved."""
        moved = (one for one in self._timeline.entries[self.first : moment] if isinstance(one, Moved))
        return {(one.id, one.port): one.state for one in moved if one.pool == pool}

    def moved_at(self, pool: str, target: Target, moment: int) -> int:
        """Where the last register or deregister call for it stands."""
        sent = (place for place, call in self.calls() if place < moment and _moves(call, pool, target))
        return max(sent, default=-1)

    def healthy_reads(self, pool: str, target: Target, since: int, moment: int) -> int:
        """How often somebody was told that it is healthy."""
        return sum(
            self.states(pool, place).get(target, "healthy") == "healthy"
            for place, call in self.calls()
            if since < call.seen and place < moment and _reads(call, pool, target)
        )


def effective(world: World, path: str) -> dict[str, dict[str, Any]]:
    """The effective values under a path: the newest version that was written over the one before it (2.5)."""
    ssm = world.client("ssm")
    return {name: _effective(ssm, name) for name in versions(world, path)}


def versions(world: World, path: str) -> dict[str, int]:
    """The newest version of every parameter under a path."""
    listing = world.client("ssm").get_paginator("get_parameters_by_path")
    pages = listing.paginate(Path=path.rstrip("/"), Recursive=True)
    return {one["Name"]: one["Version"] for page in pages for one in page["Parameters"]}


def out_of(record: Mapping[str, Any] | None) -> set[tuple[str, str, int | None]]:
    """What a record says is to be put back: pool, target, port."""
    if record is None:
        return set()
    return {(one["pool"], one.get("id", record["host"]), one.get("port")) for one in record.get("out", ())}


def _effective(ssm: Any, name: str) -> dict[str, Any]:
    pages = ssm.get_paginator("get_parameter_history").paginate(Name=name)
    kept = {one["Version"]: json.loads(one["Value"]) for page in pages for one in page["Parameters"]}
    value: dict[str, Any] = kept[max(version for version, value in kept.items() if value["base"] == version - 1)]
    return value


def _moves(call: Call, pool: str, target: Target) -> bool:
    return call.action.startswith(("Register", "Deregister")) and call.pool == pool and target in call.targets


def _reads(call: Call, pool: str, target: Target) -> bool:
    return call.action in READS and call.pool == pool and (not call.targets or target in call.targets)
