"""The guard's leave for one host: asked, and asked again while its reason may heal (safety.md 5)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from elbroll.core.guard import Leave, Refuse
from elbroll.core.moved import alone_on_port
from elbroll.core.timing import healthy_limit
from elbroll.engine.journal import failed_by
from elbroll.engine.standby import group_of
from elbroll.engine.waiting import NO_ANSWER, Pace, Wait, wait_until
from elbroll.engine.walker import failed
from elbroll.errors import ElbrollError
from elbroll.model import Step

if TYPE_CHECKING:
    from collections.abc import Collection

    from elbroll.engine.walker import Walker
    from elbroll.model import Registration

ADMISSION = 2.0
"""Seconds between two looks at a guard that may change its mind (F-25)."""

NO_COUNT = frozenset({"halted", "not-registered", "unsettled"})
"""Refusals that have nothing to do with how many are in service."""


def admit(walker: Walker) -> None:
    """Ask the guard, for as long as its reason may heal. Raises StepFailed."""
    while not walker.interrupted():
        wait = _ask_guard(walker)
        if wait.reached:
            return
        heals = isinstance(wait.last, Refuse) and wait.last.heals
        if not (heals and walker.room.others_at_work(walker.host)):
            _refuse(walker, wait)
    raise failed(Step.GUARD, "interrupted", "a signal has come")


def _ask_guard(walker: Walker) -> Wait[Leave | Refuse | ElbrollError]:
    return wait_until(
        lambda: _try_admission(walker),
        lambda verdict: isinstance(verdict, Leave),
        clock=walker.run.clock,
        limit=max((healthy_limit(pool) for pool in walker.room.fleet.pools.values()), default=0.0),
        pace=Pace(ADMISSION),
        give_up=lambda verdict: not isinstance(verdict, Refuse) or not verdict.heals,
        stopped=walker.interrupted,
    )


def _refuse(walker: Walker, wait: Wait[Leave | Refuse | ElbrollError]) -> None:
    """Raises StepFailed with what stood in the way, unless a signal is the reason."""
    if walker.interrupted():
        return
    if isinstance(wait.last, ElbrollError):
        raise failed_by(Step.GUARD, wait.last) from wait.last
    if isinstance(wait.last, Refuse):
        code = wait.last.code if wait.last.code in NO_COUNT else "floor"
        raise failed(Step.GUARD, code, wait.last.message, *wait.last.why)
    raise failed(Step.GUARD, "unanswered", "capacity could not be read", str(wait.silence))


def _try_admission(walker: Walker) -> Leave | Refuse | ElbrollError:
    """The guard's verdict, or the error that trying again will not mend (F-28)."""
    try:
        return walker.room.admit(walker.host, partial(_hold, walker))
    except NO_ANSWER:
        raise
    except ElbrollError as error:
        return error


def _hold(walker: Walker, seen: Collection[Registration]) -> None:
    walker.book.hold(seen, group_of(walker), alone_on_port(walker.host, seen, walker.room.fleet))
