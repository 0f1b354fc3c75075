"""Keeps a run's locks alive while it works."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Beats(Protocol):
    """Calls something again and again until told to stop."""

    def start(self, beat: Callable[[], None]) -> None:
        """Begin; `beat` never raises and decides itself whether it is time."""
        ...

    def stop(self) -> None:
        """End; returns at once, even if a beat is under way."""
        ...


class ThreadBeats:
    """A daemon thread: it must beat while all others wait, and must not keep a finished process alive."""

    def __init__(self, every: float = 5.0) -> None:
        self._every = every
        self._over = threading.Event()

    def start(self, beat: Callable[[], None]) -> None:
        """See `Beats.start`."""
        threading.Thread(target=self._run, args=(beat,), name="elbroll-beats", daemon=True).start()

    def stop(self) -> None:
        """See `Beats.stop`."""
        self._over.set()

    def _run(self, beat: Callable[[], None]) -> None:
        while not self._over.wait(self._every):
            beat()
