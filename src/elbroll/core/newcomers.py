"""Hosts that came to a fleet while it was rolled: nobody has deployed to them. Pure (F-53, A7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elbroll.core.choice import DEAD
from elbroll.model import Host, HostResult, InstanceState, Outcome, RecordState, TargetState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from elbroll.model import Fleet, HostId, HostRecord, PoolId, PoolView


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A host that joined during the run, with its place at the end."""

    host: Host
    result: HostResult


def newcomers(
    before: Fleet,
    now: Fleet,
    views: Mapping[PoolId, PoolView],
    records: Mapping[HostId, HostRecord],
    release: str | None,
) -> tuple[Newcomer, ...]:
    """Whoever serves now, or was launched by a group, and was unknown when the plan was made.

    `now`, `views`, `records`: of the same pools, read at the end. Who runs the release by a closed record is none.
    """
    joined = [host for host in now.hosts.values() if host.id not in before.hosts and host.state not in DEAD]
    strange = [*joined, *_launched(before, now)]
    return tuple(
        Newcomer(host, _result(host, views, release))
        for host in sorted(strange, key=lambda host: (host.name, host.id))
        if not _runs(records.get(host.id), release)
    )


def _launched(before: Fleet, now: Fleet) -> Iterator[Host]:
    """Members that serve nowhere yet; who was there at the start and not on its way is the group's own business."""
    groups = before.scaling.groups.values()
    known = {*before.hosts, *now.hosts, *(host for group in groups for host in group.hosts - group.launching)}
    for group in now.scaling.groups.values():
        for host in sorted(group.hosts - known):
            yield Host(host, str(host), InstanceState.PENDING, group=group.name)


def _runs(record: HostRecord | None, release: str | None) -> bool:
    closed = record is not None and record.state is RecordState.IN_SERVICE
    return closed and release is not None and record is not None and record.release_after == release


def _result(host: Host, views: Mapping[PoolId, PoolView], release: str | None) -> HostResult:
    states = [row.state for view in views.values() for row in view.rows if host.owns(row.registration)]
    launched = f", launched by {host.group}" if host.group else ""
    return HostResult(
        host=host.id,
        outcome=Outcome.NOT_REACHED,
        in_service=bool(states) and all(state is TargetState.HEALTHY for state in states),
        note=f"joined during the run{launched}: {release or 'the command'} was not deployed to it",
    )
