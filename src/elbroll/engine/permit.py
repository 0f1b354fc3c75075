"""The words of guard and locks, both holding at the instant of a call that takes a host out (I-1, I-10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.engine.room import FRESH
from elbroll.errors import Unanswered

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.engine.walker import Walker

AT_ONCE = 0.5
"""Seconds in which locks are proven that were proven just before."""
JUDGED = FRESH - AT_ONCE
"""Seconds: a reading by which the guard allows a call may be so old when it is asked."""
ROUNDS = 3
"""How often guard and locks are asked in turn until both words hold at once."""


def while_both_hold(walker: Walker, must_be_allowed: Callable[[], None]) -> None:
    """Ask the guard, whose word holds 3 s, and prove the locks, which holds 5 s (F-27, F-56).

    Other pools, silence of AWS, a sleep: asking for one may take so long that the other is over. Raises what
    `must_be_allowed` raises, and Unanswered where it always takes so long.
    """
    clock = walker.run.clock
    for _ in range(ROUNDS):
        must_be_allowed()
        asked = clock.boottime()
        walker.run.lease.confirm(walker.book.pools())
        if clock.boottime() - asked <= AT_ONCE:
            return
    raise Unanswered("the ledger answers too slowly for anybody to leave by a reading that still holds")
