"""The last part of every way back: what the record's state asks for, and then the closing of the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.core.names import pools_gone
from elbroll.core.restoring import waits_for
from elbroll.engine.healthy import bake
from elbroll.engine.journal import failed_by, translated
from elbroll.engine.returning import come_back, put_back, rejoin_group
from elbroll.engine.walker import failed
from elbroll.engine.working import verify
from elbroll.errors import ElbrollError
from elbroll.model import RecordState, Step

if TYPE_CHECKING:
    from elbroll.engine.walker import Walker


def go_back(walker: Walker, release: str | None) -> None:
    """`held` at once, `deployed` after verify, `registering` the rest (safety.md 2.2). Raises StepFailed."""
    match walker.book.state:
        case RecordState.HELD:
            put_back(walker)
        case RecordState.DEPLOYED:
            verify(walker, release)
            return_to_service(walker)
        case RecordState.REGISTERING:
            return_to_service(walker)
        case other:
            says = f"its record says {other or 'nothing'}: nobody knows what it runs"
            raise failed(Step.GUARD, "not-restorable", says)
    close(walker, release)


def go_nowhere(walker: Walker) -> None:
    """None of its pools exists any more, and each was given up by name: its group takes the host back, and its record
    is closed, whatever state it was in (F-35). Nothing sends to it, and nobody knows what it runs. Raises StepFailed.
    """
    with translated(Step.REGISTER):
        _keep_unresolvable(walker, Step.REGISTER)
        if walker.book.standby_group is not None:
            rejoin_group(walker)
    close(walker, None)


def return_to_service(walker: Walker) -> None:
    """Register, wait for healthy, watch. Raises StepFailed."""
    come_back(walker)
    bake(walker)


def close(walker: Walker, release: str | None) -> None:
    """After every registration was seen healthy. Raises StepFailed of CLOSE: the host serves all the same (F-52).

    A registration whose pool no longer exists keeps the record open until it is given up by name (2.4, F-35).
    """
    try:
        _keep_unresolvable(walker, Step.CLOSE)
        walker.book.in_service(release)
    except ElbrollError as error:
        raise failed_by(Step.CLOSE, error) from error
    finally:
        walker.room.tell_capacity(walker.room.pools_of(walker.host))


def _keep_unresolvable(walker: Walker, step: Step) -> None:
    lost = {pool for pool in walker.book.pools() if walker.room.pool(pool) is None}
    if lost:
        walker.book.unresolvable(lost)
    if waits_for(lost, walker.run.give_up):
        raise failed(step, "pool-gone", ": ".join(pools_gone(walker.host.name, walker.host.id, sorted(lost))))
