"""Slows writes down to what Parameter Store bears, without slowing one host's walk (Q2)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elbroll.engine.ports import Clock


class Bucket:
    """A token bucket: `burst` takes at once, then `rate` a second."""

    def __init__(self, clock: Clock, *, rate: float = 1.0, burst: int = 10) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._at = clock.monotonic()
        self._lock = threading.Lock()

    def take(self) -> None:
        """Return when it is this caller's turn."""
        with self._lock:
            now = self._clock.monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate) - 1.0
            self._at = now
            debt = -self._tokens / self._rate
        if debt > 0:
            self._clock.sleep(debt)
