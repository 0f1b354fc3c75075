"""The thread that has checks made in real time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PAUSE = 0.1
"""Seconds between two looks at what is due."""

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Checker:
    """Calls `tick` again and again until stopped."""

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Between `start` and `stop`."""
        return self._thread is not None

    def start(self) -> None:
        """Begin; a second start does nothing."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="health-checks", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End, and wait for the round that is under way."""
        if self._thread is not None:
            self._stopping.set()
            self._thread.join()
            self._thread = None

    def ask_all(self, ask: Callable[[Asked], Answer], questions: Sequence[Asked]) -> list[tuple[Asked, Answer]]:
        """Ask all at once, so that one app that hangs does not delay the checks of the others."""
        if not questions:
            return []
        with ThreadPoolExecutor(max_workers=len(questions)) as pool:
            return list(zip(questions, pool.map(ask, questions), strict=True))

    def _run(self) -> None:
        while not self._stopping.wait(PAUSE):
            self._tick()
