"""How a signal reaches the work: a word that anyone may read and whoever waits is woken by."""

from __future__ import annotations

import threading
from enum import IntEnum


class StopMode(IntEnum):
    """What a run has been told to do; it only ever gets stricter (safety.md 8)."""

    GO = 0
    FINISH = 1
    """Start no new host, put draining ones back, await the rest."""
    LEAVE = 2
    """End within 5 s: send put-backs without waiting, leave the rest as recorded."""


class Stop:
    """Set from a signal's thread, read by everyone."""

    def __init__(self) -> None:
        self._mode = StopMode.GO
        self._changed = threading.Condition()

    @property
    def mode(self) -> StopMode:
        """What applies now."""
        return self._mode

    def ask(self, mode: StopMode) -> None:
        """Make it at least as strict as `mode`, and wake all who wait."""
        with self._changed:
            self._mode = max(self._mode, mode)
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, or as soon as the mode gets stricter."""
        with self._changed:
            before = self._mode
            self._changed.wait_for(lambda: self._mode > before, timeout=seconds)
