"""One call a pool and tick, however many hosts wait on it (Q1, S-14)."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Final

from elbroll.aws.pace import TokenBucket
from elbroll.errors import ElbrollError, Unanswered
from elbroll.model import Pool, PoolId, PoolView

if TYPE_CHECKING:
    from collections.abc import Callable

    from elbroll.engine.ports import Clock
    from elbroll.model import TargetSeen

RATE: Final = 4.0
"""Readings a second, of all pools together: the account has 10 for everybody who works in it (Q1)."""
BURST: Final = 20
"""Readings at once, of the 40 that the account has saved up at most: one of each pool before a host leaves."""


@dataclass(slots=True)
class _Flight:
    """One call for a pool's health, under way or landed."""

    number: int
    at: float = inf
    boot: float = inf
    """When it began, by the clock that goes on while the computer sleeps: its age goes by that (F-56). Until then it
    waits for its turn, and serves whoever comes."""
    landed: bool = False
    view: PoolView | None = None
    error: ElbrollError | None = None

    def outcome(self) -> PoolView:
        if self.view is None:
            raise self.error or Unanswered("a reading of the pool's health was cut short")
        return self.view


@dataclass(slots=True)
class _Pool:
    """The newest call of one pool, and the first one that is believed after our last write."""

    newest: _Flight | None = None
    believed_from: int = 1
    landing: threading.Condition = field(default_factory=threading.Condition)


class Poller:
    """Shares readings among threads; never two calls for one pool at once, and few a second for all pools together.

    `read` makes the call.
    """

    def __init__(self, read: Callable[[Pool], tuple[TargetSeen, ...]], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._pace = TokenBucket(clock, rate=RATE, burst=BURST)
        self._pools: dict[PoolId, _Pool] = {}
        self._lock = threading.Lock()

    def look(self, pool: Pool, max_age: float) -> PoolView:
        """A reading that began less than `max_age` seconds ago, or later; 0 wants one that begins now.

        All who wait for one call get its view or its error; an error is never served to those who come later.
        """
        entry = self._entry(pool.id)
        with entry.landing:
            flight, ours = self._board(entry, max_age)
            if not ours:
                entry.landing.wait_for(lambda: flight.landed)
                return flight.outcome()
        return self._fly(entry, flight, pool)

    def turn(self) -> None:
        """For a reading that needs a second call: return when that one's turn has come."""
        self._pace.take()

    def forget(self, pool: PoolId) -> None:
        """After a write: readings that began before now may show the old state and serve nobody any more (Q5)."""
        entry = self._entry(pool)
        with entry.landing:
            entry.believed_from = _number(entry) + 1

    def _entry(self, pool: PoolId) -> _Pool:
        with self._lock:
            return self._pools.setdefault(pool, _Pool())

    def _board(self, entry: _Pool, max_age: float) -> tuple[_Flight, bool]:
        """A flight that serves this caller, and whether it has to fly it itself."""
        oldest = self._clock.boottime() - max_age
        useless = _number(entry) if _useless(entry.newest, oldest) else 0
        while True:
            flight = entry.newest
            if flight is not None and flight.number > useless and flight.number >= entry.believed_from:
                return flight, False
            if flight is None or flight.landed:
                entry.newest = _Flight(_number(entry) + 1)
                return entry.newest, True
            entry.landing.wait()

    def _fly(self, entry: _Pool, flight: _Flight, pool: Pool) -> PoolView:
        try:
            self._pace.take()
            with entry.landing:
                flight.at, flight.boot = self._clock.monotonic(), self._clock.boottime()
            flight.view = PoolView(pool.id, flight.at, self._read(pool))
        except ElbrollError as error:
            flight.error = error
            raise
        finally:
            with entry.landing:
                flight.landed = True
                entry.landing.notify_all()
        return flight.view


def _number(entry: _Pool) -> int:
    return entry.newest.number if entry.newest else 0


def _useless(flight: _Flight | None, oldest: float) -> bool:
    """To somebody who comes now: begun too long ago, or failed before."""
    return flight is not None and (flight.boot <= oldest or (flight.landed and flight.view is None))
