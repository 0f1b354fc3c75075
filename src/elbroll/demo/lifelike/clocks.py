"""A clock that a single thread moves by hand, so that a 300 s drain costs nothing (aws.md M4)."""

from __future__ import annotations

import heapq
import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

EPOCH = datetime(2025, 1, 1, tzinfo=UTC)


class VirtualClock:
    """Time that passes only by `advance` or `sleep`. For one thread: never let several move it."""

    def __init__(self, start: datetime = EPOCH) -> None:
        self._start = start
        self._passed = 0.0
        self._watchers: list[Callable[[], None]] = []
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._passed

    def boottime(self) -> float:
        """The same: this clock never sleeps."""
        return self._passed

    def now(self) -> datetime:
        """The wall clock: the start plus all that has passed."""
        return self._start + timedelta(seconds=self._passed)

    def sleep(self, seconds: float) -> None:
        """The same as `advance`; nothing waits."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass, stopping at every moment for which `later` has planned something."""
        end = self._passed + max(0.0, seconds)
        while self._later and self._later[0][0] <= end:
            at, _, act = heapq.heappop(self._later)
            self._move_to(at)
            act()
        self._move_to(end)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something once `seconds` have passed; it happens in the middle of whoever sleeps over that moment."""
        heapq.heappush(self._later, (self._passed + seconds, next(self._order), act))

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` each time the clock has moved, before anything planned for that moment happens."""
        self._watchers.append(watcher)

    def _move_to(self, at: float) -> None:
        self._passed = max(self._passed, at)
        for watcher in self._watchers:
            watcher()
