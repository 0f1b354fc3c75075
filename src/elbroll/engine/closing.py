"""The last part of every way back: what the record's state asks for, and then the closing of the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.core.names import host_word, listed, pool_name, pool_word
from elbroll.engine.healthy import bake
from elbroll.engine.journal import failed_by
from elbroll.engine.returning import come_back, put_back
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


def return_to_service(walker: Walker) -> None:
    """Register, wait for healthy, watch. Raises StepFailed."""
    come_back(walker)
    bake(walker)


def close(walker: Walker, release: str | None) -> None:
    """After every registration was seen healthy. Raises StepFailed of CLOSE: the host serves all the same (F-52).

    A registration whose pool no longer exists keeps the record open until it is given up by name (2.4, F-35).
    """
    try:
        _keep_unresolvable(walker)
        walker.book.in_service(release)
    except ElbrollError as error:
        raise failed_by(Step.CLOSE, error) from error
    walker.room.tell_capacity(walker.room.pools_of(walker.host))


def _keep_unresolvable(walker: Walker) -> None:
    lost = {pool for pool in walker.book.pools() if walker.room.pool(pool) is None}
    if lost:
        walker.book.unresolvable(lost)
    kept = sorted(pool for pool in lost if not {pool, pool_name(pool)} & walker.run.give_up)
    if kept:
        ways = " ".join(f"--give-up {pool_word(pool)}" for pool in kept)
        word = host_word(walker.host.name, walker.host.id)
        text = f"{listed(list(map(pool_name, kept)))} no longer exists: elbroll restore {word} {ways}"
        raise failed(Step.CLOSE, "pool-gone", text)
