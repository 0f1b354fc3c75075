"""The real clock: the only module that reads time or sleeps (beside the demo's world)."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elbroll.engine.stop import Stop

_COUNTS_SLEEP = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux has a clock of its own for that; elsewhere the system's monotonic clock counts sleep, and Python's does not."""


class SystemClock:
    """Time as the system tells it. With a `Stop`, `sleep` ends early when a signal has come."""

    def __init__(self, stop: Stop | None = None) -> None:
        self._stop = stop

    def monotonic(self) -> float:
        """Seconds since some point; never goes back; stands still while a computer sleeps."""
        return time.monotonic()

    def boottime(self) -> float:
        """The same, and it goes on while a computer sleeps."""
        return time.clock_gettime(_COUNTS_SLEEP)

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`, or earlier when a signal has come."""
        if self._stop is None:
            time.sleep(max(0.0, seconds))
        else:
            self._stop.wait(max(0.0, seconds))
