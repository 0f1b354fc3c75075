"""Where a host's walk begins, by what its record says and what AWS shows now (safety.md 2.2). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from elbroll.model import RecordState, Step, TargetState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elbroll.core.planned import PlannedHost
    from elbroll.model import HostRecord, PoolId, PoolView


def release_behind(planned: PlannedHost) -> str | None:
    """What rollback commands at the end of this walk bring back: what the host ran before the last deploy commands.

    None where nobody knows, as after a deploy that died half-way, or a second one whose verify was still to come.
    """
    record = planned.record
    if record is None:
        return planned.release_before
    if planned.begin in {Step.DRAIN, Step.DEPLOY}:
        return held_release(record)
    return record.release_before if record.attempt == 1 else None


def held_release(record: HostRecord | None) -> str | None:
    """The release that the host runs as far as its record knows; None where nobody knows."""
    if record is None:
        return None
    match record.state:
        case RecordState.HELD:
            return record.release_before
        case RecordState.DEPLOYED | RecordState.REGISTERING | RecordState.IN_SERVICE:
            return record.release_after
        case RecordState.DEPLOYING | RecordState.GONE | RecordState.UNREADABLE:
            return None
        case _:
            assert_never(record.state)


def is_well(record: HostRecord, views: Mapping[PoolId, PoolView]) -> bool:
    """Whether an open record holds nothing any more: its version is known to serve, and every entry reads healthy."""
    if record.state not in {RecordState.HELD, RecordState.REGISTERING}:
        return False
    entries = [item.registration for item in record.registrations]
    rows = [views[entry.pool].row(entry) if entry.pool in views else None for entry in entries]
    return bool(rows) and all(row is not None and row.state is TargetState.HEALTHY for row in rows)


def begin_of(record: HostRecord | None, release: str | None, showing: int) -> Step:
    """The first step for a host with this open record; `showing`: its targets that AWS lists now, draining ones too.

    A host that is listed anywhere is drained (again) before any command. So is one whose record is `held`: nobody
    has seen its traffic stop (I-5). Without a label no release is the same as another.
    """
    if record is None:
        return Step.DRAIN
    same = release is not None and release == record.release_after
    match record.state:
        case RecordState.DEPLOYED if same:
            return Step.VERIFY
        case RecordState.REGISTERING if same:
            return Step.REGISTER
        case RecordState.DEPLOYING | RecordState.DEPLOYED:
            return Step.DRAIN if showing else Step.DEPLOY
        case _:
            return Step.DRAIN
