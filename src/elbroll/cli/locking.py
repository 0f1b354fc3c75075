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


def acquire(session: Session, pools: Collection[PoolId], holder: Holder, wait: float) -> Lease:
    """All pools or none. Raises Locked once `wait` seconds are over."""
    end = session.clock.monotonic() + wait
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
