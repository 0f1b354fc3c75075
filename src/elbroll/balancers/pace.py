"""A token bucket for long scans: other tools of the account live off the same limits (Q1, T20)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elbroll.engine.ports import Clock

ONE = 1 - 1e-9
"""A token, as sums of floats come to it."""


class TokenBucket:
    """`burst` calls at once, then `rate` a second. For one thread."""

    def __init__(self, clock: Clock, *, rate: float = 5.0, burst: int = 20) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._filled = clock.monotonic()

    def take(self) -> None:
        """Return once a call may be made."""
        self._fill()
        while self._tokens < ONE:
            self._clock.sleep((1 - self._tokens) / self._rate)
            self._fill()
        self._tokens -= 1

    def _fill(self) -> None:
        now = self._clock.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
