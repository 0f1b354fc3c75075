"""Taking the lock of every pool of a fleet, with as much patience as `--lock-wait` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elbroll.cli.saying import say
from elbroll.engine.stop import StopMode
from elbroll.errors import ExitCode, Interrupted, Locked

if TYPE_CHECKING:
    from collections.abc import Collection

    from elbroll.cli.session import Session
    from elbroll.engine.ports import Lease
    from elbroll.model import Holder, PoolId

AGAIN = 5.0
"""Seconds between two tries."""


class LockWait:
    """What `--lock-wait` allows, in seconds: spent once, however often a run has to wait."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    def acquire(self, session: Session, pools: Collection[PoolId], holder: Holder) -> Lease:
        """All pools or none. Raises Locked once the time is spent, Interrupted."""
        began = session.clock.monotonic()
        try:
            return _acquired(session, pools, holder, began + self._left)
        finally:
            self._left = max(0.0, self._left - (session.clock.monotonic() - began))


def _acquired(session: Session, pools: Collection[PoolId], holder: Holder, end: float) -> Lease:
    told: set[str] = set()
    while True:
        try:
            return session.ledger.acquire(pools, holder)
        except Locked as busy:
            left = end - session.clock.monotonic()
            if left <= 0:
                raise
            if busy.message not in told and not session.flags.quiet:
                told.add(busy.message)
                say(f"{busy.message}: waiting for up to {left:.0f} s")
        session.clock.sleep(min(AGAIN, left))
        if session.stop.mode is not StopMode.GO:
            raise Interrupted(ExitCode.INTERRUPT)
