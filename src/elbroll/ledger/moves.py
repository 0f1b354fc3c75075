"""Which way a host's record may go, and what it must keep on the way (safety.md 2.2, 2.4). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from elbroll.errors import IllegalMove
from elbroll.model import RecordState

if TYPE_CHECKING:
    from elbroll.model import HostRecord

S = RecordState


def next_states(state: RecordState | None) -> frozenset[RecordState]:
    """The states that a record may go to; None stands for no record. Staying in an open state is no move."""
    match state:
        case None | S.IN_SERVICE:
            return frozenset({S.HELD, S.GONE})
        case S.HELD:
            return frozenset({S.HELD, S.DEPLOYING, S.IN_SERVICE, S.GONE})
        case S.DEPLOYING:
            return frozenset({S.DEPLOYING, S.DEPLOYED, S.GONE})
        case S.DEPLOYED:
            return frozenset({S.DEPLOYED, S.DEPLOYING, S.REGISTERING, S.GONE})
        case S.REGISTERING:
            return frozenset({S.REGISTERING, S.DEPLOYED, S.DEPLOYING, S.IN_SERVICE, S.GONE})
        case S.GONE:
            return frozenset({S.GONE})
        case S.UNREADABLE:
            return frozenset()
        case _:
            assert_never(state)


def check_move(before: HostRecord | None, after: HostRecord) -> None:
    """Raises IllegalMove if a record may not become this one.

    While it stays open it keeps every registration, except those that were marked unresolvable before (F-35).
    Where all were, nothing is left to come back to, and it may be closed in any state.
    """
    state = before.state if before else None
    abandoned = before is not None and after.state is S.IN_SERVICE and _leads_nowhere(before)
    if not abandoned and after.state not in next_states(state):
        raise IllegalMove(f"the record of {after.host} may not go from {state or 'none'} to {after.state}")
    if before is not None and before.open and after.open:
        _check_kept(before, after)


def _leads_nowhere(record: HostRecord) -> bool:
    return record.open and bool(record.registrations) and all(item.unresolvable for item in record.registrations)


def _check_kept(before: HostRecord, after: HostRecord) -> None:
    kept = {item.registration for item in after.registrations}
    lost = {item.registration for item in before.registrations if not item.unresolvable} - kept
    if lost:
        names = ", ".join(sorted(f"{item.pool}:{item.port}" for item in lost))
        raise IllegalMove(f"the open record of {after.host} may not lose {names}")
