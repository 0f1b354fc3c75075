"""A token bucket: the account's limits are shared with every tool that works in it (Q1, Q2, S-14, T20)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elbroll.engine.ports import Clock


class TokenBucket:
    """`burst` calls at once, then `rate` a second, however many threads want to make them."""

    def __init__(self, clock: Clock, *, rate: float, burst: int) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._at = clock.monotonic()
        self._lock = threading.Lock()

    def ready(self, calls: int) -> None:
        """Return once so many calls can be made without a pause; a bucket that is too small grows to hold them."""
        with self._lock:
            self._burst = max(self._burst, float(calls))
            missing = calls - self._filled()
        if missing > 0:
            self._clock.sleep(missing / self._rate)

    def take(self) -> None:
        """Return when it is this caller's turn, or when its sleep is ended by a signal."""
        with self._lock:
            self._tokens = self._filled() - 1.0
            debt = -self._tokens / self._rate
        if debt > 0:
            self._clock.sleep(debt)

    def _filled(self) -> float:
        now = self._clock.monotonic()
        self._tokens, self._at = min(self._burst, self._tokens + (now - self._at) * self._rate), now
        return self._tokens
