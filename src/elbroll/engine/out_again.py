"""Out of every pool once more: a host that came back and never got well, or that somebody else brought back (F-50)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.engine.leaving import LEAVES_WITHIN, SENDS_FOR
from elbroll.engine.permit import JUDGED, while_both_hold
from elbroll.engine.standby import enter
from elbroll.engine.waiting import Pace, wait_until
from elbroll.errors import ElbrollError, Unanswered

if TYPE_CHECKING:
    from elbroll.engine.walker import Walker
    from elbroll.model import Pool, Registration


def take_out_again(walker: Walker) -> bool:
    """Deregister the host, and see it leave; its traffic is not waited for.

    False: before all was sent it turned out to be needed. Raises what AWS calls raise, and Unanswered where nobody saw
    it leave.
    """
    try:
        _send(walker)
    except _NeededError:
        return False
    wait = wait_until(
        lambda: walker.room.registered(walker.host, 0.0),
        lambda seen: not seen,
        clock=walker.run.clock,
        limit=LEAVES_WITHIN,
        pace=Pace(walker.tick, again=walker.tick, good_looks=2),
        stopped=walker.leaving_now,
    )
    if not wait.reached:
        raise Unanswered(f"nobody saw {walker.host.name} leave")
    return True


def _send(walker: Walker) -> None:
    def must_be_allowed() -> None:
        if not walker.room.may_leave_again(walker.host, JUDGED):
            raise _NeededError("others have fallen sick")

    def leave_now(pool: Pool, entries: tuple[Registration, ...]) -> None:
        while_both_hold(walker, must_be_allowed)
        walker.run.balancer.deregister(pool, entries)

    theirs = enter(walker, walker.leaving_now, lambda: while_both_hold(walker, must_be_allowed))
    walker.send(leave_now, SENDS_FOR, only=walker.book.registrations - theirs)


class _NeededError(ElbrollError):
    """Taking the host out again would empty a pool."""
