"""The thread that ends what will not end by itself: an overdue call, a line that has fallen silent (H9, H10, T-5)."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Overdue:
    """A stage did not end in time."""

    stage: str
    limit: float

    def __str__(self) -> str:
        return f"{self.stage} did not end within {round(self.limit, 1):g}s"


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing has come from the other side, though it was asked for a sign of life."""

    seconds: float

    def __str__(self) -> str:
        return f"nothing came from it for {self.seconds:g}s, although it was asked"


class Guardian:
    """Calls `cut` once, from a thread of its own, when a stage is overdue or the line too long silent.

    `heard` counts what has come in. Time is the system's, as sockets and paramiko know no other.
    """

    def __init__(self, cut: Callable[[], None], heard: Callable[[], int], tick: float = 1.0) -> None:
        self._cut = cut
        self._heard = heard
        self._tick = tick
        self._changed = threading.Condition()
        self._stages: dict[object, tuple[float, Overdue]] = {}
        self._silence_limit: float | None = None
        self._silent = 0.0
        self._last = (0, 0.0)
        self._closed = False
        self._fate: Overdue | Silent | None = None
        self._thread = threading.Thread(target=self._watch, name="ssh-guardian", daemon=True)
        self._thread.start()

    @property
    def fate(self) -> Overdue | Silent | None:
        """Why the line was cut; None if it was not."""
        return self._fate

    @contextmanager
    def stage(self, name: str, limit: float, of: float | None = None) -> Iterator[None]:
        """Give what runs inside `limit` seconds; after that the line is cut, which ends it with some error.

        `of`: the limit as people know it, where it began earlier and `limit` is what is left of it.
        """
        key = object()
        with self._changed:
            self._stages[key] = (time.monotonic() + limit, Overdue(name, of or limit))
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._stages.pop(key, None)

    def watch_silence(self, limit: float) -> None:
        """From now on, cut the line after `limit` seconds in which nothing was heard."""
        with self._changed:
            self._silence_limit = limit
            self._last = (self._heard(), time.monotonic())
            self._changed.notify()

    def close(self) -> None:
        """Stop watching. Never cuts afterwards, and waits for the thread unless called from it."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(1.0)

    def _watch(self) -> None:
        with self._changed:
            while not self._closed and self._fate is None:
                self._changed.wait(self._pause())
                self._fate = self._overdue() or self._fallen_silent()
        if not self._closed:
            self._cut()

    def _pause(self) -> float | None:
        """Until the next deadline; None: until something changes."""
        pauses = [until - time.monotonic() for until, _ in self._stages.values()]
        if self._silence_limit is not None:
            pauses.append(self._tick)
        return max(0.0, min(pauses)) if pauses else None

    def _overdue(self) -> Overdue | None:
        now = time.monotonic()
        return next((overdue for until, overdue in self._stages.values() if now >= until), None)

    def _fallen_silent(self) -> Silent | None:
        """Counts time in ticks: a laptop that slept, or a stopped process, has not listened in between."""
        if self._silence_limit is None:
            return None
        now, (heard, since) = time.monotonic(), self._last
        self._last = (self._heard(), now)
        self._silent = self._silent + min(now - since, 2 * self._tick) if self._last[0] == heard else 0.0
        return Silent(self._silence_limit) if self._silent >= self._silence_limit else None
